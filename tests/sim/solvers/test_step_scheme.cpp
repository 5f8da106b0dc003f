// The steps of a solver as a formula, which gradients along trajectories follow, are the steps that it takes.

#include <dynvert/sim/solvers/solver.hpp>

#include <catch2/catch.hpp>

#include <cmath>

using namespace dynvert;

namespace {

/// Two populations that drive each other through tanh, with different time constants.
Circuit two_populations() {
  Circuit c;
  const PopulationIndex p = c.add(Population{.name = "p", .units = 1, .tau = 0.7, .leak = 1.2, .rate = "tanh"});
  const PopulationIndex q = c.add(Population{.name = "q", .units = 1, .tau = 1.5, .leak = 0.4, .rate = "tanh"});
  c.add(Projection{.name = "pq", .source = p, .target = q, .weights = 1.3, .transmits = Transmit::rate});
  c.add(Projection{.name = "qp", .source = q, .target = p, .weights = -0.9, .transmits = Transmit::rate});
  return c;
}

arma::vec slope(const arma::vec& x) {
  return {(-1.2 * x[0] - 0.9 * std::tanh(x[1])) / 0.7, (-0.4 * x[1] + 1.3 * std::tanh(x[0])) / 1.5};
}

arma::vec by_formula(const StepScheme& scheme, arma::vec x, double dt) {
  if (scheme.one_by_one) {
    for (arma::uword i = 0; i < x.n_elem; ++i) x[i] += dt * slope(x)[i];
    return x;
  }
  std::vector<arma::vec> k;
  for (std::size_t i = 0; i < scheme.b.size(); ++i) {
    arma::vec at = x;
    for (std::size_t j = 0; j < i; ++j) at += dt * scheme.a[i][j] * k[j];
    k.push_back(slope(at));
  }
  for (std::size_t i = 0; i < k.size(); ++i) x += dt * scheme.b[i] * k[i];
  return x;
}

}  // namespace

TEST_CASE("solvers of fixed steps take the steps that they say") {
  std::size_t with_steps = 0;
  for (const SolverKind& kind : solver_kinds()) {
    INFO(kind.name);
    // of noise no formula of the state tells
    CHECK(kind.fixed_step == (kind.steps.has_value() || kind.takes_noise));
    if (!kind.steps) continue;
    ++with_steps;
    const double dt = 0.3;
    RightHandSide f(two_populations(), 1);
    State x(f.layout().size());
    arma::vec expected{0.8, -0.5};
    f.layout().scatter(expected, 0, x);
    kind.make({.dt = dt})->run(f, x, {.duration = 2 * dt}, nullptr, 0);
    expected = by_formula(*kind.steps, by_formula(*kind.steps, expected, dt), dt);
    // the kernels have a tanh of their own
    CHECK(arma::norm(f.layout().gather(x, 0) - expected) < 1e-13);
  }
  CHECK(with_steps >= 4);
}
