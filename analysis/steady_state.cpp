#include <dynvert/analysis/linear_loop.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace dynvert {

namespace {

NumericalError singular(double rcond) {
  return {
      "steady state",
      fmt::format("the linear system is singular (reciprocal condition number {:.2g}): there is no unique steady "
                  "state",
                  rcond),
      "alpha > 0, or feedback B for which W B is regular; an expanding layer (n_l > n_{l-1}) has none at alpha = 0"};
}

arma::mat solve_regular(const arma::mat& A, const arma::mat& b) {
  arma::mat x;
  // no equilibration or refinement: the matrices are small and their entries of one scale; the estimate of the
  // condition number comes with the factorisation
  if (!A.is_finite()) throw singular(std::numeric_limits<double>::quiet_NaN());
  if (!arma::solve(x, A, b, arma::solve_opts::no_approx)) throw singular(arma::rcond(A));
  return x;
}

void solve_loop(const LinearLoop& loop, const RightHandSide& f, std::size_t column, State& x) {
  const arma::vec input_p(f.input(loop.p).column(column).data(), loop.F.n_rows);
  const arma::vec input_q(f.input(loop.q).column(column).data(), loop.K.n_rows);
  arma::mat A = loop.F * loop.K / loop.leak_q;
  A.diag() -= loop.leak_p;
  const arma::vec p = solve_regular(A, -input_p - loop.F * input_q / loop.leak_q);
  const arma::vec q = (loop.K * p + input_q) / loop.leak_q;
  const auto p_out = f.layout().view(std::span<double>(x), loop.p).column(column);
  const auto q_out = f.layout().view(std::span<double>(x), loop.q).column(column);
  std::copy(p.begin(), p.end(), p_out.begin());
  std::copy(q.begin(), q.end(), q_out.begin());
}

/// tau dx/dt of one column: the residual, free of the populations' different time constants
arma::vec residual(RightHandSide& f, const State& x, State& dxdt, std::size_t column) {
  f(x, dxdt, 0.0);
  arma::vec r = f.layout().gather(dxdt, column);
  const auto& populations = f.circuit().populations();
  for (PopulationIndex p = 0; p < populations.size(); ++p) {
    r.subvec(f.layout().variable_offset(p), arma::size(populations[p].units, 1)) *= populations[p].tau;
  }
  return r;
}

void newton(RightHandSide& f, std::size_t column, const SteadyStateOptions& options, SteadyState& result) {
  State dxdt(f.layout().size());
  arma::vec x = f.layout().gather(result.x, column);
  arma::vec r = residual(f, result.x, dxdt, column);
  ++result.evaluations;
  double last = std::numeric_limits<double>::infinity();
  const arma::vec tau = [&] {
    arma::vec values(f.layout().variables());
    for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
      const auto& population = f.circuit().populations()[p];
      values.subvec(f.layout().variable_offset(p), arma::size(population.units, 1)).fill(population.tau);
    }
    return values;
  }();
  for (std::size_t iteration = 1; iteration <= options.max_iterations; ++iteration) {
    arma::mat J = f.jacobian(result.x, column);
    J.each_col() %= tau;
    const arma::vec step = solve_regular(J, -r);
    double length = 1;
    const double before = arma::norm(r);
    arma::vec trial;
    // Armijo's condition on |r|: Newton's direction lowers it at the rate |r| itself
    for (;; length /= 2) {
      trial = x + length * step;
      f.layout().scatter(trial, column, result.x);
      r = residual(f, result.x, dxdt, column);
      ++result.evaluations;
      if (arma::norm(r) <= (1 - 1e-4 * length) * before) break;
      // at the root rounding decides
      if (arma::norm(step) <= 4 * std::numeric_limits<double>::epsilon() * arma::norm(x)) break;
      if (length < 1e-10) {
        throw NumericalError("steady state", fmt::format("Newton's method found no descent in iteration {}", iteration),
                             "a larger alpha, or a solver that integrates (dopri5)");
      }
    }
    x = trial;
    result.iterations = std::max(result.iterations, iteration);
    const double size = arma::norm(step) * length;
    const double contraction = std::isfinite(last) ? std::min(size / last, 0.99) : 0.99;
    if (size / (1 - contraction) <= options.tolerance * arma::norm(x) || arma::norm(r) == 0) return;
    last = size;
  }
  throw NumericalError("steady state",
                       fmt::format("Newton's method has not converged in {} iterations", options.max_iterations),
                       "a larger alpha, or a solver that integrates (dopri5)");
}

}  // namespace

SteadyState steady_state(RightHandSide& f, const State& start, const SteadyStateOptions& options) {
  if (f.has_drives()) throw ValueError("steady state", "an input depends on time", "constant inputs");
  SteadyState result{.x = start};
  if (!f.circuit().is_linear()) {
    for (std::size_t c = 0; c < f.layout().columns(); ++c) newton(f, c, options, result);
    return result;
  }
  result.iterations = 1;
  result.evaluations = 1;
  std::optional<LinearLoop> loop = as_linear_loop(f, 0);
  if (loop && loop->leak_q > 0) {
    for (std::size_t c = 0; c < f.layout().columns(); ++c) {
      if (c > 0) loop = as_linear_loop(f, c);  // gains differ between columns
      solve_loop(*loop, f, c, result.x);
    }
    return result;
  }
  const State zero(f.layout().size());
  State constant(f.layout().size());
  f(zero, constant, 0.0);
  for (std::size_t c = 0; c < f.layout().columns(); ++c) {
    f.layout().scatter(solve_regular(f.jacobian(zero, c), -f.layout().gather(constant, c)), c, result.x);
  }
  return result;
}

}  // namespace dynvert
