#pragma once

#include <dynvert/sim/config/arguments.hpp>
#include <dynvert/sim/config/config.hpp>

#include <optional>
#include <string>

namespace dynvert::python {

/// The configuration of a file, or of a text that the package wrote from a dict: its lines say nothing to anybody, and
/// errors name none.
/// @throws ConfigError, equations::EquationError
[[nodiscard]] Config read_config(const ConfigArguments& arguments, const std::optional<std::string>& text);

}  // namespace dynvert::python
