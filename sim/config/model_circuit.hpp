#pragma once

/// A model whose circuit is a file of equations: circuit in place of credit in [[model]]. Its keys are the parameters
/// that the file declares and those of [dynamics] and [feedback] that its description makes use of.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/config/config_registry.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// "tau_u", "transfer", ..: keys of [dynamics] and [[model]] that belong to named models. A circuit may declare
/// parameters of these names.
[[nodiscard]] bool is_key_of_named_models(std::string_view key);

/// Whether some phase moves something.
[[nodiscard]] bool moves(const equations::Description& description);
/// Whether some population has white noise, in some phase.
[[nodiscard]] bool has_noise(const equations::Description& description);
/// Whether what the first layer's weights drive moves.
[[nodiscard]] bool first_layer_moves(const equations::Description& description);
/// Matrices whose weights [feedback] gives: B, and those of [weights.NAME] with kind = "feedback".
[[nodiscard]] std::vector<const equations::Matrix*> feedback_matrices(const equations::Description& description);

/// What a circuit makes use of, as a registered credit says it.
/// @param model  with its description, which may have the parameters alone
[[nodiscard]] Choice circuit_choice(const ModelConfig& model);

/// The options with which a circuit is expanded for a network.
[[nodiscard]] equations::ExpandOptions expand_options(const NetworkConfig& network);

// --- as the text of a file, which a person can go on from: model_circuit_text.cpp ---

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
