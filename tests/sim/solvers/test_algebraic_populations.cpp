// Every solver on circuits with algebraic populations, against the same circuits with those substituted by hand.

#include <catch2/catch.hpp>

#include <cmath>
#include <string>

#include "support/solved.hpp"

using namespace dynvert;
using namespace dynvert::testing;

namespace {

struct Pair {
  RightHandSide with, by_hand;
  PopulationIndex x = 0, k = 1, y = 2;
};

Signal hyperbolic_tangent(PopulationIndex of) {
  return {.arguments = {of},
          .value =
              [](std::span<const ConstMatrixView> in, const MatrixView& out) {
                for (std::size_t c = 0; c < out.columns; ++c)
                  for (std::size_t i = 0; i < out.units; ++i) out(i, c) = std::tanh(in[0](i, c));
              },
          .derivative =
              [](std::span<const ConstMatrixView> in, std::size_t, std::size_t units) {
                arma::vec slope(units);
                for (std::size_t i = 0; i < units; ++i) slope[i] = 1 - std::pow(std::tanh(in[0](i, 0)), 2);
                return arma::mat(arma::diagmat(slope));
              }};
}

/// y = 0.5 x + N k + y0, or tanh(x);  dx/dt = -x + W y + s, 2 dk/dt = -k + V y. By hand: with the sum in the place of
/// y.
Pair pair(bool linear, std::size_t columns) {
  arma::arma_rng::set_seed(7);
  const arma::mat W = 0.4 * arma::mat(3, 3, arma::fill::randn), V = 0.4 * arma::mat(2, 3, arma::fill::randn);
  const arma::mat N = 0.4 * arma::mat(3, 2, arma::fill::randn);
  const arma::mat s(3, columns, arma::fill::randn), y0(3, columns, arma::fill::randn);
  Circuit a, b;
  for (Circuit* c : {&a, &b}) {
    c->add(Population{.name = "x", .units = 3, .rate = linear ? "linear" : "tanh"});
    c->add(Population{.name = "k", .units = 2, .tau = 2});
  }
  if (linear) {
    a.add(Population{.name = "y", .units = 3, .algebraic = true});
    a.add(Projection{.name = "half", .source = 0, .target = 2, .weights = 0.5});
    a.add(Projection{.name = "N", .source = 1, .target = 2, .weights = N});
    b.add(Projection{.name = "WN", .source = 1, .target = 0, .weights = arma::mat(W * N)});
    b.add(Projection{.name = "VN", .source = 1, .target = 1, .weights = arma::mat(V * N)});
  } else {
    a.add(Population{.name = "y", .units = 3, .algebraic = true, .signal = hyperbolic_tangent(0)});
  }
  a.add(Projection{.name = "W", .source = 2, .target = 0, .weights = W});
  a.add(Projection{.name = "V", .source = 2, .target = 1, .weights = V});
  const double factor = linear ? 0.5 : 1.0;
  const Transmit transmits = linear ? Transmit::state : Transmit::rate;
  b.add(Projection{.name = "W", .source = 0, .target = 0, .weights = arma::mat(factor * W), .transmits = transmits});
  b.add(Projection{.name = "V", .source = 0, .target = 1, .weights = arma::mat(factor * V), .transmits = transmits});
  Pair pair{RightHandSide(a, columns), RightHandSide(b, columns)};
  assign(pair.with.input(0), s);
  assign(pair.by_hand.input(0), linear ? arma::mat(s + W * y0) : s);
  if (linear) {
    assign(pair.with.input(2), y0);
    assign(pair.by_hand.input(1), arma::mat(V * y0));
  }
  return pair;
}

arma::mat values(const RightHandSide& f, std::span<const double> x, PopulationIndex p) {
  return to_matrix(f.layout().view(x, p));
}

}  // namespace

TEST_CASE("every solver: an algebraic population is what it stands for, in states and trajectories") {
  for (const SolverKind& kind : solver_kinds()) {
    for (const bool linear : {true, false}) {
      if (kind.linear_only && !linear) continue;
      CAPTURE(kind.name, linear);
      Pair p = pair(linear, 2);
      const SolverSettings settings{.dt = 0.125, .rtol = 1e-9, .atol = 1e-11};
      const double interval = kind.has_trajectory ? 0.5 : 0;
      const Solved a = solve(kind, p.with, {0, 4}, settings, interval);
      const Solved b = solve(kind, p.by_hand, {0, 4}, settings, interval);
      // adaptive solvers choose other steps, within their tolerance
      const double tolerance = kind.adaptive ? 1e-7 : 1e-12;
      for (const PopulationIndex q : {p.x, p.k})
        CHECK(arma::abs(values(p.with, a.x, q) - values(p.by_hand, b.x, q)).max() < tolerance);
      const auto follows = [&](std::span<const double> state) {
        RightHandSide f = p.with;
        State completed(state.begin(), state.end());
        f.complete(completed, 0);
        return arma::abs(values(f, completed, p.y) - values(f, state, p.y)).max();
      };
      if (kind.has_trajectory) {
        REQUIRE(a.trajectory.samples() == 9);
        for (std::size_t n = 0; n < 9; ++n) {
          CHECK(follows(a.trajectory.state(n)) < 1e-14);
          CHECK(arma::abs(values(p.with, a.trajectory.state(n), p.x) - values(p.by_hand, b.trajectory.state(n), p.x))
                    .max() < tolerance);
        }
      }
      CHECK(follows(a.x) < 1e-14);
    }
  }
}

TEST_CASE("every solver: columns with an algebraic population run together as by themselves, to where they end") {
  for (const SolverKind& kind : solver_kinds()) {
    for (const bool linear : {true, false}) {
      if (kind.linear_only && !linear) continue;
      CAPTURE(kind.name, linear);
      Pair p = pair(linear, 3);
      // the second column is far beyond the limit soon
      for (std::size_t i = 0; i < 3; ++i) p.with.input(0)(i, 1) = 1e5;
      SolverSettings settings{.dt = 0.125, .rtol = 1e-9, .atol = 1e-11, .divergence_limit = 1e3};
      if (kind.can_settle) settings.settle_tolerance = 1e-4;
      RightHandSide together = p.with;
      const double interval = kind.has_trajectory ? 1.0 : 0;
      const Solved batch = solve(kind, together, {0, 60}, settings, interval);
      for (const std::size_t c : {0U, 1U, 2U}) {
        CAPTURE(c);
        RightHandSide single = p.with;
        single.take_column(p.with, c);
        const Solved one = solve(kind, single, {0, 60}, settings, interval);
        CHECK(batch.run.columns[c].ending == one.run.columns[0].ending);
        if (kind.has_trajectory && c == 1) CHECK(one.run.columns[0].ending == Ending::diverged);
        if (kind.can_settle && c != 1) CHECK(one.run.columns[0].ending == Ending::settled);
        if (one.run.columns[0].ending == Ending::diverged) continue;
        // a column's sums do not depend on the others; adaptive steps are chosen by all of them
        const double tolerance = kind.adaptive ? 1e-3 : 1e-12;
        for (const PopulationIndex q : {p.x, p.k, p.y}) {
          const arma::vec own = values(single, one.x, q).col(0), shared = values(together, batch.x, q).col(c);
          CHECK(arma::abs(own - shared).max() < tolerance);
        }
      }
    }
  }
}
