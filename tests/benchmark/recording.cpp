// What it costs to keep the trajectory of a trial: in memory, and in the file.

#include "problem.hpp"
#include "sections.hpp"

#include <dynvert/sim/record/file_recorder.hpp>
#include <dynvert/sim/record/run_size.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <unistd.h>
#include <filesystem>
#include <optional>

namespace dynvert::benchmarks {

namespace {

constexpr Size size{10, 20};
/// of a repetition; a trial of which every step is kept is 240 kB
constexpr std::size_t trials = 500;

std::string temporary_file() {
  return (std::filesystem::temp_directory_path() / ("dynvert-benchmark-" + std::to_string(getpid()) + ".h5")).string();
}

/// @param every  steps between samples; 0: none are kept
Body recorded(std::size_t every, bool written) {
  return [=](benchmark::State& state) {
    const LoopProblem problem(size, Transfer::linear);
    const std::vector<Phase> phases{{.duration = duration}};
    StageRunner runner(problem.stage, phases);
    const auto solver = solver_kind("sequential_euler").make({.dt = dt});
    Activity activity = problem.activity;
    Credit credit = problem.credit;

    const double interval = static_cast<double>(every) * dt;
    const TraceSettings settings{.interval = interval, .sample_interval = interval};
    std::optional<FileRecorder> recorder;
    dynvert::Table<TraceRecord> table;
    std::size_t number = 0;
    const std::string path = temporary_file();
    if (written) {
      const std::vector<StagePlan> plans{{problem.stage, phases}};
      table = trace_table("/models/DI", plans, settings);
      recorder.emplace(RunFile::create(path, {.overwrite = true}, {}));
      number = recorder->add_group(table.spec(), trials);
    }
    Rows rows(table.spec());
    std::size_t trial = 0;
    const std::vector<const StageRunner*> stages{&runner};
    const auto flush = [&] {
      recorder->append(number, rows);
      rows.clear();
    };
    for (auto _ : state) {
      runner.begin(problem.network, problem.feedback, activity, credit);
      runner.run(*solver, problem.network, activity, credit, every > 0 ? std::optional(interval) : std::nullopt);
      benchmark::DoNotOptimize(credit[1].memptr());
      if (!written) continue;
      table.append({.row = {.record = trial, .trial = trial},
                    .stages = stages,
                    .network = problem.network,
                    .activity = activity,
                    .credit = credit,
                    .column = 0},
                   rows);
      ++trial;
      // as experiments do
      if (rows.count * values_in_row(table.spec()) * sizeof(double) > max_waiting) flush();
      if (trial == trials) {
        flush();
        recorder->commit(trial);
      }
    }
    if (!written) return;
    recorder->finish("complete", trial);
    recorder.reset();
    std::filesystem::remove(path);
  };
}

}  // namespace

void add_recording(Table& table) {
  const std::string title = "recording 10x20, linear: ";
  const std::string bare = title + "nothing recorded";
  const auto add = [&](const std::string& name, std::size_t every, bool written, Bar bar) {
    table.add({.name = title + name, .against = bare, .bar = bar, .iterations = trials}, recorded(every, written));
  };
  table.add({.name = bare, .iterations = trials}, recorded(0, false));
  add("every step, in memory", 1, false, {});
  add("every step, written to the file", 1, true, at_most(4));
  add("every tenth step, in memory", 10, false, {});
  add("every tenth step, written to the file", 10, true, at_most(1.5));
}

}  // namespace dynvert::benchmarks
