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

/// y = sin(a) .* b
Signal product_signal(PopulationIndex a, PopulationIndex b) {
  return {.arguments = {a, b},
          .value =
              [](std::span<const ConstMatrixView> x, const MatrixView& y) {
                for (std::size_t c = 0; c < y.columns; ++c)
                  for (std::size_t i = 0; i < y.units; ++i) y(i, c) = std::sin(x[0](i, c)) * x[1](i, c);
              },
          .derivative =
              [](std::span<const ConstMatrixView> x, std::size_t k, std::size_t units) {
                arma::vec slope(units);
                for (std::size_t i = 0; i < units; ++i)
                  slope[i] = k == 0 ? std::cos(x[0](i, 0)) * x[1](i, 0) : std::sin(x[0](i, 0));
                return arma::mat(arma::diagmat(slope));
              }};
}

/// Each unit is the mean square of a.
Signal mean_square_signal(PopulationIndex a) {
  return {.arguments = {a},
          .value =
              [](std::span<const ConstMatrixView> x, const MatrixView& y) {
                for (std::size_t c = 0; c < y.columns; ++c) {
                  double sum = 0;
                  for (std::size_t j = 0; j < x[0].units; ++j) sum += x[0](j, c) * x[0](j, c);
                  for (std::size_t i = 0; i < y.units; ++i) y(i, c) = sum / static_cast<double>(x[0].units);
                }
              },
          .derivative =
              [](std::span<const ConstMatrixView> x, std::size_t, std::size_t units) {
                arma::mat J(units, x[0].units);
                for (std::size_t j = 0; j < x[0].units; ++j)
                  J.col(j).fill(2 * x[0](j, 0) / static_cast<double>(x[0].units));
                return J;
              }};
}

/// Moving, clamped and algebraic populations in turn; the algebraic ones are sums of what comes before them, or signals
/// of it. @param plastic  some weights move, with factors of any kind
Circuit random_algebraic_circuit(bool plastic) {
  const auto number = [](std::size_t low, std::size_t high) { return *rc::gen::inRange<std::size_t>(low, high + 1); };
  Circuit c;
  const std::size_t small = number(1, 3), large = number(4, 6);
  const auto rate = [&] { return std::string(rate_functions()[number(0, rate_functions().size() - 1)].name); };
  const auto any_of = [&](std::size_t units) {
    std::vector<PopulationIndex> all;
    for (PopulationIndex p = 0; p < c.populations().size(); ++p)
      if (c.populations()[p].units == units) all.push_back(p);
    return all[number(0, all.size() - 1)];
  };
  const auto project = [&](PopulationIndex target, PopulationIndex source) {
    const std::size_t n = c.populations()[source].units, units = c.populations()[target].units;
    Projection p{.name = std::to_string(c.projections().size()), .source = source, .target = target};
    if (n != units || number(0, 2) > 0)
      p.weights = arma::mat(0.4 * arma::mat(units, n, arma::fill::randn));
    else
      p.weights = 0.6;
    p.transmits = std::vector{Transmit::state, Transmit::rate, Transmit::gain}[number(0, 2)];
    if (p.transmits == Transmit::gain) {
      const PopulationIndex leader = any_of(n);
      const bool before = !c.populations()[target].algebraic || leader < target;
      if (before && rate_function(c.populations()[leader].rate).elementwise) p.follows = GainFollows{leader, false};
    }
    c.add(p);
  };
  for (const std::size_t units : {small, large})
    for (int i = 0; i < 2; ++i)
      c.add(Population{.name = "x" + std::to_string(c.populations().size()),
                       .units = units,
                       .tau = 0.1 * static_cast<double>(number(5, 30)),
                       .leak = 0.1 * static_cast<double>(number(0, 15)),
                       .rate = rate(),
                       .clamped = i == 1 && number(0, 2) == 0});
  for (std::size_t i = 0; i < 7; ++i) {
    const std::string name = "y" + std::to_string(c.populations().size());
    const std::size_t units = number(0, 1) == 0 ? small : large;
    switch (number(0, 3)) {
      case 0:
        c.add(Population{.name = name,
                         .units = units,
                         .rate = rate(),
                         .algebraic = true,
                         .signal = product_signal(any_of(units), any_of(units))});
        break;
      case 1: {
        const PopulationIndex of = any_of(number(0, 1) == 0 ? small : large);
        c.add(Population{
            .name = name, .units = units, .rate = rate(), .algebraic = true, .signal = mean_square_signal(of)});
        break;
      }
      case 2:
        c.add(Population{.name = name, .units = units, .tau = 1.5, .rate = rate()});
        break;
      default: {
        const std::size_t before = c.populations().size();
        const PopulationIndex p = c.add(Population{.name = name, .units = units, .rate = rate(), .algebraic = true});
        for (std::size_t k = number(1, 3); k > 0; --k) project(p, number(0, before - 1));
      }
    }
  }
  const std::size_t n = c.populations().size();
  for (std::size_t k = 0; k < 16; ++k) {
    const PopulationIndex target = number(0, n - 1);
    if (c.populations()[target].moves()) project(target, number(0, n - 1));
  }
  if (!plastic) return c;
  for (ProjectionIndex k = 0; k < c.projections().size(); ++k) {
    const Projection& p = c.projections()[k];
    if (std::holds_alternative<double>(p.weights) || number(0, 2) > 0) continue;
    const std::size_t rows = c.populations()[p.target].units, columns = c.populations()[p.source].units;
    c.add(Plasticity{.uses = {{.projection = k}},
                     .tau = 4,
                     .rate = 0.3,
                     .decay = 0.2,
                     .products = {{.post = {{.population = any_of(rows), .transmits = Transmit::rate},
                                            {.population = any_of(rows), .coefficient = -0.5}},
                                   .pre = {.population = any_of(columns)}}}});
    if (c.plasticity().size() == 2) break;
  }
  return c;
}

