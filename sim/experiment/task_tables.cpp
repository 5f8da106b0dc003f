#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/task_tables.hpp>

#include <algorithm>
#include <numeric>

namespace dynvert {

namespace {

Axis counting_axis(std::string name, std::size_t n, std::string description) {
  Axis axis{.name = std::move(name), .values = std::vector<double>(n), .description = std::move(description)};
  std::iota(axis.values.begin(), axis.values.end(), 0.0);
  return axis;
}

DatasetSpec integer_dataset(std::string name, std::vector<std::string> axes, std::string description) {
  return {.name = std::move(name),
          .type = ValueType::integer,
          .axes = std::move(axes),
          .description = std::move(description)};
}

}  // namespace

GroupSpec samples_group(const Config& config) {
  const auto& layers = config.network.layers;
  return {.path = "/task",
          .row_dimension = "sample",
          .axes = {counting_axis("input", layers.front(), "number of the input"),
                   counting_axis("output", layers.back(), "number of the output")},
          .datasets = {integer_dataset("sample", {}, "number of the sample, from 0"),
                       {.name = "x", .axes = {"input"}, .description = "inputs"},
                       {.name = "t", .axes = {"output"}, .description = "targets"}}};
}

void store_samples(const Config& config, const Dataset& data, Recorder& recorder) {
  const GroupSpec samples = samples_group(config);
  const std::size_t group = recorder.add_group(samples, data.samples());
  const std::size_t there = recorder.rows(group);
  // in pieces, as data may be large
  constexpr std::size_t piece = 4096;
  Rows rows(samples);
  arma::mat x_scratch, t_scratch;
  for (std::size_t first = 0; first < data.samples(); first += piece) {
    rows.clear();
    rows.count = std::min(piece, data.samples() - first);
    const arma::mat x = data.x.view(first, rows.count, x_scratch);
    const arma::mat t = data.t.view(first, rows.count, t_scratch);
    for (std::size_t i = 0; i < rows.count; ++i) rows.values[0].push_back(static_cast<double>(first + i));
    rows.values[1].assign(x.begin(), x.end());
    rows.values[2].assign(t.begin(), t.end());
    if (there == 0) {
      recorder.append(group, rows);
      continue;
    }
    const auto is_there = [&](std::size_t k) {
      return first + rows.count <= there &&
             recorder.read(group, samples.datasets[k].name, first, rows.count) == rows.values[k];
    };
    if (!is_there(1) || !is_there(2)) {
      throw ValueError("the samples", "are not those that the file holds", "the data with which the run was begun");
    }
  }
}

Table<OrderRow> order_table(const Config& config) {
  Table<OrderRow> table("/task", "trial");
  table.add_number(integer_dataset("trial", {}, "number of the trial, from 0"),
                   [](const OrderRow& row) { return static_cast<double>(row.trial); });
  const std::size_t batch = config.learning.batch;
  if (batch > 1) table.add_axis(counting_axis("column", batch, "position in the batch"));
  table.add(batch == 1 ? integer_dataset("order", {}, "the sample that the trial shows")
                       : integer_dataset("order", {"column"},
                                         "the samples that the trial shows; -1 where the last batch of an epoch is "
                                         "shorter"),
            [batch](const OrderRow& row, std::vector<double>& values) {
              for (std::size_t c = 0; c < batch; ++c) {
                values.push_back(c < row.samples.size() ? static_cast<double>(row.samples[c]) : -1);
              }
            });
  return table;
}

}  // namespace dynvert
