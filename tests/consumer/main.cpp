// A program that uses the installed library: a loop of one unit, integrated and at its steady state.
#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <cmath>
#include <cstdio>

int main() {
  using namespace dynvert;
  Circuit circuit;
  const auto u = circuit.add(Population{.name = "u", .units = 1, .leak = 0.1});
  const auto delta = circuit.add(Population{.name = "delta", .units = 1});
  circuit.add(
      Projection{.name = "W", .source = delta, .target = u, .weights = arma::mat(1, 1, arma::fill::value(0.8))});
  circuit.add(
      Projection{.name = "B", .source = u, .target = delta, .weights = arma::mat(1, 1, arma::fill::value(-0.8))});
  RightHandSide f(circuit, 1);
  f.input(u)(0, 0) = -1;
  State x(f.layout().size());
  solver_kind("dopri5").make({.rtol = 1e-10, .atol = 1e-12})->run(f, x, {.start = 0, .duration = 200}, nullptr, 0);
  const double reached = f.layout().view(std::span<double>(x), delta)(0, 0);
  const double expected = 0.8 / (0.64 + 0.1);
  std::printf("delta = %.9f, steady state %.9f\n", reached, expected);
  return std::abs(reached - expected) < 1e-8 ? 0 : 1;
}
