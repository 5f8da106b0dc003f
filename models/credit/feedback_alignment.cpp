/// Feedback alignment (Lillicrap, Cownden, Tweed & Akerman 2016): fixed feedback in place of W'.
///
///     delta_{l-1} = -B_l delta_l .* g_{l-1}'(a_{l-1})
///
/// | symbol | shape         | meaning                     |
/// |--------|---------------|-----------------------------|
/// | B_l    | n_{l-1} x n_l | fixed feedback, l = 2..L    |
///
/// The minus sign is ours: B is negative feedback everywhere in dynvert (B = -W' is the loop's analogue of the
/// transpose), so one B serves a loop and the algebraic rule, and the angle of B against -W' means the same for both.
/// For random B, symmetric about zero, it changes nothing.

#include <dynvert/models/credit/credit.hpp>

namespace dynvert {

CreditModel feedback_alignment_credit() {
  return {.name = "feedback_alignment",
          .summary = "fixed feedback weights instead of the transpose",
          .feedback = sequential_feedback,
          .assign = [](const Network& network, const Feedback& feedback, const Activity& activity,
                       const ParameterValues&, Credit& credit) {
            propagate(network, activity, credit,
                      [&](std::size_t l, const arma::mat& delta) -> arma::mat { return -feedback[l] * delta; });
          }};
}

}  // namespace dynvert
