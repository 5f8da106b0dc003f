// The stability limits that solvers give, against their own steps.

#include "support/loops.hpp"

#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/sim/solvers/solver.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <vector>

using namespace dynvert;
using namespace dynvert::testing;

namespace {

double limit_of(std::string_view solver, RightHandSide f) {
  return solver_kind(solver).largest_stable_step(modes_of(f));
}

/// One step of the solver as a matrix. The circuit is linear and has no input.
arma::mat step_matrix(const SolverKind& kind, RightHandSide& f, double h) {
  const Layout& layout = f.layout();
  arma::mat Z(layout.variables(), layout.variables());
  const auto solver = kind.make({.dt = h});
  for (arma::uword j = 0; j < Z.n_cols; ++j) {
    arma::vec unit(Z.n_rows);
    unit[j] = 1;
    State x(layout.size());
    layout.scatter(unit, 0, x);
    solver->run(f, x, {.start = 0, .duration = h}, nullptr, 0);
    Z.col(j) = layout.gather(x, 0);
  }
  return Z;
}

double radius(const arma::mat& Z) { return arma::abs(arma::cx_vec(arma::eig_gen(Z))).max(); }

void for_each_limit(const std::function<void(const SolverKind&)>& test) {
  for (const SolverKind& kind : solver_kinds()) {
    if (kind.largest_stable_step) test(kind);
  }
}

double uniform(double low, double high) { return low + (high - low) * *rc::gen::inRange(0, 1001) / 1000.0; }

/// A cycle of two or three populations; some are stable, some not.
RightHandSide random_loop() {
  arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
  const auto k = *rc::gen::inRange<std::size_t>(2, 4);
  Circuit c;
  std::vector<std::size_t> units;
  for (std::size_t i = 0; i < k; ++i) {
    units.push_back(*rc::gen::inRange<std::size_t>(1, 6));
    c.add(Population{.name = std::string(1, static_cast<char>('a' + i)),
                     .units = units[i],
                     .tau = uniform(0.2, 3),
                     .leak = i == 0 ? uniform(0.01, 2) : 1.0});
  }
  arma::mat around = arma::eye(units[0], units[0]);
  for (std::size_t i = 0; i < k; ++i) {
    const std::size_t to = (i + 1) % k;
    // negative feedback, disturbed
    const arma::mat C = to == 0 ? arma::mat(-around.t() + 0.3 * arma::mat(units[0], units[i], arma::fill::randn))
                                : arma::mat(0.7 * arma::mat(units[to], units[i], arma::fill::randn));
    around = C * around;
    c.add(Projection{.name = "to " + std::to_string(to), .source = i, .target = to, .weights = C});
  }
  return {c, 1};
}

}  // namespace

TEST_CASE("every solver's largest stable step: its own steps contract below and not above") {
  CHECK(rc::check("spectral radius of one step", [] {
    RightHandSide f = random_loop();
    const CycleModes modes = modes_of(f);
    const arma::cx_vec lambda = spectrum(modes);
    const double abscissa = arma::real(lambda).max();
    if (abscissa >= 0) {
      for_each_limit([&](const SolverKind& kind) { RC_ASSERT(std::isnan(kind.largest_stable_step(modes))); });
    }
    // a margin: next to instability the radius is 1 to rounding at every step
    RC_PRE(abscissa < -1e-3);
    for_each_limit([&](const SolverKind& kind) {
      RC_TAG(std::string(kind.name));
      const double limit = kind.largest_stable_step(modes);
      RC_ASSERT(std::isfinite(limit) && limit > 0);
      for (int k = 1; k < 50; ++k) RC_ASSERT(radius(step_matrix(kind, f, limit * k / 50.0)) < 1);
      RC_ASSERT(radius(step_matrix(kind, f, 0.9999 * limit)) < 1);
      RC_ASSERT(radius(step_matrix(kind, f, 1.0001 * limit)) > 1);
      if (kind.largest_stable_step_of_spectrum) RC_ASSERT(kind.largest_stable_step_of_spectrum(lambda) == limit);
    });
  }));
}

TEST_CASE("every solver whose limit follows from the spectrum: rays into the left half plane leave its region once") {
  for (const SolverKind& kind : solver_kinds()) {
    if (!kind.largest_stable_step_of_spectrum) continue;
    for (int i = 1; i <= 60; ++i) {
      // i = 0 would be the imaginary axis, where |R| is 1 to rounding for small steps
      const double angle = arma::datum::pi / 2 * (1 + i / 60.0);
      INFO(kind.name << ", angle " << angle);
      Circuit c;
      const auto p = c.add(Population{.name = "x", .units = 2, .leak = 0});
      const double a = std::cos(angle), b = std::sin(angle);
      c.add(Projection{.name = "A", .source = p, .target = p, .weights = arma::mat{{a, -b}, {b, a}}});
      RightHandSide f(c, 1);
      const double limit = kind.largest_stable_step_of_spectrum(arma::cx_vec{{a, b}, {a, -b}});
      REQUIRE(limit > 0);
      // steps of which |R(h lambda)| differs from 1 by more than rounding
      for (int k = 1; k <= 80; ++k) {
        const double share = k / 20.0;
        if (k == 20) continue;
        CHECK((radius(step_matrix(kind, f, share * limit)) < 1) == (share < 1));
      }
    }
  }
}

TEST_CASE("largest stable steps: closed forms of docs/mathematics.md") {
  const double alpha = 0.01;
  const double h = 0.5;
  // at the singular value that the formulas give, the limit is h
  const auto loop_at = [&](double squared) {
    const double sigma = std::sqrt(squared);
    return make_loop(arma::vec{sigma}, arma::vec{-sigma}, alpha, arma::vec{0.0});
  };
  CHECK(limit_of("euler", loop_at((1 + alpha) / h - alpha).f) == Approx(h).epsilon(1e-12));
  CHECK(limit_of("sequential_euler", loop_at((4 - 2 * h * (1 + alpha)) / (h * h) + alpha).f) ==
        Approx(h).epsilon(1e-12));
  // On the real axis R = 1 or -1 at 2 for the methods of order 1 and 2, and at 2.785293563405282 for rk4: decoupled
  // modes -1 and -2 take half of that; and a leak of 1e-13 is a leak.
  const auto on_axis = [](const SolverKind& kind) { return kind.order == 4 ? 2.785293563405282 : 2.0; };
  TestLoop real = make_loop(arma::vec{0.0}, arma::vec{0.0}, 2, arma::vec{0.0});
  TestLoop slow = make_loop(arma::vec{1e-3}, arma::vec{-1e-10}, 1e-13, arma::vec{0.0});
  for_each_limit([&](const SolverKind& kind) {
    INFO(kind.name);
    CHECK(kind.largest_stable_step(modes_of(real.f)) == Approx(on_axis(kind) / 2).epsilon(1e-12));
    CHECK(kind.largest_stable_step(modes_of(slow.f)) == Approx(on_axis(kind)).epsilon(1e-6));
  });
}
