// A phase of a described circuit as it is run: weights, inputs and states go in, values come out.

#include <dynvert/models/error.hpp>
#include <dynvert/models/program/phase_program.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert {

/// Continuous rules: tau dM/dt = sum of coefficient post pre' - decay M.
void PhaseProgram::add_plasticity() {
  const equations::Description& d = plan_.description();
  for (const equations::Rule& rule : d.rules) {
    const std::size_t m = plan_.matrix(rule.matrix);
    if (!rule.continuous || !plan_.is_continuous(m, phase_)) continue;
    const equations::Matrix& shape = d.matrices[m];
    const auto refuse = [&](const std::string& fault, const std::string& allowed) {
      equations::fail(rule.where, fmt::format("{}: {}", rule.matrix.in_equations(), fault), allowed);
    };
    if (std::ranges::find(plastic_, m) != plastic_.end())
      refuse(fmt::format("has two continuous rules in phase \"{}\"", phase_.name), "one, with the sum of their terms");
    Plasticity plasticity{.tau = plan_.number(rule.tau), .rate = 1, .decay = plan_.number(rule.decay)};
    std::vector<ProjectionIndex> projections;
    for (const MatrixProjection& p : matrices_) {
      if (p.matrix != m) continue;
      if (p.transposed || p.coefficient != 1)
        refuse("learns while its transpose, or a multiple of it, is in use", "a rule at the end of the trial");
      projections.push_back(p.projection);
    }
    if (projections.empty())
      refuse(fmt::format("learns in phase \"{}\", which does not use it", phase_.name), "learn = [..] without it");
    plasticity.projection = projections.front();
    plasticity.shared.assign(projections.begin() + 1, projections.end());
    const auto factor = [&](const equations::Expression& e, std::size_t units) -> Factor {
      const Source from = e.is_number(1) ? Source{.population = block_of_one()} : source(e, units);
      if (!from.gain) return {from.population, from.transmits, from.follows};
      // a gain at rest is a signal like any other
      return {.population = add_signal(folded(e), units)};
    };
    for (const equations::RuleTerm& t : rule.terms) {
      if (t.low || !t.factor.is_number(1)) refuse("low(..) is not run in continuous rules", "products of signals");
      if (!(t.pre == rule.terms.front().pre))
        refuse("several products of different pre factors in a continuous rule", "one: (post_1 + post_2)*pre'");
      plasticity.post.push_back(factor(t.post, shape.rows));
      plasticity.post.back().coefficient = plan_.number(t.coefficient);
    }
    if (rule.terms.size() == 1) std::swap(plasticity.rate, plasticity.post.front().coefficient);
    if (rule.terms.empty()) refuse("only decays in a continuous rule", "a product post*pre'");
    plasticity.pre = factor(rule.terms.front().pre, shape.columns);
    circuit_.add(std::move(plasticity));
    plastic_.push_back(m);
  }
}

void PhaseProgram::find_evaluations() {
  const equations::Description& d = plan_.description();
  for (const equations::Given& given : phase_.set) {
    const std::size_t p = plan_.population(given.population);
    set_.push_back({p, SumProgram(given.terms, d.populations[p].units, plan_, &phase_)});
  }
  for (const equations::Name& name : phase_.evaluation_order) {
    const std::size_t p = plan_.population(name);
    if (!is_algebraic(p) || (varies_[p] && blocks_[p])) continue;
    Evaluation evaluation{p, SumProgram(terms(p), d.populations[p].units, plan_, &phase_)};
    (varies_[p] ? closing_ : resting_).push_back(std::move(evaluation));
  }
  opens_ = !phase_.set.empty() || !phase_.equations.empty() || !phase_.parameters.empty();
}

