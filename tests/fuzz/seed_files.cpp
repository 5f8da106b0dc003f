#include "seed_files.hpp"

#include "support/configure.hpp"
#include "support/experiment_text.hpp"
#include "support/temporary_folder.hpp"
#include "support/text_files.hpp"

#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/record/file_recorder.hpp>

#include <algorithm>
#include <atomic>

namespace dynvert::fuzz {
namespace {

const std::string learning =
    test::learning_text({.trials = 4, .samples = 4, .layers = "3, 2, 2", .network = "activation = \"tanh\"\n"}) +
    R"([dynamics]
solver = "sequential_euler"
dt = 0.5
duration = 2.0
[record]
trials = [0, 2]
weights_every = 1
measures = ["angle_ndi", "settling_time", "spectral_abscissa"]
)";

const std::string inversion = R"(
[network]
layers = [3, 2, 2]
[inversion]
signal = "step"
alpha = [0.001, 0.1]
[dynamics]
dt = 0.5
duration = 2.0
[record]
measures = ["settling_time", "residual"]
)" + test::inversion_text("M");

constexpr const char* circuit = R"(
[dynamics]
dt = 0.5
duration = 2.0
[[population]]
name = "M"
units = 2
[[projection]]
source = "M"
target = "M"
weight = -1.0
[[input]]
population = "M"
)";

SeedRun run(const std::string& text, bool stopped) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  const Config config = test::configure(text, {}, "seed.toml");
  const std::atomic<bool> stop = stopped;
  RunControl control;
  control.stop = &stop;
  FileRecorder recorder(RunFile::create(path, {}, root_attributes(config, "dynvert simulate")));
  make_experiment(config)->run(recorder, control);
  return {text, content_of(path)};
}

}  // namespace

std::vector<std::byte> content_of(const std::string& path) {
  const std::string text = test::contents(path);
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<SeedRun> seed_runs() {
  const std::string sequential = learning + test::inversion_text("M");
  const std::string single =
      test::model_text("M", "credit = \"single_loop_inversion\"\ntransfer = \"nonlinear\"\nsolver = \"dopri5\"");
  const std::string concurrent = test::model_text("M", "credit = \"concurrent_inversion\"");
  return {run(sequential, false),        run(sequential, true),
          run(learning + single, false), run(learning + concurrent, false),
          run(inversion, false),         run(circuit, false)};
}

std::vector<std::byte> seed_samples() {
  const test::TemporaryFolder folder;
  const std::string path = folder / "samples.h5";
  const auto axis = [](const char* name, std::size_t n) {
    return Axis{name, std::vector<double>(n, 1), true, "1", ""};
  };
  {
    RunFile file = RunFile::create(path, {}, {});
    const auto put = [&](const std::string& group, const std::vector<Axis>& axes, const char* name, ValueType type) {
      std::size_t n = 1;
      for (const Axis& a : axes) n *= a.values.size();
      file.write_once(group, axes, {name, type, {}, "1", "", ""}, std::vector<double>(n, 1));
    };
    const Axis sample = axis("sample", 4), two = axis("two", 2), three = axis("three", 3);
    put("/", {sample, three}, "x", ValueType::real);
    put("/", {sample, two}, "t", ValueType::real);
    put("/", {sample}, "labels", ValueType::integer);
    put("/", {three, two}, "W2", ValueType::real);
    put("/weights", {axis("snapshot", 2), three, two}, "W2", ValueType::real);
    put("/weights", {axis("snapshot", 2), three}, "b2", ValueType::real);
    file.finish("complete");
  }
  return content_of(path);
}

}  // namespace dynvert::fuzz
