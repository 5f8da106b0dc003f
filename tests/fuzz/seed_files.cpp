#include "seed_files.hpp"

#include "support/temporary_folder.hpp"

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/record/file_recorder.hpp>
#include <dynvert/sim/registry.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>

namespace dynvert::fuzz {
namespace {

constexpr const char* learning = R"(
[experiment]
trials = 4
[task]
kind = "linear_teacher"
samples = 4
[network]
layers = [3, 2, 2]
activation = "tanh"
[learning]
rate = 1e-2
[dynamics]
solver = "sequential_euler"
dt = 0.5
duration = 2.0
[record]
trials = [0, 2]
weights_every = 1
measures = ["angle_ndi", "settling_time", "spectral_abscissa"]
)";

constexpr const char* sequential = R"(
[[model]]
name = "M"
credit = "sequential_inversion"
)";

constexpr const char* single = R"(
[[model]]
name = "M"
credit = "single_loop_inversion"
transfer = "nonlinear"
solver = "dopri5"
)";

constexpr const char* concurrent = R"(
[[model]]
name = "M"
credit = "concurrent_inversion"
)";

constexpr const char* inversion = R"(
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
[[model]]
name = "M"
credit = "sequential_inversion"
)";

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
  const Config config = parse_config(text, "seed.toml", {}, std::nullopt, std::nullopt, config_registry());
  const std::atomic<bool> stop = stopped;
  RunControl control;
  control.stop = &stop;
  FileRecorder recorder(RunFile::create(path, {}, root_attributes(config, "dynvert simulate")));
  make_experiment(config)->run(recorder, control);
  return {text, content_of(path)};
}

}  // namespace

std::vector<std::byte> content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<SeedRun> seed_runs() {
  const std::string common = learning;
  return {run(common + sequential, false), run(common + sequential, true), run(common + single, false),
          run(common + concurrent, false), run(inversion, false),          run(circuit, false)};
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
