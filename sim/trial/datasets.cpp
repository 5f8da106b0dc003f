#include <dynvert/sim/trial/datasets.hpp>

#include <fmt/format.h>

#include <numeric>

namespace dynvert {

namespace {

template <typename AnyNetwork, typename AnyFeedback>
auto& matrix_of(const WeightsDataset& dataset, AnyNetwork& network, AnyFeedback& feedback) {
  switch (dataset.of) {
    case WeightsDataset::Of::forward:
      return network.W[dataset.number];
    case WeightsDataset::Of::bias:
      // a column is a matrix, too
      return static_cast<decltype(network.W[0])>(network.b[dataset.number]);
    case WeightsDataset::Of::feedback:
      break;
  }
  return feedback[dataset.number];
}

}  // namespace

std::vector<UnitAxis> layer_axes(const std::vector<std::size_t>& layers) {
  std::vector<UnitAxis> axes;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    axes.push_back({fmt::format("unit_{}", l), layers[l], fmt::format("number of the unit in layer {}", l)});
  }
  return axes;
}

Axis counted(const UnitAxis& axis) {
  Axis result{.name = axis.name, .values = std::vector<double>(axis.units), .description = axis.description};
  std::iota(result.values.begin(), result.values.end(), 0.0);
  return result;
}

DatasetSpec counter(std::string name, std::string description) {
  return {.name = std::move(name), .type = ValueType::integer, .description = std::move(description)};
}

DatasetSpec slot_dataset() {
  return counter("slot", "the rows take turns; the attribute slot_committed names the one of the last commit");
}

DatasetSpec converged_flag(std::string name, std::string description) {
  DatasetSpec flag = counter(std::move(name), std::move(description));
  flag.legend = "1 yes, 0 no, -1 the trial failed, -2 there is no unique steady state";
  return flag;
}

DatasetSpec measure_dataset(const TrialMeasure& measure, std::size_t l) {
  return {.name = fmt::format("{}_{}", measure.name, l),
          .units = std::string(measure.units),
          .description = std::string(measure.description)};
}

DatasetSpec steps_dataset(std::size_t loop) {
  return counter(fmt::format("steps_{}", loop), "steps of the solver; Newton iterations of fixed_point");
}

DatasetSpec converged_dataset(std::size_t loop) {
  return converged_flag(fmt::format("converged_{}", loop), "whether the loop was within 2 % of its steady state");
}

const arma::mat& WeightsDataset::matrix(const Network& network, const Feedback& feedback) const {
  return matrix_of(*this, network, feedback);
}

arma::mat& WeightsDataset::matrix(Network& network, Feedback& feedback) const {
  return matrix_of(*this, network, feedback);
}

std::vector<WeightsDataset> weights_datasets(const Config& config, const ModelConfig& model) {
  using Of = WeightsDataset::Of;
  const auto& layers = config.network.layers;
  const auto axes = layer_axes(layers);
  std::vector<WeightsDataset> all;
  for (std::size_t l = 1; l < layers.size(); ++l) {
    all.push_back(
        {{.name = fmt::format("W{}", l), .axes = {axes[l].name, axes[l - 1].name}, .description = "forward weights"},
         Of::forward,
         l});
    if (!config.network.bias) continue;
    all.push_back({{.name = fmt::format("b{}", l), .axes = {axes[l].name}, .description = "biases"}, Of::bias, l});
  }
  const CreditModel& credit = credit_model(model.credit);
  if (!credit.feedback) return all;
  for (const FeedbackPath& path : credit.feedback(layers.size() - 1)) {
    all.push_back(
        {{.name = path.name, .axes = {axes[path.bottom].name, axes[path.top].name}, .description = "feedback weights"},
         Of::feedback,
         path.number});
  }
  return all;
}

Table<WeightsRow> weights_table(const Config& config, const ModelConfig& model) {
  Table<WeightsRow> table(fmt::format("/models/{}/weights", model.name), "snapshot");
  for (const UnitAxis& axis : layer_axes(config.network.layers)) table.add_axis(counted(axis));
  table.add_number(counter("snapshot", "trials done by then"),
                   [](const WeightsRow& row) { return static_cast<double>(row.trials_done); });
  for (WeightsDataset& dataset : weights_datasets(config, model)) {
    table.add(dataset.spec, [dataset](const WeightsRow& row, std::vector<double>& values) {
      append_row_major(values, dataset.matrix(row.network, row.feedback));
    });
  }
  return table;
}

void append_row_major(std::vector<double>& to, const arma::mat& m) {
  for (arma::uword i = 0; i < m.n_rows; ++i) {
    for (arma::uword j = 0; j < m.n_cols; ++j) to.push_back(m(i, j));
  }
}

void read_row_major(std::span<const double> from, arma::mat& to) {
  for (arma::uword i = 0; i < to.n_rows; ++i) {
    for (arma::uword j = 0; j < to.n_cols; ++j) to(i, j) = from[i * to.n_cols + j];
  }
}

}  // namespace dynvert
