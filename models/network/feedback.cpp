#include <dynvert/models/network/feedback.hpp>

#include <algorithm>
#include <array>

namespace dynvert {

std::span<const FeedbackFormula> feedback_formulas() {
  static const std::array formulas{
      FeedbackFormula{.kind = "negative_transpose",
                      .summary = "the negative transpose, -k W'",
                      .make = [](const arma::mat& W, double k, const ParameterValues&, RandomStream&) -> arma::mat {
                        return -k * W.t();
                      }},
      FeedbackFormula{.kind = "negative_pseudo_inverse",
                      .summary = "the negative Moore-Penrose inverse, -k W^+",
                      .make = [](const arma::mat& W, double k, const ParameterValues&, RandomStream&) -> arma::mat {
                        return -k * arma::pinv(W);
                      }},
      FeedbackFormula{.kind = "negative_sign",
                      .summary = "the signs of the negative transpose, -k sign(W')",
                      .make = [](const arma::mat& W, double k, const ParameterValues&, RandomStream&) -> arma::mat {
                        return -k * arma::sign(W.t());
                      }},
      FeedbackFormula{.kind = "random",
                      .summary = "drawn from U(-w, w)",
                      .uses_half_width = true,
                      .make = [](const arma::mat& W, double w, const ParameterValues&,
                                 RandomStream& random) { return random.uniform(W.n_cols, W.n_rows, w); }},
  };
  return formulas;
}

const FeedbackFormula* find_feedback_formula(std::string_view kind) {
  const auto formulas = feedback_formulas();
  const auto found = std::ranges::find(formulas, kind, &FeedbackFormula::kind);
  return found == formulas.end() ? nullptr : &*found;
}

}  // namespace dynvert
