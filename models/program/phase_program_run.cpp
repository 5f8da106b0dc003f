// A phase of a described circuit as it is run: weights, inputs and states go in, values come out.

#include <dynvert/models/error.hpp>
#include <dynvert/models/program/phase_program.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert {

/// Continuous rules: tau dM/dt = sum of coefficient post pre' - decay M. Several on one matrix add up.
void PhaseProgram::add_plasticity() {
  const equations::Description& d = plan_.description();
  std::vector<Plasticity> all;  // by plastic_
  for (const equations::Rule& rule : d.rules) {
    const std::size_t m = plan_.matrix(rule.matrix);
    if (!rule.continuous || !plan_.is_continuous(m, phase_)) continue;
    const double tau = plan_.number(rule.tau);
    auto known = std::ranges::find(plastic_, m);
    if (known == plastic_.end()) {
      Plasticity plasticity{.uses = uses_of(m), .tau = tau, .rate = 1};
      if (plasticity.uses.empty())
        equations::fail(
            rule.where,
            fmt::format("{}: learns in phase \"{}\", which does not use it", rule.matrix.in_equations(), phase_.name),
            "learn = [..] without it");
      const ParameterValues update = d.update_of(rule);
      if (const ParameterValue* bounds = update.find("bounds")) {
        if (const auto& values = std::get<std::vector<double>>(*bounds); values.size() == 2) {
          plasticity.low = values[0];
          plasticity.high = values[1];
        }
      }
      all.push_back(std::move(plasticity));
      known = plastic_.insert(known, m);
    }
    Plasticity& plasticity = all[static_cast<std::size_t>(known - plastic_.begin())];
    const double faster = plasticity.tau / tau;
    plasticity.decay += faster * plan_.number(rule.decay);
    add_products(rule, faster, plasticity);
  }
  for (Plasticity& plasticity : all) circuit_.add(std::move(plasticity));
}

/// The projections by which a matrix acts in the phase, those of the matrix itself before those of its transpose.
std::vector<WeightUse> PhaseProgram::uses_of(std::size_t matrix) const {
  std::vector<WeightUse> uses;
  for (const bool transposed : {false, true}) {
    for (const MatrixProjection& p : matrices_) {
      if (p.matrix == matrix && p.transposed == transposed)
        uses.push_back({.projection = p.projection, .transposed = transposed});
    }
  }
  return uses;
}

/// @param faster  by which the matrix moves by this rule, where the first of its rules has another time constant
void PhaseProgram::add_products(const equations::Rule& rule, double faster, Plasticity& plasticity) {
  const equations::Matrix& shape = plan_.description().matrices[plan_.matrix(rule.matrix)];
  const auto factor = [&](const equations::Expression& e, std::size_t units) -> Factor {
    // of one number for all units, a signal as others
    const bool is_state = e.is(equations::Kind::name) && !plan_.is_number(e);
    if (e.is_number(1) || (is_state && plan_.description().populations[plan_.population(e)].units != units))
      return {.population = block_of(e, units)};
    const Source from = source(e, units);
    if (!from.gain) return {from.population, from.transmits, from.follows};
    // a gain at rest is a signal like any other
    return {.population = add_signal(folded(e), units)};
  };
  const std::size_t first = plasticity.products.size();
  std::vector<equations::Expression> pres;
  for (const equations::RuleTerm& t : rule.terms) {
    if (t.low) {
      Factor post = factor(t.factor, shape.rows);
      post.coefficient = faster * plan_.number(t.coefficient);
      const std::size_t low = plan_.low_pass(plan_.matrix(rule.matrix), t).population;
      plasticity.products.push_back({.post = {post}, .pre = {}, .synapses = block_for(low)});
      pres.emplace_back();
      continue;
    }
    // terms of one pre are one product
    auto same = static_cast<std::size_t>(std::ranges::find(pres, t.pre) - pres.begin());
    if (same == pres.size()) {
      pres.push_back(t.pre);
      plasticity.products.push_back({.post = {}, .pre = factor(t.pre, shape.columns)});
    }
    std::vector<Factor>& post = plasticity.products[first + same].post;
    post.push_back(factor(t.post, shape.rows));
    post.back().coefficient = faster * plan_.number(t.coefficient);
  }
  // one number less for each row
  for (std::size_t i = first; i < plasticity.products.size(); ++i) {
    PlasticProduct& product = plasticity.products[i];
    if (product.post.size() == 1) std::swap(product.post.front().coefficient, product.pre.coefficient);
  }
}

