#pragma once

/// From a TOML file to a Config.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/config/config_registry.hpp>
#include <dynvert/sim/config/error.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dynvert {

/// Reads a file.
/// @param sets     changes as "key=value": a dotted key with a model, population, projection or input by its name
///                 ("model.DI.alpha=0.1"), and a TOML value; what is no TOML value is taken as a string
/// @param seed     in place of experiment.seed, after `sets`
/// @param threads  in place of experiment.threads, likewise
/// @param unsets   keys of the file that are left out, before `sets`: "record.every", "model.DI"
/// A key of the file that has no effect beside what `sets` has changed is left out, with a note.
/// @throws ConfigError    the first fault
/// @throws equations::EquationError  the first fault of the equations of a model's circuit
[[nodiscard]] Config load_config(const std::string& path, std::span<const std::string> sets,
                                 std::optional<std::uint64_t> seed, std::optional<std::size_t> threads,
                                 const ConfigRegistry& registry, std::span<const std::string> unsets = {});

/// The same for text. @param source_name  the file that the text is from: named in errors, and file names in the text
/// are relative to its folder
[[nodiscard]] Config parse_config(std::string_view text, const std::string& source_name,
                                  std::span<const std::string> sets, std::optional<std::uint64_t> seed,
                                  std::optional<std::size_t> threads, const ConfigRegistry& registry,
                                  std::span<const std::string> unsets = {});

/// The text of a configuration: of a file, a pipe, or "-", standard input. @throws ConfigError  it cannot be read
[[nodiscard]] std::string read_config_text(const std::string& path);

}  // namespace dynvert
