#include <dynvert/sim/trial/datasets.hpp>
#include <dynvert/sim/trial/model_credit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

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
    case WeightsDataset::Of::others:
      return network.others[dataset.number];
    case WeightsDataset::Of::memory:
      return network.memory[dataset.number];
    case WeightsDataset::Of::feedback:
      break;
  }
  return feedback[dataset.number];
}

/// An axis with the coordinates 0 .. units - 1.
Axis counted(std::string name, std::size_t units, std::string description) {
  Axis axis{.name = std::move(name), .values = std::vector<double>(units), .description = std::move(description)};
  std::iota(axis.values.begin(), axis.values.end(), 0.0);
  return axis;
}

}  // namespace

Axis layer_axis(std::size_t layer, std::size_t units) {
  return counted(fmt::format("unit_{}", layer), units, fmt::format("number of the unit in layer {}", layer));
}

Axis unit_axis(const Population& population) {
  if (population.layer) return layer_axis(*population.layer, population.units);
  return counted("unit_" + population.name, population.units, fmt::format("number of the unit in {}", population.name));
}

std::vector<Attribute> role_attributes(const Population& population) {
  auto attributes = role_attribute(std::string(role_names()[static_cast<std::size_t>(population.role)]));
  if (population.layer) attributes.push_back(number_attribute("layer", *population.layer));
  if (population.loop) attributes.push_back(number_attribute("loop", *population.loop));
  return attributes;
}

std::vector<Attribute> role_attribute(std::string role) { return {{"role", std::move(role)}}; }

Attribute number_attribute(std::string name, std::size_t value) {
  return {std::move(name), static_cast<std::int64_t>(value)};
}

DatasetSpec counter(std::string name, std::string description) {
  return {.name = std::move(name), .type = ValueType::integer, .description = std::move(description)};
}

DatasetSpec slot_dataset() {
  return counter("slot",
                 "the rows are written alternately; the attribute slot_committed names the one of the last commit");
}

DatasetSpec converged_flag(std::string name, std::string description) {
  DatasetSpec flag = counter(std::move(name), std::move(description));
  flag.legend =
      "1 yes, 0 no, -1 the trial failed, -2 there is no unique steady state, -3 not defined: the error fluctuates";
  return flag;
}

DatasetSpec measure_dataset(const TrialMeasure& measure, const std::string& of) {
  return {.name = fmt::format("{}_{}", measure.name, of),
          .units = std::string(measure.units),
          .description = std::string(measure.description)};
}

DatasetSpec steps_dataset(std::size_t loop) {
  return counter(fmt::format("steps_{}", loop), "steps of the solver; Newton iterations of fixed_point");
}

DatasetSpec converged_dataset(std::size_t loop) {
  return converged_flag(fmt::format("converged_{}", loop),
                        "whether the loop was within settling_band (2 % by default) of its steady state");
}

const arma::mat& WeightsDataset::matrix(const Network& network, const Feedback& feedback) const {
  return matrix_of(*this, network, feedback);
}

arma::mat& WeightsDataset::matrix(Network& network, Feedback& feedback) const {
  return matrix_of(*this, network, feedback);
}

namespace {

dynvert::Population population_of(const CircuitPlan& plan, std::size_t p) {
  const equations::Population& population = plan.description().populations[p];
  return {.name = population.name.in_files(), .units = population.units, .layer = plan.layer(p)};
}

/// Rows and columns of a matrix of a described circuit, each over the units of its population. A matrix from a
/// population to itself has an axis of its own for its source.
std::vector<Axis> axes_of_matrix(const CircuitPlan& plan, std::size_t m) {
  const equations::Matrix& matrix = plan.description().matrices[m];
  const std::string name = plan.matrix_name(m);
  const auto ends = plan.ends(m);
  if (!ends)
    return {counted("row_" + name, matrix.rows, "row of " + name),
            counted("column_" + name, matrix.columns, "column of " + name)};
  std::vector<Axis> axes{unit_axis(population_of(plan, ends->rows))};
  if (!ends->columns) return axes;
  axes.push_back(unit_axis(population_of(plan, *ends->columns)));
  if (axes[1].name == axes[0].name) axes[1].name = "source_" + axes[1].name;
  return axes;
}

std::vector<WeightsDataset> datasets_of_circuit(const CircuitPlan& plan) {
  using Of = WeightsDataset::Of;
  std::vector<WeightsDataset> all;
  for (std::size_t m = 0; m < plan.description().matrices.size(); ++m) {
    const MatrixPlace& place = plan.place(m);
    const auto of = place.in == MatrixPlace::In::weights ? Of::forward
                    : place.in == MatrixPlace::In::bias  ? Of::bias
                                                         : Of::others;
    const bool feeds_back = std::ranges::any_of(plan.feedback(), [m](const auto& f) { return f.matrix == m; });
    DatasetSpec spec{.name = plan.matrix_name(m),
                     .description = of == Of::forward ? "forward weights"
                                    : of == Of::bias  ? "biases"
                                    : feeds_back      ? "feedback weights"
                                                      : "weights",
                     .attributes = role_attribute(feeds_back ? "feedback" : "weights")};
    for (const Axis& axis : axes_of_matrix(plan, m)) spec.axes.push_back(axis.name);
    const auto ends = plan.ends(m);
    if (ends && plan.layer(ends->rows))
      spec.attributes.push_back(number_attribute("target_layer", *plan.layer(ends->rows)));
    if (ends && ends->columns && plan.layer(*ends->columns))
      spec.attributes.push_back(number_attribute("source_layer", *plan.layer(*ends->columns)));
    for (const auto& [path, matrix] : plan.feedback()) {
      if (matrix == m) spec.attributes.push_back(number_attribute("loop", path.number));
    }
    all.push_back({std::move(spec), of, place.number});
  }
  return all;
}

}  // namespace

