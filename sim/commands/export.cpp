// dynvert export: a .mat or .csv file that appears whole, or not at all.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/export/export.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/new_file.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace dynvert {

namespace {

/// With --overwrite: a MAT-file may take the place of a MAT-file, a table that of a file with the same ending.
std::string not_a_mat_file(const std::string& path) {
  constexpr std::string_view signature = "MATLAB 5.0 MAT-file";
  std::string start(signature.size(), '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == signature ? "" : "is not a MAT-file of level 5";
}

}  // namespace

std::size_t find_record(const RunReader& file, const std::string& model, std::size_t trial) {
  const std::string dataset = fmt::format("/models/{}/trace/trial", model);
  if (!file.has(dataset)) {
    throw ValueError(fmt::format("--trial {}", trial), fmt::format("model {} has no trajectories", model),
                     "a model with a trace");
  }
  const auto trials = file.column(dataset);
  const auto found = std::ranges::find(trials, static_cast<double>(trial));
  if (found != trials.end()) return static_cast<std::size_t>(found - trials.begin());
  constexpr std::ptrdiff_t shown = 20;
  const auto last = std::ssize(trials) > shown ? trials.begin() + shown : trials.end();
  throw ValueError(fmt::format("--trial {}", trial), fmt::format("model {} has no trajectory of that trial", model),
                   fmt::format("{}{}", fmt::join(trials.begin(), last, ", "), last == trials.end() ? "" : ", .."));
}

int export_file(const ExportArguments& arguments, std::ostream& out, std::ostream& err) {
  std::string ending = std::filesystem::path(arguments.output).extension().string();
  const bool mat = ending == ".mat";
  if (!mat && ending != ".csv") {
    throw ValueError(fmt::format("-o {}", arguments.output), "has neither ending", ".mat or .csv");
  }
  if (mat && !arguments.group.empty()) throw ValueError("--group", "is for .csv", "a .csv file, or no --group");
  if (arguments.trial && !arguments.group.empty()) {
    throw ValueError("--group", "cannot be combined with --trial, which is a separate table", "one of them");
  }
  const RunReader file(arguments.path);
  const ExportSelection selection{.models = chosen_models(file, arguments.model),
                                  .whole_file = arguments.model.empty(),
                                  .trial = arguments.trial,
                                  .group = arguments.group};
  note_incomplete(file, err);
  NewFile output(
      arguments.output, arguments.overwrite,
      mat ? NewFile::Replaceable(not_a_mat_file) : [](const std::string&) { return std::string(); });
  if (mat) {
    write_mat(file, selection, output.descriptor(), arguments.output);
  } else {
    for (const std::string& text : write_csv(file, selection, output.descriptor(), arguments.output)) {
      fmt::print(err, "dynvert: note: left out: {}\n", text);
    }
  }
  output.publish();
  fmt::print(out, "{}: {:.1f} kB\n", arguments.output,
             static_cast<double>(std::filesystem::file_size(arguments.output)) / 1e3);
  return exit_done;
}

}  // namespace dynvert
