#pragma once

/// The program `dynvert`: results go to `out`, messages to `err`.
///
/// | exit code | meaning                                                               |
/// |-----------|-----------------------------------------------------------------------|
/// | 0         | done                                                                  |
/// | 2         | usage or configuration                                                |
/// | 3         | numerical failure: diverged, not stabilisable                         |
/// | 4         | input or output                                                       |
/// | 130       | interrupted, with everything up to then in the file                   |

#include <dynvert/sim/config/arguments.hpp>

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace dynvert {

enum ExitCode : int { exit_done = 0, exit_usage = 2, exit_numerical = 3, exit_io = 4, exit_interrupted = 130 };

/// Whether files are read in a child process (sim/hdf5/first_pass.hpp), as the program does.
enum class Isolation { none, child };

/// @throws RestartNeeded  see reproducible.hpp; before anything was done or said
[[nodiscard]] int run_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                                   Isolation isolation = Isolation::none);

struct ReportSources;
struct SweepArguments;  // sim/sweep/plan.hpp

struct SimulateArguments {
  ConfigArguments config;
  std::string output;  ///< empty: the configuration's name with .h5, in the current folder
  bool overwrite = false;
  bool resume = false;
  bool quiet = false;
  std::string command;  ///< as it was typed, for the file
};

struct InspectArguments {
  std::string path;
  std::string model;  ///< empty: all
  std::optional<std::size_t> trial;
  bool json = false;
  std::optional<std::string> map;  ///< ranges of a stability map, which the following are of
  std::size_t points = 41;         ///< on each axis
  std::optional<std::size_t> snapshot;
  std::string output;
  bool overwrite = false;
  std::string command;  ///< as it was typed, for the file
};

struct RecoverArguments {
  std::string path;
};

struct ConfigFileArguments {
  std::string path;
};

struct NewArguments {
  std::string kind;
  std::string output;  ///< empty: the kind with .toml, in the current folder
};

struct ReportArguments {
  std::string path;
  std::string output;  ///< empty: the file's name with .html, in the current folder
  bool overwrite = false;
  double max_size = 10;  ///< of the page, MB
};

struct ExportArguments {
  std::string path, output;
  std::string model;  ///< empty: all
  std::optional<std::size_t> trial;
  std::string group;  ///< .csv: the group that is the table
  bool overwrite = false;
};

struct KeysArguments {
  std::string name;  ///< TABLE or TABLE.KEY; empty: every table
  bool markdown = false;
  std::string update;  ///< a page whose tables are written anew; empty: none
};

struct CircuitArguments {
  std::string path;               ///< a circuit file or a configuration
  std::string model;              ///< of the configuration; empty: the only one
  std::vector<std::string> sets;  ///< NAME=VALUE of the parameters that the file declares, or keys of the configuration
  /// The network of a circuit file.
  /// @{
  std::vector<std::size_t> layers;  ///< empty: 30, 20, 10
  std::string activation;           ///< empty: tanh
  std::string output_activation;    ///< empty: as the others
  bool no_bias = false;
  /// @}
  bool expand = false, graph = false, latex = false, summary = false;
};

int simulate(const SimulateArguments& arguments, std::ostream& out, std::ostream& err);
int check(const ConfigArguments& arguments, std::ostream& out, std::ostream& err);
int sweep(const SweepArguments& arguments, std::ostream& out, std::ostream& err);
int recover(const RecoverArguments& arguments, std::ostream& out, std::ostream& err);
int inspect(const InspectArguments& arguments, std::ostream& out, std::ostream& err);
int export_file(const ExportArguments& arguments, std::ostream& out, std::ostream& err);
int print_config(const ConfigFileArguments& arguments, std::ostream& out, std::ostream& err);
int write_starter(const NewArguments& arguments, std::ostream& out);
/// Becomes Python with the package, and does not return. @throws IoError  there is no Python
int plot(const std::vector<std::string>& words);
int keys(const KeysArguments& arguments, std::ostream& out);
/// @param sources  of the page: those that the program was built with
int report(const ReportArguments& arguments, const ReportSources& sources, std::ostream& out, std::ostream& err);
int print_circuit(const CircuitArguments& arguments, std::ostream& out);
int inspect_map(const InspectArguments& arguments, std::ostream& out, std::ostream& err);

class RunReader;
/// The models of a file, or the one that was asked for. @throws ValueError  there is no such model
[[nodiscard]] std::vector<std::string> chosen_models(const RunReader& file, const std::string& model);
/// Of a file on a file system where another process that writes it is not noticed.
[[nodiscard]] std::string no_locks_note(const std::string& path);
/// Says up to where a file can be trusted whose run has not ended.
void note_incomplete(const RunReader& file, std::ostream& err);

}  // namespace dynvert
