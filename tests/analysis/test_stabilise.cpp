#include "support/loops.hpp"

#include <dynvert/analysis/smoothed_abscissa.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stabilise.hpp>
#include <dynvert/models/error.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace dynvert;
using namespace dynvert::testing;
using Catch::Matchers::Contains;

namespace {

arma::mat random_matrix() {
  arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
  const auto n = *rc::gen::inRange<arma::uword>(1, 13);
  return {n, n, arma::fill::randn};
}

/// W n_l x n_{l-1} and B uniform on +-w and +-b, with the matrix of their loop.
struct RandomLoop {
  arma::mat W, B, M;
  FeedbackBlock block;
  RandomLoop(arma::uword m, arma::uword n, double w, double b, double alpha, double tau_u = 1, double tau_delta = 1)
      : W(w * (2 * arma::mat(m, n, arma::fill::randu) - 1)),
        B(b * (2 * arma::mat(n, m, arma::fill::randu) - 1)),
        M(loop_matrix(W, B, alpha, tau_u, tau_delta)),
        block{.row = m, .column = 0, .scale = 1 / tau_delta} {}
};

}  // namespace

TEST_CASE("the gradient of the smoothed abscissa agrees with finite differences") {
  CHECK(rc::check("central differences", [] {
    const arma::mat M = random_matrix();
    const double eps = *rc::gen::elementOf(std::vector<double>{1.0, 0.1, 0.01});
    const SmoothedAbscissa s = smoothed_abscissa(M, eps);
    // along a random direction of norm 1; the curvature is of order 1/eps, so the step shrinks with eps
    arma::mat D(arma::size(M), arma::fill::randn);
    D /= arma::norm(D, "fro");
    const double h = 1e-4 * eps;
    const double difference =
        (smoothed_abscissa(M + h * D, eps).value - smoothed_abscissa(M - h * D, eps).value) / (2 * h);
    // truncation (h/eps)^2 = 1e-8 of the slope's scale, rounding 1e-12 / 1e-4
    RC_ASSERT(std::abs(arma::accu(s.gradient % D) - difference) <= 1e-6 * arma::norm(s.gradient, "fro"));
  }));
}

TEST_CASE("the smoothed abscissa: definition, closed form, invariances, limit") {
  CHECK(rc::check("properties", [] {
    const arma::mat M = random_matrix();
    const arma::mat I = arma::eye(arma::size(M));
    const double eps = 0.05;
    const SmoothedAbscissa s = smoothed_abscissa(M, eps);
    RC_ASSERT(std::abs(s.abscissa - spectral_abscissa(M)) < 1e-9);
    RC_ASSERT(s.value >= s.abscissa + eps / 2 - 1e-12);
    // trace P = 1/eps, P by the Kronecker form: an independent path
    const arma::mat A = M - s.value * I;
    const arma::vec p = -arma::solve(arma::mat(arma::kron(I, A) + arma::kron(A, I)), arma::vectorise(I));
    RC_ASSERT(std::abs(arma::trace(arma::reshape(p, M.n_rows, M.n_rows)) * eps - 1) < 1e-7);
    // s(M + cI) = s(M) + c, and s(U M U') = s(M)
    RC_ASSERT(std::abs(smoothed_abscissa(M + 0.7 * I, eps).value - s.value - 0.7) < 1e-9);
    arma::mat U;
    arma::mat R;
    arma::qr(U, R, arma::mat(arma::size(M), arma::fill::randn));
    RC_ASSERT(std::abs(smoothed_abscissa(U * M * U.t(), eps).value - s.value) < 1e-9);
    RC_ASSERT(std::abs(arma::trace(s.gradient) - 1) < 1e-9);  // the shift property, differentiated
    double last = s.value;
    for (const double smaller : {1e-3, 1e-5, 1e-7}) {
      const double value = smoothed_abscissa(M, smaller).value;
      RC_ASSERT(value <= last + 1e-12);
      last = value;
    }
    // the gap closes like the eigenvalue's condition number times eps, like its root for a defective one
    RC_ASSERT(last - s.abscissa < 1e-2);
  }));
  // normal matrices: trace P = sum 1 / (2 (s - lambda_i))
  const arma::vec lambda{-3, -1, -0.5, 0.2, 0.2};
  const double s = smoothed_abscissa(arma::diagmat(lambda), 0.3).value;
  CHECK(arma::accu(1 / (2 * (s - lambda))) == Approx(1 / 0.3).epsilon(1e-10));
  CHECK(smoothed_abscissa(arma::mat(1, 1, arma::fill::value(-2.0)), 0.1).value == Approx(-1.95));
  CHECK(smoothed_abscissa(arma::zeros(3, 3), 0.1).value == Approx(0.15));
  CHECK(smoothed_abscissa(arma::mat{{0, 1}, {0, 0}}, 1e-4).value > 0);  // defective
}

