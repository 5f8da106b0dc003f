// Every named model beside its circuit file in one learning run: the same datasets. Runs of circuit files are resumed,
// threaded and recorded without a difference.

#include <dynvert/sim/experiment/learning_experiment.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>
#include <set>

#include "support/configure.hpp"
#include "support/experiment_text.hpp"
#include "support/memory_recorder.hpp"
#include "support/run_program.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

using namespace dynvert;
using namespace dynvert::test;

namespace {

std::string surroundings(std::size_t batch, const std::string& record) {
  return learning_text(
             {.trials = 20,
              .layers = "6, 5, 4, 3",
              .rate = 0.02,
              .network = "activation = \"tanh\"\nbias = true\ninit = { kind = \"uniform\", half_width = 0.4 }\n"}) +
         fmt::format(
             "decay = 1e-3\nbatch = {}\n[dynamics]\nsolver = \"sequential_euler\"\ndt = 0.25\nduration = 15.0\n"
             "[record]\n{}evaluate_every = 5\n",
             batch, record);
}

const std::string all_record =
    "trials = [0, 7, 19]\nweights_every = 4\nmeasures = [\"angle_bp\", \"angle_ndi\", \"angle_feedback\", "
    "\"spectral_abscissa\", \"settling_time\", \"residual\"]\n";

struct Named {
  std::string credit, keys, file_keys;
};

/// Both spellings of each model.
std::vector<Named> named_models() {
  std::vector<Named> models{{"backprop", "", ""}, {"feedback_alignment", "feedback = { kind = 'random' }\n", ""}};
  for (const char* credit : {"sequential_inversion", "single_loop_inversion", "repeat_inversion"}) {
    for (const char* transfer : {"linear", "nonlinear", "linearised"}) {
      for (const char* forward : {"instantaneous", "dynamic"}) {
        models.push_back(
            {credit, fmt::format("alpha = 0.5\ntransfer = '{}'\nforward = '{}'\n", transfer, forward), ""});
        if (std::string_view(forward) == "dynamic") models.back().keys += "forward_duration = 6.0\ntau_h = 2.0\n";
      }
    }
  }
  models.push_back({"sequential_inversion", "solver = 'rk4'\ntau_u = 2.0\ntau_delta = 0.5\n", ""});
  models.push_back({"sequential_inversion", "solver = 'fixed_point'\nfeedback = { kind = 'random' }\n", ""});
  models.push_back({"concurrent_inversion", "tau_h = 2.0\n", ""});
  models.push_back({"concurrent_inversion", "transfer = 'nonlinear'\nsolver = 'rk4'\n", ""});
  return models;
}

void run(Recorder& recorder, const Config& config, std::size_t stop = 1000) {
  std::atomic<bool> stopped = stop == 0;
  RunControl control{.progress = [&](const ProgressReport& r) { stopped = r.trials_done >= stop; }, .stop = &stopped};
  static_cast<void>(LearningExperiment(config).run(recorder, control));
}

/// The largest difference of two datasets, relative to the largest value; infinite where only one of them is NaN.
double relative_difference(const std::vector<double>& a, const std::vector<double>& b, bool is_relative = false) {
  if (a.size() != b.size()) return arma::datum::inf;
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return arma::datum::inf;
    if (std::isnan(a[i])) continue;
    largest = std::max(largest, std::abs(a[i]));
    difference = std::max(difference, std::abs(a[i] - b[i]));
  }
  return difference == 0 ? 0 : difference / (is_relative ? std::max(largest, 1.0) : largest);
}

/// The populations on the way of a run of repeat inversion are way[m,l] in the file: delta_2_run_1 is way_2_1.
std::string name_in_file(const std::string& name) {
  const auto run = name.find("_run_");
  if (run == std::string::npos) return name;
  const auto delta = name.find("delta_");
  return name.substr(0, delta) + "way_" + name.substr(delta + 6, run - delta - 6) + "_" + name.substr(run + 5);
}

/// Curves of a trace that a built-in model draws beside its states: read-outs of a dynamic forward pass, the output
/// error, and when stimulus and target are on. A file records the populations of its own equations.
bool is_drawn_by_built_in(const std::string& name) {
  return name == "trace/e" || name == "trace/stimulus" || name == "trace/target" || name.starts_with("trace/s_");
}

