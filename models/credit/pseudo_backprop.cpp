/// Pseudo-backpropagation: the Moore-Penrose inverse instead of the transpose (Podlaski & Machens 2020, the
/// limit alpha -> 0 of dynamic inversion with B = -W'):
///
///     delta_{l-1} = W_l^+ delta_l .* g_{l-1}'(a_{l-1})

#include <dynvert/models/credit/credit.hpp>

namespace dynvert {

arma::mat pseudo_inverse_times(const arma::mat& W, const arma::mat& s) {
  // Full rank is the rule. There W^+ = W'(W W')^-1, or (W'W)^-1 W' for a tall W, by Cholesky's factor R of the small
  // Gram matrix, at a fraction of the cost of the SVD. The Gram matrix squares the condition number; one step of
  // refinement with the residual of W itself gives the digits back (Bjorck 1987, "corrected normal equations"). Beyond
  // a condition number of about 1e5 the SVD takes over, which also cuts at the rank.
  const bool wide = W.n_rows <= W.n_cols;
  arma::mat R;
  if (arma::chol(R, wide ? arma::mat(W * W.t()) : arma::mat(W.t() * W))) {
    const arma::vec diagonal = R.diag();
    if (diagonal.min() > 1e-5 * diagonal.max()) {
      const auto solve = [&](const arma::mat& b) -> arma::mat {
        return arma::solve(arma::trimatu(R), arma::solve(arma::trimatl(R.t()), b, arma::solve_opts::fast),
                           arma::solve_opts::fast);
      };
      if (wide) {
        arma::mat x = W.t() * solve(s);
        x += W.t() * solve(s - W * x);
        return x;
      }
      arma::mat x = solve(W.t() * s);
      x += solve(W.t() * (s - W * x));
      return x;
    }
  }
  return arma::pinv(W) * s;
}

CreditModel pseudo_backprop_credit() {
  return {.name = "pseudo_backprop",
          .summary = "the Moore-Penrose inverse instead of the transpose",
          .assign = [](const Network& network, const Feedback&, const Activity& activity, const ParameterValues&,
                       Credit& credit) {
            propagate(network, activity, credit,
                      [&](std::size_t l, const arma::mat& delta) { return pseudo_inverse_times(network.W[l], delta); });
          }};
}

}  // namespace dynvert
