#include <dynvert/models/network/feedback.hpp>

#include <algorithm>
#include <array>

namespace dynvert {

std::span<const FeedbackFormula> feedback_formulas() {
  static const std::array formulas{
      FeedbackFormula{.kind = "negative_transpose",
                      .make = [](const arma::mat& W, double k, RandomStream&) -> arma::mat { return -k * W.t(); }},
      FeedbackFormula{
          .kind = "negative_pseudo_inverse",
          .make = [](const arma::mat& W, double k, RandomStream&) -> arma::mat { return -k * arma::pinv(W); }},
      FeedbackFormula{
          .kind = "negative_sign",
          .make = [](const arma::mat& W, double k, RandomStream&) -> arma::mat { return -k * arma::sign(W.t()); }},
      FeedbackFormula{.kind = "random",
                      .uses_half_width = true,
                      .make = [](const arma::mat& W, double w,
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