void PhaseProgram::load(const Network& network, RightHandSide& f) const {
  for (const MatrixProjection& p : matrices_) {
    const arma::mat& M = plan_.place(p.matrix).of(network);
    if (p.transposed)
      f.set_weights(p.projection, p.coefficient * M.t());
    else if (p.coefficient != 1)
      f.set_weights(p.projection, p.coefficient * M);
    else
      f.set_weights(p.projection, M);
  }
}

void PhaseProgram::open(const Network& network, std::size_t columns, bool again, std::vector<arma::mat>& values) const {
  if (!opens_ && !again) return;
  // what is set reads the values before, all of them before any is set
  std::vector<arma::mat> set(set_.size());
  for (std::size_t i = 0; i < set_.size(); ++i) set_[i].sum.evaluate(network, values, columns, set[i]);
  for (std::size_t i = 0; i < set_.size(); ++i) values[set_[i].population] = std::move(set[i]);
  evaluate(resting_, network, columns, values);
}

/// In their order, each from the values so far.
void PhaseProgram::evaluate(const std::vector<Evaluation>& evaluations, const Network& network, std::size_t columns,
                            std::vector<arma::mat>& values) {
  arma::mat value;
  for (const Evaluation& e : evaluations) {
    e.sum.evaluate(network, values, columns, value);
    std::swap(values[e.population], value);
  }
}

void PhaseProgram::enter(const Network& network, const std::vector<arma::mat>& values, RightHandSide& f,
                         State& x) const {
  const std::size_t columns = f.layout().columns();
  arma::mat value;
  for (const auto& [block, sum] : inputs_) {
    sum.evaluate(network, values, columns, value);
    assign(f.input(block), value);
  }
  for (const Gain& gain : gains_) {
    const MatrixView view = f.gain(gain.projection);
    gain.value.evaluate(values, view.units, columns, value);
    assign(view, gain.reciprocal ? arma::mat(1 / value) : value);
  }
  for (std::size_t p = 0; p < blocks_.size(); ++p) {
    if (blocks_[p] && (moves_[p] || !varies_[p])) assign(f.layout().view(std::span<double>(x), *blocks_[p]), values[p]);
  }
  if (one_) fill(f.layout().view(std::span<double>(x), *one_), 1.0);
}

void PhaseProgram::close(const Network& network, const RightHandSide& f, const State& x,
                         std::vector<arma::mat>& values) const {
  for (std::size_t p = 0; p < blocks_.size(); ++p) {
    if (blocks_[p] && varies_[p]) values[p] = to_matrix(f.layout().view(std::span<const double>(x), *blocks_[p]));
  }
  evaluate(closing_, network, f.layout().columns(), values);
}

void PhaseProgram::follow(const Network& network, const RightHandSide& f, std::span<const double> state,
                          std::size_t column, std::vector<arma::mat>& values) const {
  for (std::size_t p = 0; p < blocks_.size(); ++p) {
    if (!blocks_[p] || !varies_[p]) continue;
    const auto block = f.layout().view(state, *blocks_[p]).column(column);
    values[p] = arma::vec(block.data(), block.size());
  }
  evaluate(closing_, network, 1, values);
}

void PhaseProgram::load_moved(const std::map<std::size_t, arma::mat>& weights, RightHandSide& f) const {
  for (const MatrixProjection& p : matrices_) {
    const auto moved = weights.find(p.matrix);
    if (moved == weights.end()) continue;
    f.set_weights(p.projection, p.coefficient * (p.transposed ? arma::mat(moved->second.t()) : moved->second));
  }
}

void PhaseProgram::take_moved(const RightHandSide& f, const State& x, std::map<std::size_t, arma::mat>& weights) const {
  const std::size_t populations = circuit_.populations().size();
  for (std::size_t i = 0; i < plastic_.size(); ++i) {
    const equations::Matrix& shape = plan_.description().matrices[plastic_[i]];
    // weights follow the populations in the state, column by column
    weights[plastic_[i]] = arma::mat(x.data() + f.layout().offset(populations + i), shape.rows, shape.columns);
  }
}

}  // namespace dynvert
