// The state of a model between two trials, as a row of its group in the file, and back.

#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <algorithm>
#include <span>

namespace dynvert {
namespace {

void read_row_major(std::span<const double> from, arma::mat& to) {
  for (arma::uword i = 0; i < to.n_rows; ++i) {
    for (arma::uword j = 0; j < to.n_cols; ++j) to(i, j) = from[i * to.n_cols + j];
  }
}

}  // namespace

GroupSpec state_group(const ModelConfig& model, const GroupSpec& weights) {
  GroupSpec group{.path = "/models/" + model.name + "/state", .row_dimension = "slot", .axes = weights.axes};
  const auto counter = [&](const char* name, const char* description) {
    group.datasets.push_back({.name = name, .type = ValueType::integer, .description = description});
  };
  counter("slot", "the rows take turns; the attribute slot_committed names the one of the last commit");
  group.datasets.insert(group.datasets.end(), weights.datasets.begin() + 1, weights.datasets.end());
  counter("trials", "trials done by then");
  counter("diverged", "trials that diverged or failed otherwise");
  counter("kept_unasked", "recorded trials that nobody asked for");
  counter("records", "rows of trace");
  counter("snapshots", "rows of weights");
  counter("last_snapshot", "trials done at the last of them");
  group.datasets.push_back({.name = "last_loss", .description = "the train_loss evaluated last"});
  group.datasets.push_back({.name = "largest_loss", .description = "the largest finite train_loss"});
  return group;
}

Rows ModelTrainer::state() const {
  Rows row(groups_.state);
  row.count = 1;
  append_weights(network_, paths_, feedback_, row);
  std::size_t column = groups_.weights.datasets.size();
  for (const double value :
       {static_cast<double>(trials_done_), static_cast<double>(diverged_trials_),
        static_cast<double>(recorded_automatically_), static_cast<double>(records_), static_cast<double>(snapshots_),
        static_cast<double>(last_snapshot_.value_or(0)), last_loss_, largest_loss_}) {
    row.values[column++].push_back(value);
  }
  return row;
}

void ModelTrainer::restore(const Rows& state) {
  std::size_t column = 1;  // the slots number themselves
  for (std::size_t l = 1; l <= network_.depth(); ++l) {
    read_row_major(state.values.at(column++), network_.W[l]);
    if (network_.bias) read_row_major(state.values.at(column++), network_.b[l]);
  }
  for (const FeedbackPath& path : paths_) read_row_major(state.values.at(column++), feedback_[path.number]);
  const auto next = [&] { return state.values.at(column++).at(0); };
  trials_done_ = static_cast<std::size_t>(next());
  diverged_trials_ = static_cast<std::size_t>(next());
  recorded_automatically_ = static_cast<std::size_t>(next());
  records_ = static_cast<std::size_t>(next());
  snapshots_ = static_cast<std::size_t>(next());
  last_snapshot_ = static_cast<std::size_t>(next());
  last_loss_ = next();
  largest_loss_ = next();
  // what the constructor recorded of the start is in the file
  rows_ = ModelRows(groups_);
}

}  // namespace dynvert
