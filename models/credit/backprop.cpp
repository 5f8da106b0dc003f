/// Backpropagation (Rumelhart, Hinton & Williams 1986), the baseline of all models:
///
///     delta_{l-1} = W_l' delta_l .* g_{l-1}'(a_{l-1})

#include <dynvert/models/credit/credit.hpp>

namespace dynvert {

CreditModel backprop_credit() {
  return {.name = "backprop",
          .summary = "transposed weights, the exact gradient",
          .assign = [](const Network& network, const Feedback&, const Activity& activity, const ParameterValues&,
                       Credit& credit) {
            propagate(network, activity, credit,
                      [&](std::size_t l, const arma::mat& delta) -> arma::mat { return network.W[l].t() * delta; });
          }};
}

}  // namespace dynvert
