#pragma once

/// Whether a run can be resumed so that its file ends as if it had never been stopped.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/run_file.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// The root attributes of a new run. @param command  as it was typed
[[nodiscard]] std::vector<Attribute> root_attributes(const Config& config, const std::string& command);

/// A root attribute of a file, however that is open.
using RootAttribute = std::function<std::optional<AttributeValue>(const char* name)>;

/// In what the run of a file differs from this configuration and this program so that its numbers would, a clause each.
/// @throws ConfigError  the file's configuration is no TOML
[[nodiscard]] std::vector<std::string> run_differences(const RootAttribute& attribute, const Config& config);

/// A run is incomplete, too, where the configuration asks for more trials than it was begun with.
enum class Resumable { incomplete, complete };

/// @param file  reopened
/// @throws ValueError      another configuration, seed or program, or other data: its message says what differs
///         NumericalError  the run has diverged, and would again
[[nodiscard]] Resumable check_resumable(const RunFile& file, const Config& config);

/// Says in the file (root attribute `resumed`) when and where the run is resumed, a line each time, and gives it the
/// configuration where that asks for more trials.
/// @return what the user should know: another processor or BLAS rounds differently; empty where there is nothing
[[nodiscard]] std::string note_resumption(RunFile& file, const Config& config);

}  // namespace dynvert
