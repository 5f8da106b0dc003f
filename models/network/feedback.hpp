#pragma once

/// Feedback weights B of a loop (Podlaski & Machens 2020) that inverts the forward path W, n_bottom x n_top; W is W_l
/// for the loops of one layer, the product W_top .. W_{bottom+1} for longer ones. B is negative feedback: B = -W' is
/// the analogue of the transpose. Taken once, from the weights at the start.
///
/// | kind                    | B                                |
/// |-------------------------|----------------------------------|
/// | negative_transpose      | -k W', gain k                    |
/// | negative_pseudo_inverse | -k W^+                           |
/// | negative_sign           | -k sign(W')                      |
/// | random                  | U(-w, w), half width w           |
/// | product                 | (-1)^(m+1) B_{bottom+1} .. B_top |
/// | optimised               | random, then stabilised          |
/// | file                    | from an HDF5 file                |
///
/// The factors of `product` are the m layers' matrices, each of a kind above; with m factors of negative feedback the
/// sign makes the product negative feedback, too.
///
/// This file makes the kinds that are a formula of W. `product` takes the draws of several layers, `optimised` needs
/// analysis and `file` needs files: sim sees to them.

#include <dynvert/models/parameter.hpp>
#include <dynvert/models/random.hpp>

#include <armadillo>

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace dynvert {

struct FeedbackFormula {
  std::string_view kind;
  std::string_view summary;
  bool uses_half_width = false;            ///< its scale is a half width; else a gain
  std::vector<Parameter> parameters = {};  ///< keys of [feedback] that it declares itself
  /// B, n_{l-1} x n_l. @param W  n_l x n_{l-1}, @param scale  gain or half width, @param random  of `random` only
  std::function<arma::mat(const arma::mat& W, double scale, const ParameterValues& parameters, RandomStream& random)>
      make = nullptr;
};

[[nodiscard]] std::span<const FeedbackFormula> feedback_formulas();
/// nullptr: no formula of this kind
[[nodiscard]] const FeedbackFormula* find_feedback_formula(std::string_view kind);

}  // namespace dynvert