std::vector<WeightsDataset> memory_datasets(const Config& config, const ModelConfig& model) {
  const auto circuit = credit_of(config, model).circuit;
  std::vector<WeightsDataset> all;
  if (circuit == nullptr) return all;
  const CircuitPlan& plan = circuit->plan();
  for (const RuleProgram& rule : circuit->rules()) {
    for (const RuleProgram::Memory& memory : rule.memory()) {
      DatasetSpec spec{.name = fmt::format("{}_{}", rule.name(), memory.name),
                       .description = "what the optimiser remembers of earlier changes"};
      if (memory.rows * memory.columns > 1) {
        for (const Axis& axis : axes_of_matrix(plan, rule.matrix())) spec.axes.push_back(axis.name);
      }
      all.push_back({std::move(spec), WeightsDataset::Of::memory, all.size()});
    }
  }
  return all;
}

CarriedDatasets carried_datasets(const Config& config, const ModelConfig& model) {
  CarriedDatasets all;
  const auto circuit = credit_of(config, model).circuit;
  if (circuit == nullptr || circuit->carried().empty()) return all;
  const bool per_sample = circuit->carries_per_sample();
  const std::size_t columns = per_sample ? config.task.samples : config.learning.batch;
  const Axis column = counted("carried", columns, per_sample ? "sample" : "column of the batch");
  all.axes.push_back(column);
  for (const std::size_t p : circuit->carried()) {
    const dynvert::Population population = population_of(circuit->plan(), p);
    // a population that stands for another has a space in its name
    std::string name = "carried_" + population.name;
    std::ranges::replace(name, ' ', '_');
    Axis units = counted("unit_of_" + name, population.units, fmt::format("number of the unit in {}", population.name));
    all.datasets.push_back({.name = std::move(name),
                            .axes = {units.name, column.name},
                            .description = "state that goes over to the next trial; NaN: none yet"});
    all.axes.push_back(std::move(units));
    all.nothing.emplace_back(population.units, columns).fill(arma::datum::nan);
  }
  return all;
}

std::vector<WeightsDataset> weights_datasets(const Config& config, const ModelConfig& model) {
  using Of = WeightsDataset::Of;
  const auto [credit, circuit] = credit_of(config, model);
  if (circuit != nullptr) return datasets_of_circuit(circuit->plan());
  const std::size_t depth = config.network.layers.size() - 1;
  std::vector<WeightsDataset> all;
  const auto add = [&](Of of, std::size_t number, DatasetSpec spec, const char* role, std::size_t target,
                       std::optional<std::size_t> source) {
    spec.axes = {fmt::format("unit_{}", target)};
    spec.attributes = role_attribute(role);
    spec.attributes.push_back(number_attribute("target_layer", target));
    if (source) {
      spec.axes.push_back(fmt::format("unit_{}", *source));
      spec.attributes.push_back(number_attribute("source_layer", *source));
    }
    all.push_back({std::move(spec), of, number});
  };
  for (std::size_t l = 1; l <= depth; ++l) {
    add(Of::forward, l, {.name = fmt::format("W{}", l), .description = "forward weights"}, "weights", l, l - 1);
    if (config.network.bias)
      add(Of::bias, l, {.name = fmt::format("b{}", l), .description = "biases"}, "weights", l, std::nullopt);
  }
  if (!credit.feedback) return all;
  for (const FeedbackPath& path : credit.feedback(depth)) {
    add(Of::feedback, path.number, {.name = path.name, .description = "feedback weights"}, "feedback", path.bottom,
        path.top);
    // a rule without control loops has feedback, and no loop that it closes
    if (credit.stages) all.back().spec.attributes.push_back(number_attribute("loop", path.number));
  }
  return all;
}

Table<WeightsRow> weights_table(const Config& config, const ModelConfig& model) {
  Table<WeightsRow> table(fmt::format("/models/{}/weights", model.name), "snapshot");
  const auto& layers = config.network.layers;
  for (std::size_t l = 0; l < layers.size(); ++l) table.add_axis(layer_axis(l, layers[l]));
  if (const auto circuit = credit_of(config, model).circuit) {
    for (std::size_t m = 0; m < circuit->plan().description().matrices.size(); ++m) {
      for (const Axis& axis : axes_of_matrix(circuit->plan(), m)) {
        if (!table.has_axis(axis.name)) table.add_axis(axis);
      }
    }
  }
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
