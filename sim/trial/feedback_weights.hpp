#pragma once

/// Feedback weights of a model as its configuration asks for them: the formulas of models/network/feedback.hpp, the
/// file, and the stabiliser of analysis.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/config/config.hpp>

namespace dynvert {

/// B of each path of the model. Of kind "optimised": the random matrices that the stabiliser starts from. Random draws
/// depend on the seed and the path alone, so that models with the same kind and width have the same B.
/// @throws IoError  kind "file"
[[nodiscard]] Feedback make_feedback(const Config& config, const ModelConfig& model, const Network& network);

/// B of the loop after stabilisation, at zero state, from the weights that f holds now.
/// @throws NumericalError  the spectral abscissa could not be brought below feedback.margin
[[nodiscard]] arma::mat stabilised_feedback(const ModelConfig& model, const Stage& stage, const ControlLoop& loop,
                                            RightHandSide& f);

}  // namespace dynvert
