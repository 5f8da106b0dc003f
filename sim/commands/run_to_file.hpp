#pragma once

/// One run, from its configuration to the end of its file: what `dynvert simulate` and the Python module share. Nothing
/// is printed here.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/record/run_file.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// What is to be run.
struct LoadedRun {
  Config config;
  std::string output;                ///< path of the file to write
  std::optional<RunFile> file = {};  ///< the file to resume, where the command names it in place of a configuration
};

/// From a configuration, or, with `resume`, from the file of a run that was stopped.
/// @throws ConfigError, equations::EquationError, ValueError, IoError
[[nodiscard]] LoadedRun load_run(const SimulateArguments& arguments);

/// Makes the file of a new run.
using MakeRunFile = std::function<RunFile(const RunFileOptions& options, const std::vector<Attribute>& attributes)>;

/// How the caller takes part.
struct RunCaller {
  std::function<void(const std::string&)> note = nullptr;   ///< takes what people should know of it, a sentence each
  std::function<void(const std::string&)> event = nullptr;  ///< takes what has happened to the file, likewise
  RunControl control = {};
  MakeRunFile make_file = nullptr;  ///< nullptr: at the path of the output
};

/// How a run has ended.
struct RunEnd {
  RunStatus status = RunStatus::complete;
  bool was_complete = false;    ///< there was nothing to resume
  std::size_t trials_done = 0;  ///< those of an earlier run among them
  std::vector<FailedTrials> failed = {};
};

/// @param arguments  of the output: what may be overwritten or resumed, and the command for the file
/// @throws what make_experiment and Experiment::run throw; IoError; RestartNeeded, before anything was done
[[nodiscard]] RunEnd run_to_file(LoadedRun loaded, const SimulateArguments& arguments, const RunCaller& caller);

/// "model DI: 3 trials failed and changed no weights; the first: .."
[[nodiscard]] std::string failed_text(const FailedTrials& failed);

}  // namespace dynvert
