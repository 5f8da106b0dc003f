#include "support/loops.hpp"

#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/matrix_exponential.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/error.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>

using namespace dynvert;
using namespace dynvert::testing;

namespace {

struct Draw {
  arma::mat W, B, s;
  double alpha, tau_u, tau_delta;
};

Draw draw_loop() {
  arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
  const auto m = *rc::gen::inRange<arma::uword>(1, 9);
  const auto n = *rc::gen::inRange<arma::uword>(1, 9);
  const auto uniform = [](double from, double to) { return from + (to - from) * arma::randu(); };
  return {arma::mat(m, n, arma::fill::randn),
          arma::mat(n, m, arma::fill::randn),
          arma::mat(m, 2, arma::fill::randn),
          uniform(0.01, 2),
          uniform(0.2, 3),
          uniform(0.2, 3)};
}

/// Eigenvalues sorted for comparison: by real part, then by imaginary part, both rounded so that pairs do not swap.
std::vector<std::complex<double>> sorted(const arma::cx_vec& values) {
  std::vector<std::complex<double>> list(values.begin(), values.end());
  std::ranges::sort(list, {}, [](const auto& z) { return std::pair(std::round(z.real() * 1e6), z.imag()); });
  return list;
}

}  // namespace

TEST_CASE("the reduced loop has the spectrum of the whole Jacobian, for wide and tall layers") {
  CHECK(rc::check("spectrum", [] {
    const Draw d = draw_loop();
    TestLoop loop = make_loop(d.W, d.B, d.alpha, d.s, d.tau_u, d.tau_delta);
    const State x(loop.f.layout().size());
    const arma::mat M = loop_matrix(d.W, d.B, d.alpha, d.tau_u, d.tau_delta);
    RC_ASSERT(arma::approx_equal(loop.f.jacobian(x, 1), M, "absdiff", 1e-14));
    RC_ASSERT(as_cycle(loop.f.circuit(), std::vector<PopulationIndex>{0, 1}).has_value());
    // the eigenvalue at a double root of the quadratic moves by the root of rounding: 1e-7
    RC_ASSERT(std::abs(spectral_abscissa(loop.f, x, 0) - spectral_abscissa(M)) < 1e-6);
    const auto reduced = sorted(spectrum(loop.f, x, 0));
    const auto whole = sorted(arma::eig_gen(M));
    RC_ASSERT(reduced.size() == whole.size());
    arma::cx_double sum = 0;
    for (const auto& z : reduced) sum += z;
    RC_ASSERT(std::abs(sum - arma::trace(M)) < 1e-9);
    for (const auto& z : reduced) {
      const auto nearest = std::ranges::min(whole, {}, [&](const auto& w) { return std::abs(w - z); });
      // eigenvalues of these non-normal matrices are conditioned like 1e3 or so; defective pairs like the root
      RC_ASSERT(std::abs(nearest - z) < 1e-5);
    }
  }));
}

TEST_CASE("push-through: the steady state is B(WB - alpha I)^-1 s = (BW - alpha I)^-1 B s") {
  CHECK(rc::check("steady state", [] {
    const Draw d = draw_loop();
    const arma::uword m = d.W.n_rows;
    const arma::uword n = d.W.n_cols;
    const arma::mat left = d.W * d.B - d.alpha * arma::eye(m, m);
    const arma::mat right = d.B * d.W - d.alpha * arma::eye(n, n);
    RC_PRE(arma::rcond(left) > 1e-6 && arma::rcond(right) > 1e-6);
    TestLoop loop = make_loop(d.W, d.B, d.alpha, d.s, d.tau_u, d.tau_delta);
    const SteadyState steady = steady_state(loop.f, State(loop.f.layout().size()));
    const arma::mat delta = to_matrix(loop.f.layout().view(std::span<const double>(steady.x), loop.delta));
    // condition numbers up to 1e6 leave ten digits
    const double tolerance = 1e-8 * (1 + arma::norm(delta, "fro"));
    RC_ASSERT(arma::norm(delta - d.B * arma::solve(left, d.s), "fro") < tolerance);
    RC_ASSERT(arma::norm(delta - arma::solve(right, d.B * d.s), "fro") < tolerance);
  }));
}

