#pragma once

/// Circuit files: TOML around equations (models/equations).

#include <dynvert/models/equations/circuit_text.hpp>

#include <string>

namespace dynvert {

/// @param text  of the file, @param file  its name, for messages
/// @throws ConfigError     what is wrong with the TOML or a key, with its line
/// @throws EquationError   what is wrong with an equation, with line and column
[[nodiscard]] equations::CircuitText read_circuit_file(const std::string& text, const std::string& file);

}  // namespace dynvert
