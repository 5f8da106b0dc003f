#include "support/sample_run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace dynvert::test {
namespace {

Axis counted(const std::string& name, std::size_t length) {
  std::vector<double> values(length);
  std::iota(values.begin(), values.end(), 0.0);
  return {name, values, true, "1", "number of the " + name};
}

const std::string model = "/models/DI_2";

GroupSpec learning() {
  return {model + "/learning",
          "trial",
          {},
          {{"trial", ValueType::integer, {}, "1", "number of the trial", ""},
           {"trial_error", ValueType::real, {}, "1", "squared error before the change", ""},
           {"steps_2", ValueType::integer, {}, "1", "steps of loop 2", ""},
           {"converged_2", ValueType::integer, {}, "1", "whether loop 2 settled", "0 no, 1 yes"}},
          {}};
}

GroupSpec evaluation() {
  return {model + "/eval",
          "evaluation",
          {},
          {{"evaluation", ValueType::integer, {}, "1", "trials done", ""},
           {"train_loss", ValueType::real, {}, "1", "sum over the training set", ""},
           {"nse", ValueType::real, {}, "1", "train_loss over the largest of all models", ""}},
          {}};
}

GroupSpec weights() {
  return {model + "/weights",
          "snapshot",
          {counted("unit_0", 6), counted("unit_1", 4), counted("unit_2", 2)},
          {{"snapshot", ValueType::integer, {}, "1", "trials done", ""},
           {"W1", ValueType::real, {"unit_1", "unit_0"}, "1", "forward weights", ""},
           {"b1", ValueType::real, {"unit_1"}, "1", "biases", ""},
           {"B2", ValueType::real, {"unit_1", "unit_2"}, "1", "feedback weights", ""}},
          {}};
}

GroupSpec trace() {
  return {
      model + "/trace",
      "record",
      {{"time", {0, 0.5, 1.0, 1.5, 2.0}, false, "tau", "time in the loop"}, counted("unit_1", 4), counted("unit_2", 2)},
      {{"record", ValueType::integer, {}, "1", "number of the record", ""},
       {"trial", ValueType::integer, {}, "1", "the trial recorded", ""},
       {"delta_1", ValueType::real, {"time", "unit_1"}, "1", "credit signal of layer 1", ""},
       {"u_2", ValueType::real, {"time", "unit_2"}, "1", "controller of loop 2", ""},
       {"s_2", ValueType::real, {"unit_2"}, "1", "error that drove the trial", ""}},
      {{"note", "τ is the unit of time"}}};
}

}  // namespace

SampleRun add_sample_groups(RunFile file) {
  const auto learning_group = file.add_group(learning(), sample_trials);
  const auto eval_group = file.add_group(evaluation(), sample_trials);
  const auto weights_group = file.add_group(weights());
  const auto trace_group = file.add_group(trace());
  // A model that did not get so far: no rows, which readers must bear too.
  GroupSpec empty = learning();
  empty.path = "/models/BP/learning";
  file.add_group(empty);
  empty = weights();
  empty.path = "/models/BP/weights";
  file.add_group(empty);
  return {std::move(file), learning_group, eval_group, weights_group, trace_group};
}

SampleRun create_sample(const std::string& path, const RunFileOptions& options) {
  SampleRun run = add_sample_groups(RunFile::create(path, options,
                                                    {{"title", std::string("a sample: Übung")},
                                                     {"version", std::string("0.1.0")},
                                                     {"seed", std::int64_t{7}},
                                                     {"config", std::string(100'000, '#') + "\nseed = 7\n"},
                                                     {"note", std::string()}}));
  RunFile& file = run.file;
  file.set_attribute(model, "credit", std::string("sequential_inversion"));
  file.set_attribute(model, "alpha", 0.001);
  std::vector<double> x(3 * 6), order(sample_trials);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<double>(i % 3);
  file.write_once("/task", {counted("sample", 3), counted("input", 6)}, {"x", ValueType::real, {}, "1", "inputs", ""},
                  x);
  file.write_once("/task", {counted("sample", 3), counted("output", 2)}, {"t", ValueType::real, {}, "1", "targets", ""},
                  std::vector<double>(6, 0.25));
  file.write_once("/task", {counted("trial", sample_trials)},
                  {"order", ValueType::integer, {}, "1", "the sample of each trial", ""}, order);
  return run;
}

void append_trial(SampleRun& run, std::size_t trial) {
  const auto k = static_cast<double>(trial);
  Rows rows(learning());
  rows.count = 1;
  rows.values = {{k}, {1 / (1 + k)}, {999}, {trial % 2 == 0 ? 1.0 : 0.0}};
  run.file.append(run.learning, rows);

  rows = Rows(evaluation());
  rows.count = 1;
  rows.values = {{k}, {100 / (1 + k)}, {}};
  run.file.append(run.eval, rows);

  if (trial % 20 == 0) {
    rows = Rows(weights());
    rows.count = 1;
    rows.values[0] = {k};
    for (std::size_t i = 0; i < 24; ++i) rows.values[1].push_back(k + static_cast<double>(i));
    for (std::size_t i = 0; i < 4; ++i) rows.values[2].push_back(static_cast<double>(i));
    for (std::size_t i = 0; i < 8; ++i) rows.values[3].push_back(-k - static_cast<double>(i));
    run.file.append(run.weights, rows);
  }
  if (trial % 10 == 0) {
    rows = Rows(trace());
    rows.count = 1;
    rows.values[0] = {k / 10};
    rows.values[1] = {k};
    for (std::size_t i = 0; i < 20; ++i) {
      rows.values[2].push_back(i < 16 ? std::cos(static_cast<double>(i)) : std::numeric_limits<double>::quiet_NaN());
    }
    for (std::size_t i = 0; i < 10; ++i) rows.values[3].push_back(std::exp(-static_cast<double>(i)));
    rows.values[4] = {0.5, -0.5};
    run.file.append(run.trace, rows);
  }
}

void write_sample(const std::string& path, const RunFileOptions& options) {
  SampleRun run = create_sample(path, options);
  for (std::size_t trial = 0; trial < sample_trials; ++trial) append_trial(run, trial);
  run.file.commit(sample_trials);
  // nse in pieces, as the engine does at the end
  for (std::size_t first = 0; first < sample_trials; first += 16) {
    const std::size_t count = std::min<std::size_t>(16, sample_trials - first);
    std::vector<double> loss = run.file.read_back(model + "/eval/train_loss", first, count);
    for (double& v : loss) v /= 100;
    run.file.rewrite(model + "/eval/nse", first, loss);
  }
  run.file.finish("complete");
}

}  // namespace dynvert::test