/// Circuits that use what the named models do not.
const std::vector<std::pair<std::string, std::string>> own_circuits{{"adam", R"toml(version = 1
[circuit]
equations = '''
h[0] = input
for l = 1..L
  tau da[l]/dt = -a[l] + W[l]*h[l-1] + b[l] + V[l]*u
  h[l] = g[l](a[l])
end
e = target - h[L]
du/dt = -0.3*u + e
'''
[parameters]
tau = 2.0
[weights.V]
kind = "orthogonal"
scale = 0.5
[[phase]]
name = "free"
duration = 5.0
equations = "u = 0"
[[phase]]
name = "control"
duration = 5.0
[learning]
optimiser = "adam"
at_end = '''
for l = 1..L
  W[l] += eta*avg((h[l] - g[l](a[l] - V[l]*u))*h[l-1]', "control")
  b[l] += eta*(end("control", a[l]) - end("free", a[l]))
  V[l] += -0.1*eta*end("free", h[l]*e')
end
'''
[learning.b]
optimiser = "momentum"
)toml"},
                                                                    {"moving", R"toml(version = 1
[circuit]
equations = '''
h[0] = input
for l = 1..L
  da[l]/dt = -a[l] + W[l]*h[l-1] + b[l]
  h[l] = g[l](a[l])
end
e = target - h[L]
20 dW[L]/dt = eta*e*h[L-1]' - 0.1*W[L]
'''
[learning]
at_end = "W[1] += eta*(W[2]'*(W[3]'*e))*h[0]'"
)toml"}};

}  // namespace

TEST_CASE("every named model and its circuit file learn with the same datasets") {
  const std::size_t batch = GENERATE(1U, 3U);
  CAPTURE(batch);
  std::string text = surroundings(batch, all_record);
  const auto models = named_models();
  for (std::size_t i = 0; i < models.size(); ++i) {
    const auto& [credit, keys, file_keys] = models[i];
    text += model_text(fmt::format("m{}", i), fmt::format("credit = '{}'\n{}", credit, keys));
    text += model_text(fmt::format("f{}", i), fmt::format("circuit = '{}.toml'\n{}{}", credit, keys, file_keys));
  }
  MemoryRecorder recorder;
  run(recorder, configure(text));
  for (std::size_t i = 0; i < models.size(); ++i) {
    CAPTURE(models[i].credit, models[i].keys);
    const std::string of_model = fmt::format("/models/m{}/", i), of_file = fmt::format("/models/f{}/", i);
    std::size_t compared = 0;
    for (const auto& [name, values] : recorder.data) {
      if (!name.starts_with(of_model) || name.find("/state/") != std::string::npos) continue;
      const std::string own = name.substr(of_model.size());
      CAPTURE(name);
      const auto found = recorder.data.find(of_file + name_in_file(own));
      if (found == recorder.data.end()) {
        CHECK(is_drawn_by_built_in(own));
        continue;
      }
      ++compared;
      // the same sums; where weights are read through a transpose, or a factor stands elsewhere, rounded otherwise. A
      // residual is relative already
      CHECK(relative_difference(found->second, values, name.find("/residual") != std::string::npos) < 1e-12);
    }
    CHECK(compared > 10);
  }
}

