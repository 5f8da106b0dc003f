#include <dynvert/sim/commands/run_to_file.hpp>
#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/reproducible.hpp>
#include <dynvert/sim/record/file_recorder.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <utility>

namespace dynvert {

namespace {

RunFile reopen(const std::string& output) {
  std::error_code ignored;
  if (!std::filesystem::exists(output, ignored)) {
    throw IoError(output, "does not exist, so there is nothing to resume", "the same without --resume");
  }
  return RunFile::reopen(output, {.durable = true});
}

/// `dynvert simulate FILE --resume`: the file holds its configuration.
LoadedRun load_from_file(const SimulateArguments& arguments) {
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
  LoadedRun loaded{.config = {}, .output = given.path, .file = reopen(given.path)};
  const auto text = loaded.file->attribute("/", "config");
  if (!text || !std::holds_alternative<std::string>(*text)) {
    throw IoError(given.path, "holds no configuration", "a file that dynvert simulate wrote");
  }
  loaded.config = parse_config(std::get<std::string>(*text), given.path, given.sets, given.seed, given.threads,
                               config_registry(), given.unsets);
  return loaded;
}

/// The file of the earlier run, to continue. Nothing: that run is complete.
std::optional<RunFile> continue_earlier(const Config& config, RunFile file, const RunCaller& caller) {
  const std::string output = file.path();
  file.set_compression(config.record.compression);
  if (check_resumable(file, config) == Resumable::complete) return std::nullopt;
  const std::string note = note_resumption(file, config);
  if (caller.event && file.mended()) {
    caller.event(fmt::format("{}: the last commit was interrupted and has been completed", output));
  }
  if (caller.note && !note.empty()) caller.note(note);
  if (caller.event) {
    caller.event(fmt::format("{}: resumes after {} of {} trials", output, file.committed(), config.trials));
  }
  return file;
}

}  // namespace

LoadedRun load_run(const SimulateArguments& arguments) {
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
  return {.config = load_config(arguments.config.path, arguments.config.sets, arguments.config.seed,
                                arguments.config.threads, config_registry(), arguments.config.unsets),
          .output = output};
}

RunEnd run_to_file(LoadedRun loaded, const SimulateArguments& arguments, const RunCaller& caller) {
  const Config& config = loaded.config;
  const std::string& output = loaded.output;
  if (config.reproducible) require_reproducible_arithmetic();
  // said before the work, not after it; RunFile::create makes sure once more
  std::error_code ignored;
  if (!caller.make_file && !arguments.resume && !arguments.overwrite && std::filesystem::exists(output, ignored)) {
    throw IoError(output, "exists already",
                  "another name with -o, --resume to continue it, or --overwrite to replace it");
  }
  if (caller.note) {
    for (const std::string& note : config.notes) caller.note(note);
  }
  prepare_blas(config.threads);
  for (const std::string& path : external_hdf5_files(config)) h5::first_pass(path);
  std::optional<RunFile> earlier =
      arguments.resume ? continue_earlier(config, loaded.file ? std::move(*loaded.file) : reopen(output), caller)
                       : std::nullopt;
  if (arguments.resume && !earlier) return {.was_complete = true, .trials_done = config.trials, .failed = {}};
  const std::unique_ptr<Experiment> experiment = make_experiment(config);
  RunEnd end{.trials_done = static_cast<std::size_t>(earlier ? earlier->committed() : 0), .failed = {}};
  const auto make_file = [&] {
    const RunFileOptions options{
        .overwrite = arguments.overwrite, .compression = config.record.compression, .durable = !caller.make_file};
    const std::vector<Attribute> attributes = root_attributes(config, arguments.command);
    return caller.make_file ? caller.make_file(options, attributes) : RunFile::create(output, options, attributes);
  };
  RunFile file = earlier ? std::move(*earlier) : make_file();
  if (caller.note && !file.has_locks()) caller.note(no_locks_note(output));
  FileRecorder recorder(std::move(file));
  RunControl control = caller.control;
  control.progress = [&](const ProgressReport& report) {
    end.trials_done = report.trials_done;
    if (caller.control.progress) caller.control.progress(report);
  };
  end.status = experiment->run(recorder, control);
  end.failed = experiment->failed_trials();
  return end;
}

std::string failed_text(const FailedTrials& failed) {
  return fmt::format("model {}: {} trials failed{}{}{}", failed.model, failed.count, failed.consequence,
                     failed.first.empty() ? "" : "; the first: ", failed.first);
}

}  // namespace dynvert
