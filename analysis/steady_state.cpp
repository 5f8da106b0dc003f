#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/circuit/product.hpp>
#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>
#include <variant>
#include <vector>

namespace dynvert {

namespace {

NumericalError singular(double rcond) {
  return {"steady state",
          fmt::format("the linear system is singular (reciprocal condition number {:.2g}): there is no unique steady "
                      "state",
                      rcond),
          "alpha > 0, or feedback B for which W B is regular; an expanding layer (n_l > n_{l-1}) has none at alpha = 0",
          Fault::singular};
}

arma::mat solve_regular(const arma::mat& A, const arma::mat& b) {
  arma::mat x;
  // no equilibration or refinement: the matrices are small and their entries of one scale; the estimate of the
  // condition number comes with the factorisation
  if (!A.is_finite()) throw singular(std::numeric_limits<double>::quiet_NaN());
  if (!arma::solve(x, A, b, arma::solve_opts::no_approx)) throw singular(arma::rcond(A));
  return x;
}

/// A root-finding problem F(z) = 0: puts z into the state, and tells F and F' there.
struct Problem {
  std::function<void(const arma::vec& z)> put;
  std::function<arma::vec()> residual;
  std::function<arma::mat()> jacobian;
};

/// Newton's method with a line search from z, which ends at the root or where it came to.
struct NewtonEnd {
  bool found = false;
  std::size_t iterations = 0;
};

NewtonEnd newton(const Problem& problem, arma::vec& z, const SteadyStateOptions& options, std::size_t& evaluations) {
  problem.put(z);
  arma::vec r = problem.residual();
  ++evaluations;
  double last = std::numeric_limits<double>::infinity();
  for (std::size_t iteration = 1; iteration <= options.max_iterations; ++iteration) {
    const arma::vec step = solve_regular(problem.jacobian(), -r);
    double length = 1;
    const double before = arma::norm(r);
    arma::vec trial;
    // Armijo's condition on |F|: Newton's direction lowers it at the rate |F| itself
    for (;; length /= 2) {
      trial = z + length * step;
      problem.put(trial);
      r = problem.residual();
      ++evaluations;
      if (arma::norm(r) <= (1 - 1e-4 * length) * before) break;
      if (length > 1e-10) continue;
      problem.put(z);
      // So close to the root the next step would be the square of this one, below rounding: what stands in the way of
      // descent is rounding of F. Full precision is what the condition of F' allows.
      return {arma::norm(step) <= std::sqrt(std::numeric_limits<double>::epsilon()) * arma::norm(z), iteration};
    }
    z = trial;
    const double size = arma::norm(step) * length;
    // The steps to come add up to contraction / (1 - contraction) of this one if they shrink by as much each, and
    // Newton's shrink faster (Hairer & Wanner, Solving ordinary differential equations II, section IV.8).
    const double contraction = std::isfinite(last) ? std::min(size / last, 0.99) : 0.99;
    const double left = size * contraction / (1 - contraction);
    if (left <= options.tolerance * arma::norm(z) || arma::norm(r) == 0) return {true, iteration};
    last = size;
  }
  return {false, options.max_iterations};
}

/// Pseudo-transient continuation (Kelley & Keyes, SIAM J. Numer. Anal. 35, 1998): implicit Euler steps of dz/ds = F(z)
/// from z, longer as |F| falls. They follow the flow past places where |F| has a minimum that is no root, which
/// saturating rate functions bring about and which hold Newton's method with a line search. @return steps
std::size_t follow_flow(const Problem& problem, arma::vec& z, std::size_t& evaluations) {
  constexpr std::size_t max_steps = 500;
  constexpr double first = 0.1;  // a tenth of the flow's own time constants
  problem.put(z);
  arma::vec r = problem.residual();
  const double start = arma::norm(r);
  double h = first;
  std::size_t steps = 0;
  // near enough for Newton, which then squares the error
  for (; steps < max_steps && arma::norm(r) > 1e-6 * start; ++steps) {
    arma::mat A = -problem.jacobian();
    A.diag() += 1 / h;
    z += solve_regular(A, r);
    problem.put(z);
    const double before = arma::norm(r);
    r = problem.residual();
    ++evaluations;
    h *= std::clamp(before / arma::norm(r), 0.1, 10.0);
  }
  return steps;
}

/// @return iterations
std::size_t find_root(const Problem& problem, arma::vec z, bool linear, const SteadyStateOptions& options,
                      std::size_t& evaluations) {
  if (linear) {
    problem.put(z);
    const arma::vec r = problem.residual();
    ++evaluations;
    problem.put(z + solve_regular(problem.jacobian(), -r));
    return 1;
  }
  const arma::vec start = z;
  NewtonEnd end = newton(problem, z, options, evaluations);
  std::size_t iterations = end.iterations;
  if (!end.found) {
    z = start;
    iterations += follow_flow(problem, z, evaluations);
    end = newton(problem, z, options, evaluations);
    iterations += end.iterations;
  }
  if (end.found) return iterations;
  throw NumericalError("steady state", fmt::format("none was found in {} iterations", iterations),
                       "a larger alpha, or a solver that integrates (dopri5)", Fault::no_steady_state);
}

/// All variables that move; the residual is tau dx/dt, free of the populations' different time constants.
std::size_t solve_whole(RightHandSide& f, std::size_t column, const SteadyStateOptions& options, SteadyState& result) {
  const Layout& layout = f.layout();
  const arma::uvec moving = f.free_variables();
  arma::vec tau(layout.variables(), arma::fill::none);
  for (PopulationIndex p = 0; p < f.circuit().populations().size(); ++p) {
    tau.subvec(layout.variable_offset(p), arma::size(layout.units(p), 1)).fill(f.tau(p, column));
  }
  tau = arma::vec(tau.elem(moving));
  State dxdt(layout.size());
  arma::vec x = layout.gather(result.x, column);
  const Problem problem{.put =
                            [&](const arma::vec& z) {
                              x.elem(moving) = z;
                              layout.scatter(x, column, result.x);
                            },
                        .residual =
                            [&] {
                              f(result.x, dxdt, 0.0);
                              return arma::vec(layout.gather(dxdt, column).elem(moving) % tau);
                            },
                        .jacobian =
                            [&] {
                              arma::mat J = f.jacobian(result.x, column).submat(moving, moving);
                              J.each_col() %= tau;
                              return J;
                            }};
  return find_root(problem, x.elem(moving), f.circuit().is_linear(), options, result.evaluations);
}

/// A cycle with its weights: where the evaluator has them, or of one-to-one projections made for the purpose.
struct WeightedCycle {
  Cycle cycle;
  std::vector<ConstMatrixView> C;  // by i
  std::vector<arma::mat> made;
  bool bent_at_first = true;  // all f_i but f_1 are the identity
  arma::mat M;                // then: C_0 C_{k-1} .. C_1

