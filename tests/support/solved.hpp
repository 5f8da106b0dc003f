#pragma once

/// Solvers on small circuits whose solution is known, for the tests of solvers.

#include "support/loops.hpp"

#include <dynvert/sim/solvers/solver.hpp>

#include <armadillo>

#include <cmath>

namespace dynvert::testing {

/// A stable control loop, linear, with a constant input.
struct LinearExample {
  arma::mat W, B, s;
  double alpha = 0.1, tau_u = 1.5, tau_delta = 0.7;

  explicit LinearExample(unsigned seed = 1, arma::uword columns = 1) {
    arma::arma_rng::set_seed(seed);
    W = arma::mat(4, 6, arma::fill::randn) * 0.3;
    B = -W.t() + arma::mat(6, 4, arma::fill::randn) * 0.05;
    s = arma::mat(4, columns, arma::fill::randn);
  }
  [[nodiscard]] TestLoop loop() const { return make_loop(W, B, alpha, s, tau_u, tau_delta); }

  /// Closed form from zero: x(t) = M^-1 (exp(M t) - I) c, the exponential by eigenvectors: a path of its own.
  [[nodiscard]] arma::vec closed_form(double t, arma::uword column = 0) const {
    const arma::mat M = loop_matrix(W, B, alpha, tau_u, tau_delta);
    arma::cx_vec lambda;
    arma::cx_mat V;
    arma::eig_gen(lambda, V, M);
    const arma::mat E = arma::real(V * arma::diagmat(arma::exp(lambda * t)) * arma::inv(V));
    return arma::solve(M, (E - arma::eye(10, 10)) * input(column));
  }
  [[nodiscard]] arma::vec steady_state(arma::uword column = 0) const {
    return -arma::solve(loop_matrix(W, B, alpha, tau_u, tau_delta), input(column));
  }

 private:
  [[nodiscard]] arma::vec input(arma::uword column) const {
    return arma::join_cols(arma::vec(-s.col(column) / tau_u), arma::vec(6));
  }
};

/// dx/dt = -x + sin t from 0: x = (sin t - cos t + exp(-t)) / 2.
struct DrivenExample {
  RightHandSide f = make();

  [[nodiscard]] static double closed_form(double t) { return (std::sin(t) - std::cos(t) + std::exp(-t)) / 2; }

 private:
  [[nodiscard]] static RightHandSide make() {
    Circuit c;
    const auto p = c.add(Population{.name = "x", .units = 1});
    RightHandSide f(c, 1);
    f.set_drive(p, [](double t, std::span<const std::size_t>, MatrixView input) { input(0, 0) = std::sin(t); });
    return f;
  }
};

struct Solved {
  SolverRun run;
  State x;
  Trajectory trajectory;

  [[nodiscard]] arma::vec end(const RightHandSide& f, std::size_t column = 0) const {
    return f.layout().gather(x, column);
  }
};

/// From the zero state.
inline Solved solve(const SolverKind& kind, RightHandSide& f, Segment segment, const SolverSettings& settings = {},
                    double interval = 0) {
  Solved r;
  r.x.assign(f.layout().size(), 0.0);
  r.run = kind.make(settings)->run(f, r.x, segment, interval > 0 ? &r.trajectory : nullptr, interval);
  return r;
}
inline Solved solve(std::string_view solver, RightHandSide& f, double duration, const SolverSettings& settings = {},
                    double interval = 0) {
  return solve(solver_kind(solver), f, {.start = 0, .duration = duration}, settings, interval);
}

}  // namespace dynvert::testing
