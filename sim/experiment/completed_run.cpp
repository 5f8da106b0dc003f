#include <dynvert/sim/experiment/completed_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

/// Whether the last snapshot was taken for another reason than that the run had ended: an unbroken run has it, too.
bool keeps_last_snapshot(Recorder& recorder, const Config& config, const ModelTables& tables,
                         const RecordedGroups& groups, std::size_t trials) {
  const std::size_t every = config.record.weights_every;
  if (trials == 0 || (every > 0 && trials % every == 0)) return true;
  return std::ranges::any_of(tables.learning.spec().datasets, [&](const DatasetSpec& dataset) {
    return dataset.name.starts_with("restabilised") &&
           recorder.read(groups.learning, dataset.name, recorder.rows(groups.learning) - 1, 1).front() == 1;
  });
}

TrainerCounts counts_of_completed(Recorder& recorder, const Config& config, const std::string& model,
                                  const ModelTables& tables, const RecordedGroups& groups, std::size_t trials) {
  TrainerCounts counts{.trials_done = trials, .diverged = recorded_failures(recorder, model)};
  if (!tables.trace.empty()) {
    counts.records = recorder.rows(groups.trace);
    counts.recorded_automatically = counts.records - requested_trials(config.record, trials);
  }
  const std::size_t rows = recorder.rows(groups.weights);
  const std::vector<double> snapshots = recorder.read(groups.weights, "snapshot", 0, rows);
  counts.snapshots = rows;
  if (rows > 1 && snapshots.back() == static_cast<double>(trials) &&
      !keeps_last_snapshot(recorder, config, tables, groups, trials)) {
    --counts.snapshots;
  }
  counts.last_snapshot = static_cast<std::size_t>(snapshots.at(counts.snapshots - 1));
  const std::vector<double> losses = recorder.read(groups.eval, "train_loss", 0, recorder.rows(groups.eval));
  counts.last_loss = losses.back();
  for (const double loss : losses) {
    if (std::isfinite(loss)) counts.largest_loss = std::max(counts.largest_loss, loss);
  }
  return counts;
}

}  // namespace

Rows state_of_completed(Recorder& recorder, const Config& config, const std::string& model, const ModelTables& tables,
                        const RecordedGroups& groups, std::size_t trials) {
  const auto remembers = [](const WeightsDataset& m) { return m.of == WeightsDataset::Of::memory; };
  if (!tables.carried.datasets.empty() || std::ranges::any_of(tables.matrices, remembers))
    throw ValueError(
        fmt::format("model {}", model),
        "cannot be made longer once the run is complete: what its optimisers remember, or its trials carry "
        "over, is not in the file any more",
        "a run of its own, with more trials");
  Rows state(tables.state);
  state.count = 1;
  // the weights after the last trial are the last snapshot
  const std::size_t last = recorder.rows(groups.weights) - 1;
  for (std::size_t m = 0; m < tables.matrices.size(); ++m) {
    state.values.at(m + 1) = recorder.read(groups.weights, tables.matrices[m].spec.name, last, 1);
  }
  put_counts(tables, counts_of_completed(recorder, config, model, tables, groups, trials), state);
  return state;
}

std::size_t recorded_failures(const Recorder& recorder, const std::string& model) {
  const auto value = recorder.attribute(fmt::format("/models/{}", model), "diverged_trials");
  return value && std::holds_alternative<std::int64_t>(*value)
             ? static_cast<std::size_t>(std::max<std::int64_t>(0, std::get<std::int64_t>(*value)))
             : 0;
}

}  // namespace dynvert
