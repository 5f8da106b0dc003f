#pragma once

/// Circuit files: TOML around equations (models/equations).

#include <dynvert/models/equations/circuit_text.hpp>

#include <string>
#include <vector>

namespace dynvert {

/// @param text  of the file, @param file  its name, for messages
/// @throws ConfigError     what is wrong with the TOML or a key, with its line
/// @throws EquationError   what is wrong with an equation, with line and column
[[nodiscard]] equations::CircuitText read_circuit_file(const std::string& text, const std::string& file);

/// The tables and keys at the top of a TOML text: a circuit file has a [circuit], a configuration others.
/// @throws ConfigError  it is no TOML
[[nodiscard]] std::vector<std::string> top_tables(const std::string& text, const std::string& file);

}  // namespace dynvert
