// Whole runs, as the command line makes them.

#include "sections.hpp"

#include <dynvert/sim/commands/command_line.hpp>

#include <unistd.h>
#include <filesystem>
#include <sstream>

namespace dynvert::benchmarks {

namespace {

void linear_regression(benchmark::State& state) {
  const auto output =
      (std::filesystem::temp_directory_path() / ("dynvert-benchmark-run-" + std::to_string(getpid()) + ".h5")).string();
  std::ostringstream out;
  std::ostringstream err;
  SimulateArguments arguments;
  arguments.config.path = DYNVERT_SOURCE_DIR "/examples/linear_regression.toml";
  arguments.config.threads = 1;
  arguments.output = output;
  arguments.overwrite = true;
  arguments.quiet = true;
  arguments.command = "benchmark";
  for (auto _ : state) {
    if (simulate(arguments, out, err) != exit_done) state.SkipWithError(err.str().c_str());
  }
  std::filesystem::remove(output);
}

}  // namespace

void add_experiments(Table& table) {
  table.add(
      {.name = "examples/linear_regression.toml: 10 models, 2,000 trials, all measures, file written", .iterations = 1},
      linear_regression);
}

}  // namespace dynvert::benchmarks
