#pragma once

/// A run that is complete has no state to resume from. To make it longer, the state after its last trial is put
/// together from what it has recorded.

#include <dynvert/sim/experiment/model_tables.hpp>
#include <dynvert/sim/record/recorder.hpp>

#include <cstddef>

namespace dynvert {

/// The groups of a model in a recorder that resumes a run.
struct RecordedGroups {
  std::size_t learning = 0, eval = 0, weights = 0, trace = 0;
};

/// A row of tables.state after so many trials, which are all that the recorder has.
[[nodiscard]] Rows state_of_completed(Recorder& recorder, const Config& config, const std::string& model,
                                      const ModelTables& tables, const RecordedGroups& groups, std::size_t trials);

/// The attribute diverged_trials of a model.
[[nodiscard]] std::size_t recorded_failures(const Recorder& recorder, const std::string& model);

}  // namespace dynvert
