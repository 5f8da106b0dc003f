#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/inspect/recorded_model.hpp>
#include <dynvert/sim/registry.hpp>
#include <dynvert/sim/trial/datasets.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

const ModelConfig& model_of(const Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.models, name, &ModelConfig::name);
  if (found == config.models.end()) {
    throw ValueError("model " + name, "is not in the configuration of the file", "the names of its models");
  }
  return *found;
}

/// One row of a dataset as a column, or nothing.
std::optional<arma::mat> row_as_column(const RunReader& file, const std::string& dataset, double row,
                                       std::size_t expected) {
  if (!file.has(dataset)) return std::nullopt;
  const auto shape = file.shape(dataset);
  if (shape.empty() || !(row >= 0 && row < static_cast<double>(shape[0]))) return std::nullopt;
  const auto values = file.rows(dataset, static_cast<std::size_t>(row), 1).values;
  if (values.size() < expected) return std::nullopt;
  return arma::mat(values.data(), expected, 1);
}

}  // namespace

std::size_t trial_number(const RunReader& file, const std::string& dataset, double value) {
  constexpr double most = 9007199254740992.0;  // whole numbers are exact up to 2^53
  if (!(value >= 0 && value <= most)) {
    throw IoError(file.path() + ":" + dataset, fmt::format("holds {}, which is not a trial number", value));
  }
  return static_cast<std::size_t>(value);
}

Config recorded_config(const RunReader& file) {
  const auto text = file.attribute("/", "config");
  if (!text || !std::holds_alternative<std::string>(*text)) {
    throw IoError(file.path(), "has no attribute config, which says what was run");
  }
  return parse_config(std::get<std::string>(*text), file.path() + "@config", {}, std::nullopt, std::nullopt,
                      config_registry());
}

RecordedModel::RecordedModel(const RunReader& file, const Config& config, const std::string& name)
    : file_(file),
      config_(&config),
      model_(&model_of(config, name)),
      learns_(experiment_type(config.kind).learns),
      network_(empty_network(config)) {
  stages_ = model_stages(config, *model_, network_, loop_parameters(config, *model_));
  const auto [credit, circuit] = credit_of(config, *model_);
  circuit_ = circuit;
  if (circuit_ != nullptr) circuit_->size_matrices(network_);
  if (credit.feedback) paths_ = credit.feedback(network_.depth());
  snapshots_ = file.column(fmt::format("/models/{}/weights/snapshot", name));
  if (snapshots_.empty()) throw IoError(file.path() + ":/models/" + name + "/weights", "has no snapshot");
}

RecordedModel::Snapshot RecordedModel::before(std::size_t trial) const {
  // several of one number: feedback was optimised again in between, and the last holds it
  const auto after = std::ranges::upper_bound(snapshots_, static_cast<double>(trial));
  const auto row = static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - snapshots_.begin() - 1, 0));
  const std::size_t trials = trial_number(file_, fmt::format("/models/{}/weights/snapshot", name()), snapshots_[row]);
  return {.row = row, .trials = trials, .exact = !learns_ || trials == trial};
}

arma::mat RecordedModel::matrix(const std::string& name, std::size_t row, std::size_t rows, std::size_t columns) const {
  const std::string dataset = fmt::format("/models/{}/weights/{}", model_->name, name);
  const auto values = file_.rows(dataset, row, 1).values;
  if (values.size() != rows * columns) {
    throw IoError(file_.path() + ":" + dataset, fmt::format("has {} values a row", values.size()),
                  fmt::format("a file whose weights are {}x{}, as its configuration says", rows, columns));
  }
  // no run leaves such weights, and what factorises them does not take them
  if (!std::ranges::all_of(values, [](double v) { return std::isfinite(v); })) {
    throw IoError(file_.path() + ":" + dataset, fmt::format("holds values that are not finite in row {}", row));
  }
  // Armadillo keeps columns together, the file rows.
  return arma::mat(values.data(), columns, rows).t();
}

void RecordedModel::load(const Snapshot& snapshot) {
  if (loaded_ == snapshot.row) return;
  loaded_.reset();
  for (const FeedbackPath& path : paths_) {
    feedback_.resize(std::max(feedback_.size(), path.number + 1));
    feedback_[path.number].set_size(network_.units[path.bottom], network_.units[path.top]);
  }
  for (const WeightsDataset& dataset : weights_datasets(*config_, *model_)) {
    arma::mat& M = dataset.matrix(network_, feedback_);
    M = matrix(dataset.spec.name, snapshot.row, M.n_rows, M.n_cols);
  }
  if (circuit_ != nullptr) circuit_->take_feedback(network_, feedback_);
  loaded_ = snapshot.row;
}

std::optional<Activity> RecordedModel::activity(std::size_t trial) const {
  refuse_carried_states();
  const auto sample = row_as_column(file_, "/task/order", static_cast<double>(trial), 1);
  if (!sample) return std::nullopt;
  auto x = row_as_column(file_, "/task/x", (*sample)(0), network_.units.front());
  auto t = row_as_column(file_, "/task/t", (*sample)(0), network_.units.back());
  if (!x || !t) return std::nullopt;
  return activity_of(trial, std::move(*x), std::move(*t));
}

void RecordedModel::refuse_carried_states() const {
  if (circuit_ == nullptr || circuit_->carried().empty()) return;
  throw ValueError(name(), "begins its trials from the states that earlier ones have left, which are not recorded",
                   "circuits without [trial] carry");
}

Activity RecordedModel::activity_of(std::size_t trial, arma::mat x, arma::mat t) const {
  refuse_carried_states();
  Activity activity;
  forward(network_, x, t, activity);
  activity.x = std::move(x);
  activity.t = std::move(t);
  Credit credit(network_.depth() + 1);
  if (circuit_ != nullptr) circuit_->start(network_, activity, credit, {.trial = trial});
  return activity;
}

bool RecordedModel::set_parameters(std::size_t trial, const Stage& stage, RightHandSide& f) const {
  const std::string grid = fmt::format("/models/{}/grid", name());
  if (!file_.has(grid)) return false;
  for (const ControlLoop& loop : stage.loops) {
    if (file_.has(grid + "/alpha")) f.leak(loop.controller)[0] = file_.value(grid + "/alpha", trial);
    if (file_.has(grid + "/tau_u")) f.tau(loop.controller)[0] = file_.value(grid + "/tau_u", trial);
  }
  return true;
}

}  // namespace dynvert