  WeightedCycle(Cycle of, const RightHandSide& f) : cycle(std::move(of)) {
    const auto& projections = f.circuit().projections();
    made.reserve(cycle.projections.size());
    for (const ProjectionIndex j : cycle.projections) {
      if (std::holds_alternative<arma::mat>(projections[j].weights)) {
        C.push_back(f.weights_view(j));
      } else {
        C.push_back(view_of(std::as_const(made.emplace_back(f.weights(j)))));
      }
    }
    const auto is_identity = [&](const Projection& p) {
      return p.transmits == Transmit::state ||
             (p.transmits == Transmit::rate && rate_function(f.circuit().populations()[p.source].rate).linear);
    };
    for (std::size_t i = 0; i < C.size(); ++i) {
      bent_at_first = bent_at_first && (i == 1 || is_identity(projections[cycle.projections[i]]));
    }
    if (!bent_at_first) return;
    arma::mat path;
    ConstMatrixView last = C[1];
    for (std::size_t i = 2; i < C.size(); ++i) {
      arma::mat next(C[i].units, C[1].columns, arma::fill::none);
      multiply(C[i], last, view_of(next));
      path = std::move(next);
      last = view_of(std::as_const(path));
    }
    M.set_size(C[0].units, C[0].units);
    multiply(C[0], last, view_of(M));
  }
  // C looks into `made`
  WeightedCycle(const WeightedCycle&) = delete;
  WeightedCycle& operator=(const WeightedCycle&) = delete;
  ~WeightedCycle() = default;

