#pragma once

/// Traces: what the file keeps of the trajectories of a trial, one row (record) a trial. Made from a trial's stages,
/// whatever experiment they belong to.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/table.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// The axis over the units of a layer, "unit_2": 0 .. units - 1.
[[nodiscard]] Axis layer_axis(std::size_t layer, std::size_t units);
/// The axis over the units of a population: that of its layer, or "unit_E" where it is of none.
[[nodiscard]] Axis unit_axis(const Population& population);
/// Role, layer and loop of a population, as its dataset has them.
[[nodiscard]] std::vector<Attribute> role_attributes(const Population& population);
/// The attribute `role` alone, of a dataset that is no population's.
[[nodiscard]] std::vector<Attribute> role_attribute(std::string role);

/// A stage and the phases that it runs through.
struct StagePlan {
  Stage stage;
  std::vector<Phase> phases;
};

/// What the file keeps of a model's trajectories.
struct TraceSettings {
  double interval = 0;         ///< time between samples in the file
  double sample_interval = 0;  ///< between samples of the trajectories; divides `interval`
  const RecordConfig* record = nullptr;
};

inline constexpr auto converged_legend = "1 yes, 0 no, -1 the trial failed, -2 there is no unique steady state";
/// A dataset of integers over the row dimension alone.
[[nodiscard]] DatasetSpec counter(std::string name, std::string description);

/// The group PATH/trace of these stages.
[[nodiscard]] GroupSpec trace_group(const std::string& path, std::span<const StagePlan> stages,
                                    const TraceSettings& settings);

/// What a record says beside its trajectories.
struct TraceRow {
  std::size_t record = 0, trial = 0;
  std::int64_t converged = 0;
  double settling_time = 0;
};

/// Appends one record.
/// @param group   made by trace_group of the same stages
/// @param column  of the batch
void append_trace(const GroupSpec& group, const TraceSettings& settings, const TraceRow& row,
                  std::span<const StageRunner* const> stages, const Network& network, const Activity& activity,
                  const Credit& credit, std::size_t column, Rows& rows);

/// The latest settling time of the loops of a stage of one trial (SingleTrial, or a batch of one), from when the phase
/// begins in which credit is read. NaN: one did not settle, or there is no steady state.
[[nodiscard]] double latest_settling_time(const StageResult& result, const State& steady);

/// Whether a block of a stage's state is traced: the populations that record.populations names, or all that move.
[[nodiscard]] bool is_recorded(const RecordConfig& record, const Stage& stage, const RightHandSide& f,
                               std::size_t block);
/// name of the time axis of a stage's traces
[[nodiscard]] std::string_view time_name(const Stage& stage);

/// Row-major, as the file has it.
void append_row_major(std::vector<double>& to, const arma::mat& m);

}  // namespace dynvert
