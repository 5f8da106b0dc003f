#pragma once

/// A model as the text of a circuit file, which a person can go on from.

#include <dynvert/models/parameter.hpp>
#include <dynvert/sim/config/config.hpp>

#include <string>

namespace dynvert {

/// The text of a circuit file with other defaults of its parameters. All else stays as it is, comments too.
/// @param values  of parameters that the file declares, each of its type
/// @throws ConfigError, EquationError  the text is no circuit file
[[nodiscard]] std::string with_defaults(const std::string& text, const std::string& file,
                                        const ParameterValues& values);

/// The model's circuit, with its parameters as defaults. That of a credit is the file of its name among the circuits
/// that come with dynvert, with its phases of stimulus and target.
/// @throws ValueError  there is no such file
[[nodiscard]] std::string circuit_text_of(const ModelConfig& model);

}  // namespace dynvert