TEST_CASE("the stabiliser brings 200 random loops of 10x20 below zero every time") {
  arma::arma_rng::set_seed(1);
  int reached = 0;
  for (int k = 0; k < 200; ++k) {
    const RandomLoop loop(10, 20, 0.01, 0.01, 0);
    const Stabilised result = stabilise(loop.M, loop.B, loop.block);
    reached += result.reached ? 1 : 0;
    const double after = spectral_abscissa(loop_matrix(loop.W, result.B, 0));
    CHECK(after < 0);
    CHECK(after == Approx(result.abscissa_after).margin(1e-12));
  }
  CHECK(reached == 200);
}

TEST_CASE("stabilisation of loops of any shape and scale, to a margin, with their own time constants") {
  arma::arma_rng::set_seed(2);
  struct Case {
    arma::uword m, n;
    double w, b, alpha, margin;
  };
  for (const Case& c :
       {Case{10, 20, 0.01, 0.5, 0.01, 0}, Case{10, 20, 1, 1, 0, 0}, Case{10, 20, 1, 1, 0, -0.05},
        Case{5, 5, 1, 1, 0, 0}, Case{1, 1, 1, 1, 0, 0}, Case{12, 6, 1, 1, 0.1, 0}, Case{12, 6, 1, 1, 0.1, -0.05}}) {
    CAPTURE(c.m, c.n, c.w, c.b, c.alpha, c.margin);
    for (int k = 0; k < 5; ++k) {
      const RandomLoop loop(c.m, c.n, c.w, c.b, c.alpha, 0.7, 1.6);
      const Stabilised result = stabilise(loop.M, loop.B, loop.block, {.margin = c.margin});
      CHECK(result.reached);
      CHECK(spectral_abscissa(loop_matrix(loop.W, result.B, c.alpha, 0.7, 1.6)) < c.margin);
      CHECK(result.abscissa_before == Approx(spectral_abscissa(loop.M)).margin(1e-12));
      const Stabilised again = stabilise(loop.M, loop.B, loop.block, {.margin = c.margin});
      CHECK(arma::approx_equal(again.B, result.B, "absdiff", 0));
    }
  }
}

TEST_CASE("a stable loop is left alone, an impossible margin is said to be one") {
  arma::arma_rng::set_seed(3);
  const RandomLoop loop(3, 5, 1, 1, 0);
  const arma::mat stable = loop_matrix(loop.W, -loop.W.t(), 0.1);
  const Stabilised untouched = stabilise(stable, -loop.W.t(), loop.block);
  CHECK(untouched.reached);
  CHECK(untouched.iterations == 0);
  CHECK(arma::approx_equal(untouched.B, -loop.W.t(), "absdiff", 0));
  // two eigenvalues stay at -1/tau_delta = -1 whatever B
  const Stabilised impossible = stabilise(loop.M, loop.B, loop.block, {.margin = -1.5});
  CHECK_FALSE(impossible.reached);
  CHECK_THAT(impossible.reason, Contains("abscissa"));
  CHECK(impossible.abscissa_after <= impossible.abscissa_before);

  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(stabilise(loop.M * nan, loop.B, loop.block), ValueError);
  CHECK_THROWS_AS(stabilise(loop.M, loop.B, {.row = 5, .column = 0}), ValueError);
  CHECK_THROWS_AS(smoothed_abscissa(loop.M * nan, 0.1), ValueError);
  CHECK_THROWS_AS(smoothed_abscissa(loop.W, 0.1), ValueError);
  CHECK_THROWS_AS(smoothed_abscissa(loop.M, 0), ValueError);
}
