// dynvert simulate and dynvert check.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/commands/progress.hpp>
#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/reproducible.hpp>
#include <dynvert/sim/platform/stop_signals.hpp>
#include <dynvert/sim/record/file_recorder.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

namespace dynvert {

namespace {

Config load(const ConfigArguments& arguments) {
  return load_config(arguments.path, arguments.sets, arguments.seed, arguments.threads, config_registry(),
                     arguments.unsets);
}

/// What is to be run, and, where the command names a run's file in place of a configuration, that file.
struct Loaded {
  Config config;
  std::string output;
  std::optional<RunFile> file = {};
};

RunFile reopen(const std::string& output) {
  std::error_code ignored;
  if (!std::filesystem::exists(output, ignored)) {
    throw IoError(output, "does not exist, so there is nothing to resume", "the same without --resume");
  }
  return RunFile::reopen(output, {.durable = true});
}

/// `dynvert simulate FILE --resume`: the file holds its configuration.
Loaded load_from_file(const SimulateArguments& arguments) {
  const ConfigArguments& given = arguments.config;
  if (!arguments.resume) {
    throw ValueError(
        given.path, "is a file of HDF5, not a configuration",
        fmt::format("--resume to continue its run, or its configuration: dynvert config {} > NAME.toml", given.path));
  }
  if (!arguments.output.empty() && arguments.output != given.path) {
    throw ValueError(fmt::format("-o {}", arguments.output), "is another file than the one that is resumed",
                     fmt::format("-o {}, or none", given.path));
  }
  Loaded loaded{.config = {}, .output = given.path, .file = reopen(given.path)};
  const auto text = loaded.file->attribute("/", "config");
  if (!text || !std::holds_alternative<std::string>(*text)) {
    throw IoError(given.path, "holds no configuration", "a file that dynvert simulate wrote");
  }
  loaded.config = parse_config(std::get<std::string>(*text), given.path, given.sets, given.seed, given.threads,
                               config_registry(), given.unsets);
  return loaded;
}

Loaded load_run(const SimulateArguments& arguments) {
  const std::string& path = arguments.config.path;
  if (h5::has_signature(path)) return load_from_file(arguments);
  if (path == "-" && arguments.output.empty()) {
    throw ValueError("dynvert simulate -", "has no name from which that of the output could follow", "-o FILE.h5");
  }
  const std::string output =
      arguments.output.empty() ? std::filesystem::path(path).stem().string() + ".h5" : arguments.output;
  std::error_code ignored;
  if (arguments.resume && !std::filesystem::exists(path, ignored) && std::filesystem::exists(output, ignored)) {
    throw ConfigError({.file = path,
                       .fault = "there is no such file",
                       .allowed = fmt::format("{0} holds the configuration: dynvert simulate {0} --resume", output)});
  }
  return {.config = load(arguments.config), .output = output};
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

/// The file of the earlier run, to continue. Nothing: that run is complete.
std::optional<RunFile> continue_earlier(const SimulateArguments& arguments, const Config& config, RunFile file,
                                        std::ostream& err) {
  const std::string output = file.path();
  file.set_compression(config.record.compression);
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
  Loaded loaded = load_run(arguments);
  const Config& config = loaded.config;
  const std::string& output = loaded.output;
  if (config.reproducible) require_reproducible_arithmetic();
  // said before the work, not after it; RunFile::create makes sure once more
  std::error_code ignored;
  if (!arguments.resume && !arguments.overwrite && std::filesystem::exists(output, ignored)) {
    throw IoError(output, "exists already",
                  "another name with -o, --resume to continue it, or --overwrite to replace it");
  }
  if (!arguments.quiet) {
    for (const std::string& note : config.notes) fmt::print(err, "dynvert: note: {}\n", note);
  }
  prepare_blas(config.threads);
  const StopSignals signals;
  for (const std::string& path : external_hdf5_files(config)) h5::first_pass(path);
  std::optional<RunFile> earlier =
      arguments.resume
          ? continue_earlier(arguments, config, loaded.file ? std::move(*loaded.file) : reopen(output), err)
          : std::nullopt;
  if (arguments.resume && !earlier) {
    fmt::print(out, "{}: complete, {} trials; nothing to resume\n", output, config.trials);
    return exit_done;
  }
  const std::unique_ptr<Experiment> experiment = make_experiment(config);
  const RunFileOptions options{
      .overwrite = arguments.overwrite, .compression = config.record.compression, .durable = true};
  const auto before = static_cast<std::size_t>(earlier ? earlier->committed() : 0);
  RunFile file =
      earlier ? std::move(*earlier) : RunFile::create(output, options, root_attributes(config, arguments.command));
  if (!file.has_locks() && !arguments.quiet) err << no_locks_note(output);
  FileRecorder recorder(std::move(file));

  ProgressLine progress(err, can_rewrite(STDERR_FILENO));
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
    fmt::print(
        err,
        "dynvert: interrupted after {0} of {1} trials; {2} holds them; to continue: dynvert simulate {2} --resume\n",
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
