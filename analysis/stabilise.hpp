#pragma once

/// Stabilisation of a control loop by its feedback weights (Podlaski & Machens 2020): descent of the
/// smoothed spectral abscissa (smoothed_abscissa.hpp) on the block of the loop matrix that holds B, until the spectral
/// abscissa lies below the asked margin.
///
/// Quasi-Newton descent (L-BFGS) with a line search (Armijo). The first step goes along the gradient, with the length
/// that would bring the abscissa to its aim if it fell as fast as the smoothed abscissa does, at most that of B itself.
/// Where the search stalls above the margin, eps is lowered tenfold. The aim lies past the margin by a tenth of what a
/// change of B by its own size can move: a loop brought to the margin exactly would be lost at the next change of W.

#include <armadillo>

#include <string>

namespace dynvert {

/// Where B stands in the loop matrix:  M(row .., column ..) = scale * B * diag(column_gain).
struct FeedbackBlock {
  arma::uword row = 0, column = 0;
  double scale = 1;            ///< 1/tau of the population that B projects to, 1/time
  arma::vec column_gain = {};  ///< slopes of what is transmitted, one a column of B; empty: ones
};

struct StabiliseOptions {
  double margin = 0;          ///< the spectral abscissa asked for lies strictly below, 1/time
  double smoothing = 1e-2;    ///< eps at the start, relative to the largest modulus of an eigenvalue
  int max_iterations = 1000;  ///< gradient steps
};

struct Stabilised {
  arma::mat B;
  double abscissa_before = 0, abscissa_after = 0;  ///< spectral abscissa, 1/time
  int iterations = 0;
  bool reached = false;
  std::string reason = {};  ///< why not, where it was not
};

/// @param M   the loop matrix with B0 in it, @param B0  where the descent starts; returned as it is if M is below the
/// margin
/// @throws ValueError  a block that does not lie in M, values that are not finite
[[nodiscard]] Stabilised stabilise(const arma::mat& M, const arma::mat& B0, const FeedbackBlock& block,
                                   const StabiliseOptions& options = {});

}  // namespace dynvert
