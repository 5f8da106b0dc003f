// dynvert simulate and dynvert check.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/commands/progress.hpp>
#include <dynvert/sim/commands/run_to_file.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/stop_signals.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <utility>

namespace dynvert {

namespace {

Config load(const ConfigArguments& arguments) {
  return load_config(arguments.path, arguments.sets, arguments.seed, arguments.threads, config_registry(),
                     arguments.unsets);
}

std::string bytes_text(std::size_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value < 1e6) return fmt::format("{:.0f} kB", value / 1e3);
  if (value < 1e9) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.2f} GB", value / 1e9);
}

/// A text below a line of the overview.
std::string indented(const std::string& text) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) result += "    " + text.substr(begin, end - begin);
    result += '\n';
    begin = end + 1;
  }
  return result;
}

}  // namespace

int simulate(const SimulateArguments& arguments, std::ostream& out, std::ostream& err) {
  LoadedRun loaded = load_run(arguments);
  const std::string output = loaded.output;
  const std::size_t trials = loaded.config.trials, models = loaded.config.models.size();
  const StopSignals signals;
  ProgressLine progress(err, can_rewrite(STDERR_FILENO));
  RunCaller caller{.control = {.stop = &StopSignals::requested()}};
  if (!arguments.quiet) {
    caller.note = [&](const std::string& note) { fmt::print(err, "dynvert: note: {}\n", note); };
    caller.event = [&](const std::string& event) { fmt::print(err, "dynvert: {}\n", event); };
    caller.control.progress = [&](const ProgressReport& report) {
      progress.show([&] { return progress_text(report); }, report.trials_done == report.trials);
    };
  }
  RunEnd end;
  try {
    end = run_to_file(std::move(loaded), arguments, caller);
  } catch (...) {
    progress.close();
    throw;
  }
  progress.close();
  if (end.was_complete) {
    fmt::print(out, "{}: complete, {} trials; nothing to resume\n", output, trials);
    return exit_done;
  }
  for (const FailedTrials& failed : end.failed) fmt::print(err, "dynvert: {}\n", failed_text(failed));
  if (end.status == RunStatus::interrupted) {
    fmt::print(
        err,
        "dynvert: interrupted after {0} of {1} trials; {2} holds them; to continue: dynvert simulate {2} --resume\n",
        end.trials_done, trials, output);
    return exit_interrupted;
  }
  fmt::print(out, "{}: {} trials{}\n", output, trials, models == 0 ? "" : fmt::format(", {} models", models));
  return exit_done;
}

int check(const ConfigArguments& arguments, std::ostream& out, std::ostream& err) {
  const Config config = load(arguments);
  for (const std::string& note : config.notes) fmt::print(err, "dynvert: note: {}\n", note);
  prepare_blas(1);
  StartCheck(true).check(config);
  const Estimate need = estimate(config);
  fmt::print(out, "{}\n", config.title.empty() ? config.source : config.title);
  out << describe(config);
  for (const ModelConfig& model : config.models)
    if (model.description)
      fmt::print(out, "  circuit   of {}: {}\n{}", model.name, model.circuit,
                 indented(equations::summary(*model.description)));
  fmt::print(out, "  seed      {}, {} thread{}\n", config.seed, config.threads, config.threads == 1 ? "" : "s");
  if (config.reproducible) fmt::print(out, "  bits      the same on every x86-64 processor\n");
  fmt::print(out, "  memory    about {}\n  file      about {}{}\n", bytes_text(need.memory_bytes),
             bytes_text(need.file_bytes), config.record.compression > 0 ? " before compression" : "");
  if (need.automatic_bytes > 0) {
    fmt::print(out, "            and up to {} for trials that diverge or do not settle (record.unsettled_limit)\n",
               bytes_text(need.automatic_bytes));
  }
  return exit_done;
}

}  // namespace dynvert
