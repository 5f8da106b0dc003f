#pragma once

/// Traces: what the file keeps of the trajectories of a trial, one row (record) a trial. Made from a trial's stages,
/// whatever experiment they belong to.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/columns.hpp>
#include <dynvert/sim/trial/datasets.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// Whether record.trials or record.every asks for a trace of the trial.
[[nodiscard]] bool is_requested(const RecordConfig& record, std::size_t trial);
/// Trials below `trials` that are requested.
[[nodiscard]] std::size_t requested_trials(const RecordConfig& record, std::size_t trials);

/// What the file keeps of a model's trajectories.
struct TraceSettings {
  double interval = 0;                        ///< time between samples in the file
  double sample_interval = 0;                 ///< between samples of the trajectories; divides `interval`
  std::vector<std::string> populations = {};  ///< that are recorded; empty: all that move
  std::vector<RecordedPopulation> own = {};   ///< that are recorded in their own way, besides
};
/// The names that [record] gives, in either way; empty: none.
[[nodiscard]] std::vector<std::string> named_populations(const RecordConfig& record);

/// What a record says beside its trajectories.
struct TraceRow {
  std::size_t record = 0, trial = 0;
  std::int64_t converged = 0;
  double settling_time = 0;
};

/// A trial of which a record is made.
struct TraceRecord {
  TraceRow row;
  std::span<const StageRunner* const> stages;  ///< those of the table
  const Network& network;
  const Activity& activity;
  const Credit& credit;
  std::size_t column = 0;  ///< of the batch
};

/// The table PATH/trace of these stages. The stages may differ later in what they compute, not in what they hold.
[[nodiscard]] Table<TraceRecord> trace_table(const std::string& path, std::span<const StagePlan> stages,
                                             const TraceSettings& settings);

/// The latest settling time of the loops of a stage of one trial (SingleTrial, or a batch of one), from when the phase
/// begins in which credit is read. NaN: one did not settle, or there is no steady state.
[[nodiscard]] double latest_settling_time(const StageResult& result, const State& steady);

/// name of the time axis of a stage's traces
[[nodiscard]] std::string time_name(const Stage& stage);

}  // namespace dynvert
