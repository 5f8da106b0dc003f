#pragma once

/// Derivatives by central differences, for tests of those that are computed.

#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/network/network.hpp>

#include <armadillo>

#include <functional>

namespace dynvert::test {

/// Column j of the Jacobian of f at x, of one trial. Truncation is h^2 f'''/6, rounding eps |f|/h.
inline arma::vec central_difference(RightHandSide& f, const State& x, std::size_t trial, arma::uword j, double h) {
  const auto shifted = [&](double by) {
    arma::vec v = f.layout().gather(x, trial);
    v[j] += by;
    State y = x;
    f.layout().scatter(v, trial, y);
    State dxdt(y.size());
    f(y, dxdt, 0.0);
    return f.layout().gather(dxdt, trial);
  };
  return (shifted(h) - shifted(-h)) / (2 * h);
}

/// The gradient of a function of a network's weights, in the place of its weights and biases.
inline Network gradient_by_differences(const Network& network, const std::function<double(const Network&)>& value,
                                       double h) {
  Network gradient = network;
  const auto fill = [&](const auto& parameter) {
    for (arma::uword i = 0; i < parameter(gradient).n_elem; ++i) {
      Network up = network, down = network;
      parameter(up)[i] += h;
      parameter(down)[i] -= h;
      parameter(gradient)[i] = (value(up) - value(down)) / (2 * h);
    }
  };
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    fill([l](Network & n) -> auto& { return n.W[l]; });
    if (network.bias) fill([l](Network & n) -> auto& { return n.b[l]; });
  }
  return gradient;
}

}  // namespace dynvert::test
