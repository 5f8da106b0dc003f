// Populations that stand for others: for those of the step before, and for those of the same time, in circles of
// algebraic populations y = F(x, z), z = y, which are solved column by column by Newton's method,
//
//     z <- z + (1 - dF/dz)^-1 (F(x, z) - z)
//
// so that the steps of a column do not depend on its company.

#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace dynvert {

namespace {

constexpr std::size_t max_circle_iterations = 50;
/// Newton's next step is about the square of this one: below rounding.
constexpr double last_circle_step = 1e-9;

NumericalError circle_error(const Circuit& circuit, std::span<const PopulationIndex> circles, const std::string& fault,
                            Fault kind) {
  std::string names;
  for (const PopulationIndex z : circles)
    names += (names.empty() ? "" : ", ") + circuit.populations()[circuit.populations()[z].stands_for->population].name;
  return {fmt::format("algebraic populations in a circle, {}", names), fault,
          "other parameters, or populations that move in the place of one of the circle", kind};
}

/// (1 - dF/dz)^-1 b
arma::mat solved_circle(const Circuit& circuit, std::span<const PopulationIndex> circles, const arma::mat& of_z,
                        const arma::mat& b) {
  arma::mat x;
  if (!arma::solve(x, arma::eye(arma::size(of_z)) - of_z, b, arma::solve_opts::no_approx) || !x.is_finite())
    throw circle_error(circuit, circles, "have no unique solution nearby: 1 - dF/dy is singular", Fault::singular);
  return x;
}

}  // namespace

void RightHandSide::look(const State& x) {
  looked_.assign(x.size(), 0.0);
  for (PopulationIndex p = 0; p < populations(); ++p) {
    const auto& other = circuit_.populations()[p].stands_for;
    if (other && !other->same_time)
      std::copy_n(x.data() + layout_.offset(other->population), layout_.stride(p) * layout_.columns(),
                  looked_.data() + layout_.offset(p));
  }
}

void RightHandSide::step_back(State& x) const {
  for (PopulationIndex p = 0; p < populations(); ++p) {
    const auto& other = circuit_.populations()[p].stands_for;
    if (other && !other->same_time)
      std::copy_n(looked_.data() + layout_.offset(p), layout_.stride(p) * layout_.columns(),
                  x.data() + layout_.offset(p));
  }
}

void RightHandSide::complete_and_keep(State& x, double t) {
  if (circles_.empty()) return evaluate_algebraic(x, t);
  solve_circles(x, t);
  for (const PopulationIndex z : circles_) {
    const auto solution = layout_.view(std::span<const double>(x), z);
    for (std::size_t c = 0; c < layout_.columns(); ++c)
      std::ranges::copy(solution.column(c), input(z).column(c).begin());
  }
}

void RightHandSide::solve_circles(State& x, double t) {
  const auto source = [&](PopulationIndex z) { return circuit_.populations()[z].stands_for->population; };
  for (const PopulationIndex z : circles_) {
    for (std::size_t c = 0; c < layout_.columns(); ++c)
      std::ranges::copy(input(z).column(c), layout_.view(std::span<double>(x), z).column(c).begin());
  }
  evaluate_algebraic(x, t);
  std::vector<std::size_t> open(layout_.columns());
  std::iota(open.begin(), open.end(), std::size_t{0});
  for (std::size_t k = 0; !open.empty(); ++k) {
    if (k == max_circle_iterations)
      throw circle_error(circuit_, circles_, fmt::format("have no solution that Newton's method finds at time {:g}", t),
                         Fault::no_steady_state);
    std::erase_if(open, [&](std::size_t c) {
      arma::vec z, r;
      for (const PopulationIndex p : circles_) {
        const auto guess = layout_.view(std::span<const double>(x), p).column(c);
        const auto value = layout_.view(std::span<const double>(x), source(p)).column(c);
        z = arma::join_cols(z, arma::vec(guess.data(), guess.size()));
        r = arma::join_cols(r, arma::vec(value.data(), value.size()));
      }
      r -= z;
      // of a column that diverges the solver says so
      if (!r.is_finite()) return true;
      const arma::vec step = solved_circle(circuit_, circles_, circle_jacobian(x, c), r);
      z += step;
      arma::uword first = 0;
      for (const PopulationIndex p : circles_) {
        const auto guess = layout_.view(std::span<double>(x), p).column(c);
        std::copy_n(z.memptr() + first, guess.size(), guess.begin());
        first += guess.size();
      }
      return arma::norm(step, "inf") <= last_circle_step * arma::norm(z, "inf");
    });
    evaluate_algebraic(x, t);
  }
}

/// dF/dz of one column: forward accumulation through the algebraic populations in their order.
arma::mat RightHandSide::circle_jacobian(const State& x, std::size_t column) {
  const auto& all = circuit_.populations();
  std::size_t n = 0;
  for (const PopulationIndex z : circles_) n += all[z].units;
  std::vector<arma::mat> slopes(all.size());  // dx_p/dz; empty: zero
  std::size_t first = 0;
  for (const PopulationIndex z : circles_) {
    slopes[z].zeros(all[z].units, n);
    slopes[z].cols(first, first + all[z].units - 1).eye();
    first += all[z].units;
  }
  const auto add = [&](PopulationIndex p, const arma::mat& slope) {
    if (slopes[p].is_empty())
      slopes[p] = slope;
    else
      slopes[p] += slope;
  };
  for (PopulationIndex p = 0; p < all.size(); ++p) {
    if (!all[p].algebraic) continue;
    if (all[p].signal) {
      std::vector<ConstMatrixView> arguments;
      for (const PopulationIndex q : all[p].signal->arguments) {
        const auto values = layout_.view(std::span<const double>(x), q).column(column);
        arguments.push_back({values.data(), values.size(), 1, layout_.stride(q)});
      }
      for (std::size_t k = 0; k < arguments.size(); ++k) {
        const arma::mat& of = slopes[all[p].signal->arguments[k]];
        if (!of.is_empty()) add(p, all[p].signal->derivative(arguments, k, all[p].units) * of);
      }
    }
    for (const ProjectionIndex k : incoming_[p]) {
      for (const Derivative& d : derivatives(signal_of(k), x, column)) {
        const arma::mat& of = slopes[d.population];
        if (of.is_empty()) continue;
        const arma::mat f = d.full.is_empty() ? arma::mat(of.each_col() % d.diagonal.t()) : arma::mat(d.full * of);
        add(p, std::holds_alternative<double>(circuit_.projections()[k].weights) ? arma::mat(scales_[k] * f)
                                                                                 : arma::mat(weights(k) * f));
      }
    }
  }
  arma::mat J;
  for (const PopulationIndex z : circles_) {
    const arma::mat& of = slopes[all[z].stands_for->population];
    J = arma::join_cols(J, of.is_empty() ? arma::mat(all[z].units, n) : of);
  }
  return J;
}

/// What a row owes to z it owes to x by dz/dx = (1 - dF/dz)^-1 dF/dx.
void RightHandSide::eliminate_circles(arma::mat& jacobian) const {
  std::vector<PopulationIndex> sources;
  for (const PopulationIndex z : circles_) sources.push_back(circuit_.populations()[z].stands_for->population);
  const arma::uvec at = variables_of(circles_);
  arma::mat of_x = jacobian.rows(variables_of(sources));
  const arma::mat of_z = of_x.cols(at);
  of_x.cols(at).zeros();
  const arma::mat slopes = solved_circle(circuit_, circles_, of_z, of_x);
  const arma::mat by = jacobian.cols(at);
  jacobian.cols(at).zeros();
  jacobian += by * slopes;
}

}  // namespace dynvert
