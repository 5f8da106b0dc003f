// Steady states of many columns: with one factorisation where they differ in inputs alone, else one by one; either way
// the closed form.

#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/random.hpp>

#include <catch2/catch.hpp>

#include "support/loops.hpp"

#include <cmath>
#include <string>

using namespace dynvert;

TEST_CASE("columns of a linear loop settle where the closed form says, with leaks of their own or not") {
  const auto [rows, columns] =
      GENERATE(std::pair<arma::uword, arma::uword>{4, 9}, std::pair<arma::uword, arma::uword>{9, 4});
  const bool own_leaks = GENERATE(false, true);
  RandomStream random(11, "columns");
  const arma::mat W = random.normal(rows, columns), B = -W.t(), s = random.normal(rows, 3);
  auto loop = testing::make_loop(W, B, 0.1, s, 2, 3);
  arma::vec alpha(3, arma::fill::value(0.1));
  if (own_leaks) {
    alpha = {0.1, 0.2, 0.5};
    for (std::size_t c = 0; c < 3; ++c) loop.f.leak(loop.u)[c] = alpha(c);
  }
  const SteadyState steady = steady_state(loop.f, State(loop.f.layout().size()));
  CHECK(steady.iterations == 1);
  const auto view = [&](PopulationIndex p) {
    return to_matrix(loop.f.layout().view(std::span<const double>(steady.x), p));
  };
  for (arma::uword c = 0; c < 3; ++c) {
    const arma::vec u = arma::solve(W * B - alpha(c) * arma::eye(rows, rows), s.col(c));
    // the system's condition number is at most (|W|^2 + alpha) / alpha, some 300
    CHECK(arma::norm(view(loop.u).col(c) - u) < 1e-12 * arma::norm(u));
    CHECK(arma::norm(view(loop.delta).col(c) - B * u) < 1e-12 * arma::norm(u));
  }
}

TEST_CASE("a ring of linear populations settles whether its projections transmit states or rates") {
  const auto transmits = GENERATE(Transmit::state, Transmit::rate);
  const std::size_t populations = GENERATE(2u, 3u);
  Circuit circuit;
  for (std::size_t i = 0; i < populations; ++i)
    circuit.add(Population{.name = std::string(1, static_cast<char>('a' + i)), .units = 1});
  for (std::size_t i = 0; i < populations; ++i) {
    circuit.add(Projection{.name = "p" + std::to_string(i),
                           .source = i,
                           .target = (i + 1) % populations,
                           .weights = -0.5,
                           .transmits = transmits});
  }
  RightHandSide f(std::move(circuit), 1);
  f.input(0)(0, 0) = 3;
  const SteadyState steady = steady_state(f, State(f.layout().size()));
  // x_0 = -x_{k-1} / 2 + 3, x_i = -x_{i-1} / 2; a handful of operations, each right to 1e-16
  const double first = 3 / (1 - std::pow(-0.5, static_cast<double>(populations)));
  for (std::size_t i = 0; i < populations; ++i) {
    const double x = f.layout().view(std::span<const double>(steady.x), i)(0, 0);
    CHECK(std::abs(x - first * std::pow(-0.5, static_cast<double>(i))) < 1e-14);
  }
}
