/// Pseudo-backpropagation: the Moore-Penrose inverse in place of the transpose (Podlaski & Machens 2020, section 4, the
/// limit alpha -> 0 of dynamic inversion with B = -W'):
///
///     delta_{l-1} = W_l^+ delta_l .* g_{l-1}'(a_{l-1})

#include <dynvert/models/credit_list.hpp>

#include <cmath>

namespace dynvert {

arma::mat pseudo_inverse_times(const arma::mat& W, const arma::mat& s) {
  // Full rank is the rule, and there a QR decomposition of the tall side costs a fraction of the SVD without squaring
  // the condition number. A diagonal of R that spans more than 10 decades is left to the SVD, which cuts at the rank.
  const bool wide = W.n_rows <= W.n_cols;
  arma::mat Q;
  arma::mat R;
  if (arma::qr_econ(Q, R, wide ? arma::mat(W.t()) : W)) {
    const arma::vec diagonal = arma::abs(arma::vec(R.diag()));
    if (diagonal.min() > 1e-10 * diagonal.max()) {
      if (wide) return Q * arma::solve(arma::trimatl(R.t()), s, arma::solve_opts::fast);
      return arma::solve(arma::trimatu(R), Q.t() * s, arma::solve_opts::fast);
    }
  }
  return arma::pinv(W) * s;
}

CreditModel pseudo_backprop() {
  return {.name = "pseudo_backprop",
          .summary = "the Moore-Penrose inverse in place of the transpose",
          .assign = [](const Network& network, const Feedback&, const Activity& activity, Credit& credit) {
            propagate(network, activity, credit,
                      [&](std::size_t l, const arma::mat& delta) { return pseudo_inverse_times(network.W[l], delta); });
          }};
}

}  // namespace dynvert
