// Random circuits of every rate function that is registered and everything that a projection can transmit.

#include "support/differences.hpp"

#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/circuit/sequential_step.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace dynvert;

namespace {

/// Its slope can be divided by: above 0 wherever the states of these circuits are.
bool has_reciprocal(const RateFunction& g) {
  if (!g.elementwise) return false;
  for (double x = -4; x <= 4; x += 0.05) {
    double slope = 0;
    g.derivative(&x, &slope, 1);
    if (!(slope > 1e-4)) return false;
  }
  return true;
}

/// A population for each rate function, one or two sizes, and projections of every kind between random pairs.
Circuit random_circuit() {
  const auto number = [](std::size_t low, std::size_t high) { return *rc::gen::inRange<std::size_t>(low, high + 1); };
  Circuit c;
  const std::size_t small = number(1, 4), large = number(5, 9);
  std::vector<std::string> names;
  for (const RateFunction& g : rate_functions()) {
    c.add(Population{.name = "of " + std::string(g.name),
                     .units = number(0, 1) == 0 ? small : large,
                     .tau = 0.1 * static_cast<double>(number(5, 30)),
                     .leak = 0.1 * static_cast<double>(number(0, 15)),
                     .rate = std::string(g.name),
                     .clamped = number(0, 9) == 0});
  }
  const auto& populations = c.populations();
  const auto any = [&] { return number(0, populations.size() - 1); };
  const std::size_t projections = number(8, 25);
  for (std::size_t k = 0; k < projections; ++k) {
    const PopulationIndex source = any(), target = any();
    if (populations[target].clamped) continue;
    const std::size_t n = populations[source].units;
    Projection p{.name = std::to_string(k), .source = source, .target = target};
    if (populations[target].units != n || number(0, 3) > 0) {
      p.weights = arma::mat(0.5 * arma::mat(populations[target].units, n, arma::fill::randn));
    } else {
      p.weights = 0.7;
    }
    p.transmits = std::vector{Transmit::state, Transmit::rate, Transmit::gain}[number(0, 2)];
    if (p.transmits == Transmit::gain) {
      const PopulationIndex leader = any();
      const RateFunction& g = rate_function(populations[leader].rate);
      if (populations[leader].units == n && g.elementwise) {
        p.follows = GainFollows{leader, has_reciprocal(g) && number(0, 1) == 1};
      }
    }
    c.add(p);
  }
  return c;
}

RightHandSide random_evaluator(std::size_t columns) {
  RightHandSide f(random_circuit(), columns);
  for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
    assign(f.input(p), arma::mat(f.layout().units(p), columns, arma::fill::randn));
  }
  const auto& projections = f.circuit().projections();
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    if (projections[k].transmits == Transmit::gain && !projections[k].follows) {
      assign(f.gain(k), arma::mat(f.layout().units(projections[k].source), columns, arma::fill::randn));
    }
  }
  return f;
}

/// Of magnitudes 0.01 to 3: away from 0, where some rate functions have a corner.
State random_state(const Layout& layout) {
  State x(layout.size());
  for (std::size_t p = 0; p < layout.populations(); ++p) {
    arma::mat values(layout.units(p), layout.columns(), arma::fill::randn);
    values.transform([](double v) { return std::copysign(std::clamp(std::abs(v), 0.01, 3.0), v); });
    assign(layout.view(std::span<double>(x), p), values);
  }
  return x;
}

}  // namespace

TEST_CASE("random circuits of every rate function and transmission: the Jacobian agrees with central differences") {
  CHECK(rc::check("central differences", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    RightHandSide f = random_evaluator(2);
    const State x = random_state(f.layout());
    const arma::mat J = f.jacobian(x, 1);
    constexpr double h = 1e-5;
    for (arma::uword j = 0; j < J.n_cols; ++j) {
      // Truncation h^2 f'''/6 and rounding eps |f|/h, of |f| up to 1e3 where a slope of a saturated unit is divided by:
      // relative to the column's largest entry.
      const double scale = std::max(1.0, arma::abs(J.col(j)).max());
      RC_ASSERT(arma::abs(test::central_difference(f, x, 1, j, h) - J.col(j)).max() < 1e-5 * scale);
    }
  }));
}

TEST_CASE("random circuits: a sequential step moves each population by the right-hand side at the newest values") {
  CHECK(rc::check("block by block", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const auto columns = *rc::gen::inRange<std::size_t>(1, 4);
    RightHandSide f = random_evaluator(columns);
    RightHandSide reference = f;
    const Layout& layout = f.layout();
    State x = random_state(layout);
    State expected = x, dxdt(x.size());
    constexpr double dt = 0.01;
    SequentialStep step;
    step.bind(f, x, dt);
    step.advance_all(0, 0, 1);
    double largest = 1;
    for (std::size_t p = 0; p < layout.populations(); ++p) {
      reference(expected, dxdt, 0);
      const std::size_t end = layout.offset(p) + layout.stride(p) * columns;
      for (std::size_t i = layout.offset(p); i < end; ++i) {
        expected[i] += dt * dxdt[i];
        largest = std::max(largest, std::abs(dxdt[i]));
      }
    }
    // the same sums, rounded in another order
    for (std::size_t i = 0; i < x.size(); ++i) RC_ASSERT(std::abs(x[i] - expected[i]) < 1e-13 * largest);
  }));
}