RightHandSide random_evaluator(std::size_t columns, Circuit circuit = random_circuit()) {
  RightHandSide f(std::move(circuit), columns);
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

TEST_CASE("random circuits with algebraic populations: the total Jacobian agrees with central differences") {
  CHECK(rc::check("central differences", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const bool plastic = *rc::gen::arbitrary<bool>();
    RightHandSide f = random_evaluator(plastic ? 1 : 2, random_algebraic_circuit(plastic));
    const std::size_t column = plastic ? 0 : 1;
    const State x = random_state(f.layout());
    const arma::mat J = f.jacobian(x, column);
    for (arma::uword j = 0; j < J.n_cols; ++j) {
      // As above. Chains of algebraic populations multiply slopes: what is not small against the largest entry of all.
      const double scale = std::max(1.0, arma::abs(J).max());
      RC_ASSERT(arma::abs(test::central_difference(f, x, column, j, 1e-5) - J.col(j)).max() < 1e-6 * scale);
    }
    for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
      if (!f.circuit().populations()[p].algebraic) continue;
      const arma::uvec own = f.variables_of(std::vector{p});
      RC_ASSERT(J.rows(own).is_zero());
      RC_ASSERT(J.cols(own).is_zero());
    }
  }));
}

TEST_CASE("random circuits with algebraic populations: a sequential step evaluates what is stale before each update") {
  CHECK(rc::check("block by block", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const bool plastic = *rc::gen::arbitrary<bool>();
    const auto columns = *rc::gen::inRange<std::size_t>(1, 4);
    RightHandSide f = random_evaluator(columns, random_algebraic_circuit(plastic));
    RightHandSide reference = f;
    const Layout& layout = f.layout();
    State x = random_state(layout);
    State expected = x, dxdt(x.size());
    constexpr double dt = 0.01;
    SequentialStep step;
    step.bind(f, x, dt);
    step.advance_all(0, 0, 3);
    f.complete(x, 3 * dt);
    // the naive way: everything anew before each population, then the weights, all from one evaluation
    const std::size_t populations = f.circuit().populations().size();
    double largest = 1;
    for (int n = 0; n < 3; ++n) {
      for (std::size_t b = 0; b < layout.populations(); ++b) {
        if (b <= populations) reference(expected, dxdt, 0);
        const std::size_t end = b + 1 < layout.populations() ? layout.offset(b + 1) : layout.size();
        for (std::size_t i = layout.offset(b); i < end; ++i) {
          expected[i] += dt * dxdt[i];
          largest = std::max(largest, std::abs(dxdt[i]));
        }
      }
    }
    reference.complete(expected, 3 * dt);
    for (const double v : expected) largest = std::max(largest, std::abs(v));
    for (std::size_t i = 0; i < x.size(); ++i) RC_ASSERT(std::abs(x[i] - expected[i]) < 1e-11 * largest);
  }));
}
