// The state of a model between two trials, as a row of its group in the file, and back.

#include <dynvert/sim/experiment/model_tables.hpp>

#include <array>
#include <cstddef>

namespace dynvert {
namespace {

/// A number of the state, where it is kept.
struct Count {
  const char* name;
  const char* description;
  std::variant<std::size_t TrainerCounts::*, double TrainerCounts::*> member;
};

constexpr std::array<Count, 8> counts_of_state{{
    {"trials", "trials completed by then", &TrainerCounts::trials_done},
    {"diverged", "trials that diverged or failed for another reason", &TrainerCounts::diverged},
    {"kept_unasked", "trials recorded automatically because they diverged or did not settle",
     &TrainerCounts::recorded_automatically},
    {"records", "rows of trace", &TrainerCounts::records},
    {"snapshots", "rows of weights", &TrainerCounts::snapshots},
    {"last_snapshot", "trials completed at the last of them", &TrainerCounts::last_snapshot},
    {"last_loss", "the train_loss evaluated last", &TrainerCounts::last_loss},
    {"largest_loss", "the largest finite train_loss", &TrainerCounts::largest_loss},
}};

}  // namespace

GroupSpec state_group(const ModelConfig& model, const Table<WeightsRow>& weights,
                      std::span<const WeightsDataset> matrices, const CarriedDatasets& carried) {
  GroupSpec group{.path = "/models/" + model.name + "/state", .row_dimension = "slot", .axes = weights.spec().axes};
  group.datasets.push_back(slot_dataset());
  for (const WeightsDataset& matrix : matrices) group.datasets.push_back(matrix.spec);
  for (const Count& count : counts_of_state) {
    const bool whole = std::holds_alternative<std::size_t TrainerCounts::*>(count.member);
    group.datasets.push_back(
        {.name = count.name, .type = whole ? ValueType::integer : ValueType::real, .description = count.description});
  }
  group.axes.insert(group.axes.end(), carried.axes.begin(), carried.axes.end());
  group.datasets.insert(group.datasets.end(), carried.datasets.begin(), carried.datasets.end());
  return group;
}

Rows state_row(const ModelTables& tables, const Network& network, const Feedback& feedback, const TrainerCounts& counts,
               std::span<const arma::mat> carried) {
  Rows row(tables.state);
  row.count = 1;
  std::size_t column = 1;  // the slots number themselves
  for (const WeightsDataset& matrix : tables.matrices) {
    append_row_major(row.values[column++], matrix.matrix(network, feedback));
  }
  put_counts(tables, counts, row);
  column += counts_of_state.size();
  for (const arma::mat& states : carried) append_row_major(row.values[column++], states);
  return row;
}

void put_counts(const ModelTables& tables, const TrainerCounts& counts, Rows& row) {
  std::size_t column = 1 + tables.matrices.size();
  for (const Count& count : counts_of_state) {
    row.values[column++].push_back(
        std::visit([&](auto member) { return static_cast<double>(counts.*member); }, count.member));
  }
}

void read_state(const ModelTables& tables, const Rows& row, Network& network, Feedback& feedback, TrainerCounts& counts,
                std::span<arma::mat> carried) {
  std::size_t column = 1;
  for (const WeightsDataset& matrix : tables.matrices) {
    read_row_major(row.values.at(column++), matrix.matrix(network, feedback));
  }
  for (const Count& count : counts_of_state) {
    const double value = row.values.at(column++).at(0);
    std::visit(
        [&](auto member) { counts.*member = static_cast<std::remove_reference_t<decltype(counts.*member)>>(value); },
        count.member);
  }
  for (arma::mat& states : carried) read_row_major(row.values.at(column++), states);
}

}  // namespace dynvert