void PhaseProgram::add_references() {
  for (const CircuitPlan::Reference& r : plan_.references()) {
    if (needed_[r.population])
      circuit_.set_stands_for(*blocks_[r.population], {.population = block_for(r.of), .same_time = r.same_time});
  }
}

/// The block of a signal by itself.
PopulationIndex PhaseProgram::block_of(const equations::Expression& signal, std::size_t units) {
  if (signal.is_number(1) && units == 1) return block_of_one();
  const equations::Expression e = folded(signal);
  if (e.is(equations::Kind::name) && !plan_.is_number(e)) {
    const std::size_t p = plan_.population(e);
    if (plan_.description().populations[p].units == units) return block_for(p);
  }
  return add_signal(e, units);
}

/// tau dE/dt = -E + post pre': the product is a signal.
void PhaseProgram::add_low_passes() {
  for (const CircuitPlan::LowPass& low : plan_.low_passes()) {
    if (!moves_[low.population]) continue;
    const equations::Matrix& shape = plan_.description().matrices[low.matrix];
    const std::size_t rows = shape.rows, columns = shape.columns;
    Signal product;
    product.arguments = {block_of(low.post, rows), block_of(low.pre, columns)};
    product.value = [rows, columns](std::span<const ConstMatrixView> x, const MatrixView& y) {
      for (std::size_t c = 0; c < y.columns; ++c) {
        for (std::size_t j = 0; j < columns; ++j)
          for (std::size_t r = 0; r < rows; ++r) y(j * rows + r, c) = x[0](r, c) * x[1](j, c);
      }
    };
    product.derivative = [rows, columns](std::span<const ConstMatrixView> x, std::size_t k, std::size_t n) {
      arma::mat J(n, x[k].units);
      for (std::size_t j = 0; j < columns; ++j)
        for (std::size_t r = 0; r < rows; ++r) J(j * rows + r, k == 0 ? r : j) = k == 0 ? x[1](j, 0) : x[0](r, 0);
      return J;
    };
    product.linear = !varies(low.post) || !varies(low.pre);
    const std::string& name = circuit_.populations()[*blocks_[low.population]].name;
    const PopulationIndex p = circuit_.add(dynvert::Population{
        .name = "product of " + name, .units = rows * columns, .algebraic = true, .signal = std::move(product)});
    has_rate_.resize(circuit_.populations().size());
    Source from;
    from.population = p;
    project(from, *blocks_[low.population], 1.0, "products of " + name);
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
  std::vector<CircuitPlan::Reference> resting;
  for (const CircuitPlan::Reference& r : plan_.references()) {
    if (r.same_time && !varies_[r.population]) resting.push_back(r);
  }
  if (!resting.empty()) {
    circles_.emplace(resting);
    for (const Evaluation& e : resting_) circles_->add(e.population, terms(e.population), plan_, &phase_);
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
  if (circles_)
    circles_->solve(network, columns, values);
  else
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
    if (blocks_[p] && (moves_[p] || !varies_[p] || stands_[p]))
      assign(f.layout().view(std::span<double>(x), *blocks_[p]), values[p]);
  }
  // the search begins at the last solution
  for (const CircuitPlan::Reference& r : plan_.references()) {
    if (r.same_time && blocks_[r.population]) assign(f.input(*blocks_[r.population]), values[r.population]);
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
