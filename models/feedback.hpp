#pragma once

/// Feedback weights B_l of the loop that inverts W_l (Podlaski & Machens 2020), n_{l-1} x n_l. B is
/// negative feedback: B = -W' is the analogue of the transpose. Taken once, from the weights at the start.
///
/// | kind                    | B_l                              |
/// |-------------------------|----------------------------------|
/// | negative_transpose      | -k W_l', gain k                  |
/// | negative_pseudo_inverse | -k W_l^+                         |
/// | negative_sign           | -k sign(W_l')                    |
/// | random                  | U(-w, w), half width w           |
/// | optimised               | random, then stabilised          |
/// | file                    | from an HDF5 file                |
///
/// This file makes the kinds that are a formula of W. `optimised` needs analysis and `file` needs files: sim sees to
/// them.

#include <dynvert/models/random.hpp>

#include <armadillo>

#include <functional>
#include <span>
#include <string_view>

namespace dynvert {

struct FeedbackFormula {
  std::string_view kind;
  bool uses_half_width = false;  ///< its scale is a half width; else a gain
  /// B, n_{l-1} x n_l. @param W  n_l x n_{l-1}, @param scale  gain or half width, @param random  of `random` only
  std::function<arma::mat(const arma::mat& W, double scale, RandomStream& random)> make = nullptr;
};

[[nodiscard]] std::span<const FeedbackFormula> feedback_formulas();
/// nullptr: no formula of this kind
[[nodiscard]] const FeedbackFormula* find_feedback_formula(std::string_view kind);

}  // namespace dynvert
