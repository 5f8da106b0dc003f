#pragma once

/// Feedback weights of a model as its configuration asks for them: the formulas of models/feedback.hpp, the file, and
/// the stabiliser of analysis.

#include <dynvert/models/credit.hpp>
#include <dynvert/sim/config.hpp>

namespace dynvert {

/// B_l for l = 2..L. Of kind "optimised": the random matrices that the stabiliser starts from. Random draws depend on
/// the seed and the layer alone, so that models with the same kind and width have the same B.
/// @throws IoError  kind "file"
[[nodiscard]] Feedback make_feedback(const Config& config, const ModelConfig& model, const Network& network);

/// B of the loop after stabilisation from the weights that f holds now.
/// @throws NumericalError  the spectral abscissa could not be brought below feedback.margin
[[nodiscard]] arma::mat stabilised_feedback(const ModelConfig& model, const Loop& loop, RightHandSide& f);

}  // namespace dynvert
