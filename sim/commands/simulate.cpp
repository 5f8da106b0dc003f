// dynvert simulate and dynvert check.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/commands/progress.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/reproducible.hpp>
#include <dynvert/sim/platform/stop_signals.hpp>
#include <dynvert/sim/record/file_recorder.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <filesystem>
#include <optional>
#include <utility>

namespace dynvert {

namespace {

Config load(const ConfigArguments& arguments) {
  return load_config(arguments.path, arguments.sets, arguments.seed, arguments.threads, config_registry());
}

std::string bytes_text(std::size_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value < 1e6) return fmt::format("{:.0f} kB", value / 1e3);
  if (value < 1e9) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.2f} GB", value / 1e9);
}

/// The file of the earlier run. Nothing: that run is complete.
std::optional<RunFile> open_earlier(const SimulateArguments& arguments, const Config& config, const std::string& output,
                                    std::ostream& err) {
  std::error_code ignored;
  if (!std::filesystem::exists(output, ignored)) {
    throw IoError(output, "does not exist, so there is nothing to resume", "the same without --resume");
  }
  RunFile file = RunFile::reopen(output, {.compression = config.record.compression, .durable = true});
  if (check_resumable(file, config) == Resumable::complete) return std::nullopt;
  const std::string note = note_resumption(file, config);
  if (arguments.quiet) return file;
  if (file.mended()) fmt::print(err, "dynvert: {}: the last commit was interrupted and has been completed\n", output);
  if (!note.empty()) fmt::print(err, "dynvert: note: {}\n", note);
  fmt::print(err, "dynvert: {}: resumes after {} of {} trials\n", output, file.committed(), config.trials);
  return file;
}

}  // namespace

int simulate(const SimulateArguments& arguments, std::ostream& out, std::ostream& err) {
  const Config config = load(arguments.config);
  if (config.reproducible) require_reproducible_arithmetic();
  const std::string output = arguments.output.empty()
                                 ? std::filesystem::path(arguments.config.path).stem().string() + ".h5"
                                 : arguments.output;
  // said before the work, not after it; RunFile::create makes sure once more
  std::error_code ignored;
  if (!arguments.resume && !arguments.overwrite && std::filesystem::exists(output, ignored)) {
    throw IoError(output, "exists already",
                  "another name with -o, --resume to continue it, or --overwrite to replace it");
  }
  if (!arguments.quiet) {
    for (const std::string& note : config.notes) fmt::print(err, "dynvert: note: {}\n", note);
  }
  use_one_blas_thread();
  const StopSignals signals;
  std::optional<RunFile> earlier = arguments.resume ? open_earlier(arguments, config, output, err) : std::nullopt;
  if (arguments.resume && !earlier) {
    fmt::print(out, "{}: complete, {} trials; nothing to resume\n", output, config.trials);
    return exit_done;
  }
  const std::unique_ptr<Experiment> experiment = make_experiment(config);
  const RunFileOptions options{
      .overwrite = arguments.overwrite, .compression = config.record.compression, .durable = true};
  const auto before = static_cast<std::size_t>(earlier ? earlier->committed() : 0);
  FileRecorder recorder(earlier ? std::move(*earlier)
                                : RunFile::create(output, options, root_attributes(config, arguments.command)));

  ProgressLine progress(err, isatty(STDERR_FILENO) == 1);
  RunControl control{.progress = nullptr, .stop = &StopSignals::requested()};
  ProgressReport last{.trials_done = before, .trials = config.trials, .loss = {}};
  control.progress = [&](const ProgressReport& report) {
    last = report;
    if (arguments.quiet) return;
    progress.show([&] { return progress_text(report); }, report.trials_done == report.trials);
  };
  RunStatus status{};
  try {
    status = experiment->run(recorder, control);
  } catch (...) {
    progress.close();
    throw;
  }
  progress.close();
  for (const auto& [model, count, first_fault, consequence] : experiment->failed_trials()) {
    fmt::print(err, "dynvert: model {}: {} trials failed{}{}{}\n", model, count, consequence,
               first_fault.empty() ? "" : "; the first: ", first_fault);
  }
  if (status == RunStatus::interrupted) {
    fmt::print(err, "dynvert: interrupted after {} of {} trials; {} holds them, and --resume continues\n",
               last.trials_done, config.trials, output);
    return exit_interrupted;
  }
  fmt::print(out, "{}: {} trials{}\n", output, config.trials,
             config.models.empty() ? "" : fmt::format(", {} models", config.models.size()));
  return exit_done;
}

int check(const ConfigArguments& arguments, std::ostream& out, std::ostream& err) {
  const Config config = load(arguments);
  for (const std::string& note : config.notes) fmt::print(err, "dynvert: note: {}\n", note);
  use_one_blas_thread();
  StartCheck(true).check(config);
  const Estimate need = estimate(config);
  fmt::print(out, "{}\n", config.title.empty() ? config.source : config.title);
  out << describe(config);
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
