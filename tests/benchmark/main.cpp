// Times dynvert beside a baseline in the same run: what examples/benchmark.sh runs.

#include "mnist.hpp"
#include "sections.hpp"

#include <dynvert/sim/platform/build_info.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <fstream>
#include <iostream>

using namespace dynvert;

int main(int argc, char** argv) {
  benchmarks::RunOptions options;
  std::string markdown;
  CLI::App app{"Times dynvert beside a baseline in the same run"};
  app.add_option("--filter", options.filter, "regular expression: rows whose names it fits, and their baselines");
  app.add_flag("--alone", options.alone, "without what the rows are compared with: for profilers");
  app.add_option("--repetitions", options.repetitions, "of each row; the table has medians")
      ->check(CLI::Range(1, 1000));
  app.add_option("--shortest", options.shortest, "seconds that a repetition takes at least")
      ->check(CLI::PositiveNumber);
  app.add_option("--markdown", markdown, "file to write the table to, as Markdown");
  CLI11_PARSE(app, argc, argv);
  try {
    prepare_blas(1);
    benchmarks::Table table;
    benchmarks::add_inversions(table);
    benchmarks::add_kernels(table);
    benchmarks::add_steppers(table);
    benchmarks::add_recording(table);
    benchmarks::add_classification(table);
    benchmarks::add_autoencoder(table);
    benchmarks::add_experiments(table);
    table.run(options);
    const std::string conditions = fmt::format("dynvert {}, {}; {}; {}", source_revision(), cpu_identity(),
                                               blas_identity(), benchmarks::mnist_source());
    std::cout << conditions << "\n\n";
    table.print_text(std::cout);
    if (!markdown.empty()) {
      std::ofstream file(markdown);
      file << conditions << "\n\n";
      table.print_markdown(file);
      if (!file.flush()) throw std::runtime_error(markdown + " cannot be written");
    }
  } catch (const std::exception& error) {
    std::cerr << "benchmarks: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
