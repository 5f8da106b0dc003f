#include <dynvert/models/error.hpp>
#include <dynvert/models/program/circle_solver.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace dynvert {

void CircleSolver::add(std::size_t population, std::span<const equations::Term> terms, const CircuitPlan& plan,
                       const equations::Phase* phase) {
  sums_.push_back({population, SumProgram(terms, plan.description().populations[population].units, plan, phase),
                   SumAdjoint(terms, plan, phase)});
}

void CircleSolver::evaluate(const Network& network, std::size_t columns, std::vector<arma::mat>& values) const {
  arma::mat value;
  for (const Sum& sum : sums_) {
    sum.value.evaluate(network, values, columns, value);
    std::swap(values[sum.population], value);
  }
}

arma::mat CircleSolver::transposed_slopes(const Network& network, const std::vector<arma::mat>& values,
                                          std::size_t column) const {
  std::vector<arma::mat> of_column(values.size());
  for (std::size_t p = 0; p < values.size(); ++p) {
    if (!values[p].is_empty()) of_column[p] = values[p].col(column);
  }
  std::size_t n = 0;
  for (const CircuitPlan::Reference& r : references_) n += values[r.population].n_rows;
  Adjoints adjoints{.populations = std::vector<arma::mat>(values.size()), .matrices = {}, .takes_matrices = false};
  std::size_t first = 0;
  for (const CircuitPlan::Reference& r : references_) {
    const std::size_t units = values[r.of].n_rows;
    arma::mat seed(units, n);
    seed.cols(first, first + units - 1).eye();
    add_to(adjoints.populations[r.of], std::move(seed));
    first += units;
  }
  for (auto sum = sums_.rbegin(); sum != sums_.rend(); ++sum) {
    const arma::mat y = std::exchange(adjoints.populations[sum->population], arma::mat());
    if (!y.is_empty()) sum->adjoint.add(network, of_column, y, adjoints);
  }
  arma::mat slopes;
  for (const CircuitPlan::Reference& r : references_) {
    const arma::mat& of = adjoints.populations[r.population];
    slopes = arma::join_cols(slopes, of.is_empty() ? arma::mat(values[r.population].n_rows, n) : of);
  }
  return slopes;
}

void CircleSolver::solve(const Network& network, std::size_t columns, std::vector<arma::mat>& values) const {
  constexpr std::size_t max_iterations = 50;
  // Newton's next step is about the square of this one: below rounding
  constexpr double last_step = 1e-9;
  const auto error = [](const char* fault, Fault kind) {
    return NumericalError("algebraic populations in a circle", fault,
                          "other parameters, or populations that move in the place of one of the circle", kind);
  };
  evaluate(network, columns, values);
  std::vector<std::size_t> open(columns);
  std::iota(open.begin(), open.end(), std::size_t{0});
  for (std::size_t k = 0; !open.empty(); ++k) {
    if (k == max_iterations) throw error("have no solution that Newton's method finds", Fault::no_steady_state);
    std::erase_if(open, [&](std::size_t c) {
      arma::vec z, r;
      for (const CircuitPlan::Reference& reference : references_) {
        z = arma::join_cols(z, arma::vec(values[reference.population].col(c)));
        r = arma::join_cols(r, arma::vec(values[reference.of].col(c)));
      }
      r -= z;
      // of what is not finite the trial says so
      if (!r.is_finite()) return true;
      const arma::mat slopes = transposed_slopes(network, values, c).t();
      arma::vec step;
      if (!arma::solve(step, arma::eye(arma::size(slopes)) - slopes, r, arma::solve_opts::no_approx) ||
          !step.is_finite())
        throw error("have no unique solution nearby: 1 - dF/dy is singular", Fault::singular);
      z += step;
      arma::uword first = 0;
      for (const CircuitPlan::Reference& reference : references_) {
        arma::mat& of = values[reference.population];
        of.col(c) = z.rows(first, first + of.n_rows - 1);
        first += of.n_rows;
      }
      return arma::norm(step, "inf") <= last_step * arma::norm(z, "inf");
    });
    evaluate(network, columns, values);
  }
}

}  // namespace dynvert