  [[nodiscard]] std::size_t size() const { return C.size(); }
};

/// What a population at rest sends brings nothing, however many weights it has.
bool is_at_rest(const ConstMatrixView& sent) {
  for (std::size_t c = 0; c < sent.columns; ++c) {
    if (!std::ranges::all_of(sent.column(c), [](double x) { return x == 0; })) return false;
  }
  return true;
}

/// diag(scale) A
arma::mat scaled_rows(const arma::vec& scale, const ConstMatrixView& A) {
  arma::mat scaled(A.units, A.columns, arma::fill::none);
  for (std::size_t j = 0; j < A.columns; ++j) {
    // by pointers: GCC does many at a time then
    const double* from = A.column(j).data();
    const double* by = scale.memptr();
    double* to = scaled.colptr(j);
    for (std::size_t i = 0; i < A.units; ++i) to[i] = by[i] * from[i];
  }
  return scaled;
}

std::size_t solve_cycle(const WeightedCycle& weighted, RightHandSide& f, std::size_t column,
                        const SteadyStateOptions& options, SteadyState& result) {
  const Cycle& cycle = weighted.cycle;
  const std::size_t k = weighted.size();
  const auto state = [&](std::size_t i) {
    return f.layout().view(std::span<double>(result.x), cycle.populations[i]).column(column);
  };
  const auto leak = [&](std::size_t i) { return f.leak(cycle.populations[i], column); };
  const auto input = [&](std::size_t i) {
    const auto values = std::as_const(f).input(cycle.populations[i]).column(column);
    return arma::vec(values.data(), values.size());
  };
  const auto put_first = [&](const arma::vec& z) { std::ranges::copy(z, state(0).begin()); };
  const auto transmitted = [&](std::size_t i) { return f.transmitted(cycle.projections[i], result.x, column); };
  /// C_i f_i + input_i
  const auto arriving = [&](std::size_t i, const arma::vec& sent) {
    arma::vec sum = input(i);
    if (is_at_rest(view_of(sent))) return sum;
    multiply(weighted.C[i], view_of(sent), view_of(static_cast<arma::mat&>(sum)), 1);
    return sum;
  };
  const auto put = [&](const arma::vec& z) {
    put_first(z);
    for (std::size_t i = 1; i < k; ++i) {
      const arma::vec x = arriving(i, transmitted(i)) / leak(i);
      std::ranges::copy(x, state(i).begin());
    }
  };
  const auto bends = [&](std::size_t i) {
    return f.circuit().projections()[cycle.projections[i]].transmits != Transmit::state;
  };
  double leaks = 1;
  for (std::size_t i = 1; i < k; ++i) leaks *= leak(i);
  const auto start = state(0);
  const arma::vec z(start.data(), start.size());
  const bool linear = f.circuit().is_linear();

  if (weighted.bent_at_first) {
    // F = M f_1(x_0) / leaks + what the inputs bring - leak_0 x_0: nobody but p_0 is needed on the way
    arma::vec brought(weighted.C[1].units);
    for (std::size_t i = 1; i < k; ++i) {
      brought = (i == 1 ? input(1) : arriving(i, brought)) / leak(i);
    }
    brought = arriving(0, brought);
    const Problem problem{.put = put_first,
                          .residual =
                              [&] {
                                arma::vec r = weighted.M * transmitted(1) / leaks + brought;
                                for (arma::uword n = 0; n < r.n_elem; ++n) r[n] -= leak(0) * state(0)[n];
                                return r;
                              },
                          .jacobian =
                              [&] {
                                arma::mat J = weighted.M / leaks;
                                if (bends(1)) J.each_row() %= f.slope(cycle.projections[1], result.x, column).t();
                                J.diag() -= leak(0);
                                return J;
                              }};
    const std::size_t iterations = find_root(problem, z, linear, options, result.evaluations);
    put(arma::vec(state(0).data(), state(0).size()));
    return iterations;
  }
  const Problem problem{.put = put,
                        .residual =
                            [&] {
                              arma::vec r = arriving(0, transmitted(0));
                              for (arma::uword n = 0; n < r.n_elem; ++n) r[n] -= leak(0) * state(0)[n];
                              return r;
                            },
                        .jacobian =
                            [&] {
                              ConstMatrixView last = weighted.C[1];
                              arma::mat product;
                              if (bends(1)) {
                                product = to_matrix(last);
                                product.each_row() %= f.slope(cycle.projections[1], result.x, column).t();
                                last = view_of(std::as_const(product));
                              }
                              for (std::size_t i = 2; i <= k; ++i) {
                                if (bends(i % k)) {
                                  product = scaled_rows(f.slope(cycle.projections[i % k], result.x, column), last);
                                  last = view_of(std::as_const(product));
                                }
                                arma::mat next(weighted.C[i % k].units, last.columns, arma::fill::none);
                                multiply(weighted.C[i % k], last, view_of(next));
                                product = std::move(next);
                                last = view_of(std::as_const(product));
                              }
                              product /= leaks;
                              product.diag() -= leak(0);
                              return product;
                            }};
  return find_root(problem, z, linear, options, result.evaluations);
}

/// Whether the columns of a linear cycle differ in their inputs alone.
bool columns_are_alike(const Cycle& cycle, const RightHandSide& f) {
  const auto has_gain = [&](ProjectionIndex j) { return f.circuit().projections()[j].transmits == Transmit::gain; };
  if (!f.circuit().is_linear() || std::ranges::any_of(cycle.projections, has_gain)) return false;
  for (const PopulationIndex p : cycle.populations) {
    for (std::size_t c = 1; c < f.layout().columns(); ++c) {
      if (f.leak(p, c) != f.leak(p, 0)) return false;
    }
  }
  return true;
}

/// A linear cycle, all columns with one factorisation.
void solve_linear_cycle(const WeightedCycle& weighted, const RightHandSide& f, SteadyState& result) {
  const Cycle& cycle = weighted.cycle;
  const std::size_t k = weighted.size();
  const auto leak = [&](std::size_t i) { return f.leak(cycle.populations[i], 0); };
  const auto view = [&](std::size_t i) { return f.layout().view(std::span<double>(result.x), cycle.populations[i]); };
  /// x_i = (C_i x_{i-1} + input_i) / leak_i, in place
  const auto arrive = [&](std::size_t i, const ConstMatrixView& before, const MatrixView& x, double by) {
    const ConstMatrixView input = f.input(cycle.populations[i]);
    for (std::size_t c = 0; c < x.columns; ++c) std::ranges::copy(input.column(c), x.column(c).begin());
    if (!is_at_rest(before)) multiply(weighted.C[i], before, x, 1);
    if (by == 1) return;
    for (std::size_t c = 0; c < x.columns; ++c) {
      for (double& value : x.column(c)) value /= by;
    }
  };
  const auto as_const = [](const MatrixView& v) { return ConstMatrixView{v.data, v.units, v.columns, v.stride}; };
  double leaks = 1;
  for (std::size_t i = 1; i < k; ++i) leaks *= leak(i);
  fill(view(0), 0.0);
  for (std::size_t i = 1; i < k; ++i) arrive(i, as_const(view(i - 1)), view(i), leak(i));
  arma::mat brought(view(0).units, view(0).columns, arma::fill::none);
  arrive(0, as_const(view(k - 1)), view_of(brought), 1);
  arma::mat A = weighted.M / leaks;
  A.diag() -= leak(0);
  assign(view(0), solve_regular(A, -brought));
  for (std::size_t i = 1; i < k; ++i) arrive(i, as_const(view(i - 1)), view(i), leak(i));
  result.iterations = 1;
  ++result.evaluations;
}

}  // namespace

SteadyState steady_state(RightHandSide& f, const State& start, const SteadyStateOptions& options) {
  if (f.has_drives()) throw ValueError("steady state", "an input depends on time", "constant inputs");
  if (!f.circuit().plasticity().empty()) throw ValueError("steady state", "weights move", "fixed weights");
  SteadyState result{.x = start};
  std::vector<PopulationIndex> all(f.circuit().populations().size());
  std::iota(all.begin(), all.end(), PopulationIndex{0});
  auto cycle = as_cycle(f.circuit(), all);
  const bool leaky =
      cycle && std::all_of(cycle->populations.begin() + 1, cycle->populations.end(), [&](PopulationIndex p) {
        for (std::size_t c = 0; c < f.layout().columns(); ++c) {
          if (!(f.leak(p, c) > 0)) return false;
        }
        return true;
      });
  if (!leaky) {
    for (std::size_t c = 0; c < f.layout().columns(); ++c) {
      result.iterations = std::max(result.iterations, solve_whole(f, c, options, result));
    }
    return result;
  }
  const WeightedCycle weighted(std::move(*cycle), f);
  if (columns_are_alike(weighted.cycle, f)) {
    solve_linear_cycle(weighted, f, result);
    return result;
  }
  for (std::size_t c = 0; c < f.layout().columns(); ++c) {
    result.iterations = std::max(result.iterations, solve_cycle(weighted, f, c, options, result));
  }
  return result;
}

}  // namespace dynvert