TEST_CASE("with B = -W' the steady state is the damped pseudo-inverse, and the pseudo-inverse as alpha vanishes") {
  CHECK(rc::check("damped pseudo-inverse", [] {
    const Draw d = draw_loop();
    const arma::uword m = d.W.n_rows;
    RC_PRE(arma::svd(d.W).min() > 0.05);
    const auto delta_at = [&](double alpha) {
      TestLoop loop = make_loop(d.W, -d.W.t(), alpha, d.s);
      const SteadyState steady = steady_state(loop.f, State(loop.f.layout().size()));
      return to_matrix(loop.f.layout().view(std::span<const double>(steady.x), loop.delta));
    };
    // the loop inverts -s through B = -W': W'(W W' + alpha I)^-1 s
    const arma::mat damped = d.W.t() * arma::solve(d.W * d.W.t() + d.alpha * arma::eye(m, m), d.s);
    RC_ASSERT(arma::norm(delta_at(d.alpha) - damped, "fro") < 1e-9 * (1 + arma::norm(damped, "fro")));
    const arma::mat pseudo = pseudo_inverse_times(d.W, d.s);
    double last = arma::datum::inf;
    for (const double alpha : {1e-2, 1e-3, 1e-4}) {
      // the factor on a singular direction is sigma/(sigma^2 + alpha): a relative error of at most alpha/sigma_min^2
      const double error = arma::norm(delta_at(alpha) - pseudo, "fro");
      RC_ASSERT(error <= alpha / 0.0025 * arma::norm(pseudo, "fro") + 1e-9);
      RC_ASSERT(error <= last + 1e-9);
      last = error;
    }
  }));
}

TEST_CASE("stability is decided by the spectrum") {
  CHECK(rc::check("growth and decay", [] {
    const Draw d = draw_loop();
    TestLoop loop = make_loop(d.W, d.B, d.alpha, d.s, d.tau_u, d.tau_delta);
    const double abscissa = spectral_abscissa(loop.f, State(loop.f.layout().size()), 0);
    RC_PRE(std::abs(abscissa) > 0.05);
    // exp(M t) grows or decays like exp(abscissa t) once the transient of these small matrices is over
    const arma::mat M = loop_matrix(d.W, d.B, d.alpha, d.tau_u, d.tau_delta);
    const double t = 40 / std::abs(abscissa);
    const double size = arma::norm(matrix_exponential(M * t), "fro");
    if (abscissa < 0) {
      RC_ASSERT(size < 1e-6);
    } else {
      RC_ASSERT(size > 1e6);
    }
  }));
}

TEST_CASE("the matrix exponential holds for norms far above one") {
  CHECK(rc::check("against eigenvectors", [] {
    const Draw d = draw_loop();
    const arma::mat M = loop_matrix(d.W, d.B, d.alpha, d.tau_u, d.tau_delta);
    arma::cx_vec lambda;
    arma::cx_mat V;
    arma::eig_gen(lambda, V, M);
    RC_PRE(arma::cond(V) < 100);
    for (const double t : {0.01, 1.0, 30.0, 1000.0}) {
      // scaled so that nothing overflows: the largest mode stays as it is
      const double shift = arma::real(lambda).max();
      const arma::cx_mat expected = V * arma::diagmat(arma::exp((lambda - shift) * t)) * arma::inv(V);
      const arma::mat E = matrix_exponential((M - shift * arma::eye(arma::size(M))) * t);
      // both paths know M to some roundings of its norm, which t multiplies, and eigenvectors by their condition
      RC_ASSERT(arma::norm(E - arma::real(expected), "fro") < 1e-13 * (1 + arma::norm(M, "fro") * t) * arma::cond(V));
    }
  }));
  CHECK(arma::approx_equal(matrix_exponential(arma::mat{{0, 1}, {0, 0}} * 1e6), arma::mat{{1, 1e6}, {0, 1}}, "absdiff",
                           1e-6));
  CHECK_FALSE(matrix_exponential(arma::mat(2, 2, arma::fill::value(arma::datum::inf))).is_finite());
}

TEST_CASE("steady states with gains, and the refusal of a singular system") {
  arma::arma_rng::set_seed(3);
  const arma::mat W(3, 5, arma::fill::randn);
  Circuit c;
  const auto u = c.add(Population{.name = "u", .units = 3, .leak = 0.2});
  const auto delta = c.add(Population{.name = "delta", .units = 5});
  const auto forward =
      c.add(Projection{.name = "W", .source = delta, .target = u, .weights = W, .transmits = Transmit::gain});
  c.add(Projection{.name = "B", .source = u, .target = delta, .weights = arma::mat(-W.t())});
  RightHandSide f(c, 2);
  assign(f.gain(forward), arma::mat(5, 2, arma::fill::randu) + 0.5);
  assign(f.input(u), arma::mat(3, 2, arma::fill::randn));
  assign(f.input(delta), arma::mat(5, 2, arma::fill::randn));
  const SteadyState steady = steady_state(f, State(f.layout().size()));
  State dxdt(steady.x.size());
  f(steady.x, dxdt, 0);
  CHECK(std::ranges::all_of(dxdt, [](double v) { return std::abs(v) < 1e-13; }));

  TestLoop expanding = make_loop(W.t(), -W, 0.0, arma::mat(5, 1, arma::fill::ones));
  CHECK_THROWS_AS(steady_state(expanding.f, State(expanding.f.layout().size())), NumericalError);
}
