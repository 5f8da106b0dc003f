#pragma once

/// A model whose circuit is a file of equations: circuit in place of credit in [[model]]. Its keys are the parameters
/// that the file declares and those of [dynamics] and [feedback] that its description makes use of.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/config/reader.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// "tau_u", "transfer", ..: keys of [dynamics] and [[model]] that speak of the models of credit. A circuit may declare
/// parameters of these names.
[[nodiscard]] bool is_key_of_named_models(std::string_view key);

/// Whether some phase moves something.
[[nodiscard]] bool moves(const equations::Description& description);
/// Whether what the first layer's weights drive moves.
[[nodiscard]] bool first_layer_moves(const equations::Description& description);
/// Matrices whose weights [feedback] gives: B, and those of [weights.NAME] with kind = "feedback".
[[nodiscard]] std::vector<const equations::Matrix*> feedback_matrices(const equations::Description& description);

/// What a circuit makes use of, as a registered credit says it.
/// @param model  with its description, which may have the parameters alone
[[nodiscard]] Choice circuit_choice(const ModelConfig& model);

/// Reads circuit, circuit_text and the text itself, and makes a description of the parameters alone: what else may
/// stand in the model's table follows from these. Nothing: the table says neither.
/// @param prefix  "model.DFC"
/// @throws ConfigError, EquationError
[[nodiscard]] std::optional<equations::CircuitText> read_model_circuit(const ConfigReader& reader,
                                                                       const toml::table& own,
                                                                       const std::string& prefix, ModelConfig& model);
/// Gives parameters that have the name of a key of [dynamics], and are not in the model's own table, its value there.
/// @param dynamics  nullptr: the configuration has none
void read_circuit_defaults(const ConfigReader& reader, const toml::table& own, const std::string& prefix,
                           const toml::table* dynamics, ModelConfig& model);
/// The description, for the network and with the model's parameters, which all have values then.
/// @throws EquationError
void expand_model_circuit(const equations::CircuitText& text, const NetworkConfig& network, ModelConfig& model);

/// The options with which a circuit is expanded for a network.
[[nodiscard]] equations::ExpandOptions expand_options(const NetworkConfig& network);

}  // namespace dynvert