TEST_CASE("a concurrent model with phases and its printed circuit learn with the same datasets") {
  const auto [plasticity, solver] = GENERATE(table<std::string, std::string>(
      {{"end_of_trial", "sequential_euler"}, {"continuous", "sequential_euler"}, {"continuous", "rk4"}}));
  CAPTURE(plasticity, solver);
  const TemporaryFolder folder;
  const std::string keys = fmt::format("solver = '{}'\ntau_h = 2.0\n", solver);
  const std::string named = model_text(
      "m",
      fmt::format(
          "credit = 'concurrent_inversion'\n{}plasticity = '{}'\nphases = [{{ duration = 4.0, stimulus = true }}, "
          "{{ start = 4.0, duration = 6.0, stimulus = true, target = true }}, {{ start = 10.0, duration = 2.0 }}]\n{}",
          keys, plasticity, plasticity == "continuous" ? "tau_w = 10.0\n" : ""));
  const std::string around = surroundings(1, "weights_every = 4\nmeasures = [\"angle_bp\", \"angle_feedback\"]\n");
  const Outcome printed = dynvert_run({"circuit", write_text(folder / "named.toml", around + named), "--model", "m"});
  REQUIRE(printed.code == 0);
  write_text(folder / "printed.toml", printed.out);
  INFO(printed.out);
  MemoryRecorder recorder;
  run(recorder,
      configure(around + named + model_text("f", "circuit = 'printed.toml'\n" + keys), {}, folder / "test.toml"));
  std::size_t compared = 0;
  for (const auto& [name, values] : recorder.data) {
    if (!name.starts_with("/models/m/") || name.find("/state/") != std::string::npos) continue;
    // traces of phases have time axes of their own
    if (name.find("/trace/") != std::string::npos) continue;
    // steps are those of the phase that is looked at, not of all of them
    if (name.find("/steps_") != std::string::npos) continue;
    // no rule names the phase of the credit where weights move all the time: the last phase shows its own
    if (plasticity == "continuous" && name.find("/learning/") != std::string::npos && !name.ends_with("/trial"))
      continue;
    CAPTURE(name);
    const auto found = recorder.data.find("/models/f/" + name.substr(10));
    REQUIRE(found != recorder.data.end());
    CHECK(relative_difference(found->second, values) < 1e-12);
    ++compared;
  }
  CHECK(compared > (plasticity == "continuous" ? 3U : 5U));
}

TEST_CASE("a run of circuit files is resumed bit for bit, what optimisers remember included") {
  const TemporaryFolder folder;
  std::string text = surroundings(1, "trials = [3, 11]\nweights_every = 4\n");
  for (const auto& [name, circuit] : own_circuits) {
    write_text(folder / (name + ".toml"), circuit);
    text += model_text(name, "circuit = '" + name + ".toml'");
  }
  text += model_text("DFC", "circuit = 'deep_feedback_control.toml'");
  text += model_text("EP", "circuit = 'equilibrium_propagation.toml'");
  const Config config = configure(text, {}, folder / "test.toml");
  MemoryRecorder whole;
  run(whole, config);
  REQUIRE(whole.status == "complete");
  MemoryRecorder recorder;
  for (const std::size_t stop : {1U, 4U, 5U, 12U, 1000U}) {
    if (recorder.committed > 0) recorder.continued = recorder.committed;
    run(recorder, config, stop);
    recorder.specs.clear();
    if (recorder.status == "complete") break;
  }
  CHECK(recorder.status == "complete");
  const auto expected = whole.bits("/state/"), found = recorder.bits("/state/");
  for (const auto& [name, values] : expected) {
    CAPTURE(name);
    CHECK((found.at(name) == values));
  }
}

TEST_CASE("threads and recording change no bit of what a circuit file learns") {
  const TemporaryFolder folder;
  const auto learned = [&](std::size_t batch, const std::string& record, const std::string& threads) {
    std::string text = surroundings(batch, record);
    for (const auto& [name, circuit] : own_circuits) {
      if (batch > 1 && name == "moving") continue;
      write_text(folder / (name + ".toml"), circuit);
      text += model_text(name, "circuit = '" + name + ".toml'");
    }
    text += model_text("DFC", "circuit = 'deep_feedback_control.toml'");
    MemoryRecorder recorder;
    run(recorder, configure(text, {"experiment.threads=" + threads}, folder / "test.toml"));
    return recorder.bits("/state/");
  };
  for (const std::size_t batch : {1U, 8U}) {
    CAPTURE(batch);
    const auto one = learned(batch, all_record, "1");
    CHECK((one == learned(batch, all_record, "4")));
    const auto bare = learned(batch, "", "4");
    std::size_t compared = 0;
    for (const auto& [name, values] : bare) {
      if (name.find("loss") == std::string::npos) continue;
      CAPTURE(name);
      CHECK((one.at(name) == values));
      ++compared;
    }
    CHECK(compared > 1);
  }
}
