#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/program/phase_program.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert {

using equations::Description;
using equations::Expression;
using equations::Given;
using equations::Kind;
using equations::Rule;
using equations::RuleTerm;
using equations::Term;

namespace {

/// The largest signal that is written into what reads it in place of its name.
constexpr std::size_t largest_fold = 12;

dynvert::Role role_named(const std::string& role) {
  const auto names = role_names();
  const auto found = std::ranges::find(names, role);
  return found == names.end() ? dynvert::Role::auxiliary : static_cast<dynvert::Role>(found - names.begin());
}

}  // namespace

PhaseProgram::PhaseProgram(const CircuitPlan& plan, const equations::Phase& phase, const std::vector<std::size_t>& kept)
    : plan_(plan), phase_(phase) {
  find_varying();
  find_needed(kept);
  find_folded(kept);
  blocks_.assign(varies_.size(), std::nullopt);
  for (const equations::Name& name : phase.moves) add_population(plan.population(name));
  for (const CircuitPlan::Reference& r : plan.references()) {
    if (needed_[r.population]) add_population(r.population);
  }
  for (const equations::Name& name : phase.evaluation_order) {
    const std::size_t p = plan.population(name);
    if (!needed_[p] || folded_[p]) continue;
    // by itself a signal, or a sum to which others project
    if (terms(p).size() == 1 && !terms(p)[0].matrix && terms(p)[0].coefficient.is_number(1))
      add_population(p, signal_of(folded(terms(p)[0].signal)));
    else
      add_terms(p);
  }
  for (const equations::Name& name : phase.moves) add_terms(plan.population(name));
  add_references();
  add_low_passes();
  add_plasticity();
  find_evaluations();
}

const std::vector<Term>& PhaseProgram::terms(std::size_t p) const { return terms_in(plan_.description(), phase_, p); }

bool PhaseProgram::is_algebraic(std::size_t p) const {
  const equations::Population& population = plan_.description().populations[p];
  if (given_in(phase_.set, population.name) != nullptr) return false;
  if (std::ranges::find(phase_.hold, population.name) != phase_.hold.end()) return false;
  if (const Given* given = given_in(phase_.equations, population.name)) return !given->tau;
  return population.type == equations::Population::Type::algebraic;
}

bool PhaseProgram::is_moving_matrix(const Term& term) const {
  return term.matrix && plan_.is_continuous(plan_.matrix(term.matrix->name), phase_);
}

bool PhaseProgram::varies(const Expression& e) const {
  bool found = false;
  for_each_population(e, plan_, [&](std::size_t p) { found = found || varies_[p]; });
  return found;
}

bool PhaseProgram::varies(const Term& term) const {
  return is_moving_matrix(term) || varies(term.signal) || varies(term.factor);
}

void PhaseProgram::find_varying() {
  varies_.assign(plan_.description().populations.size(), false);
  moves_ = needed_ = stands_ = varies_;
  for (const equations::Name& name : phase_.moves) moves_[plan_.population(name)] = true;
  varies_ = moves_;
  const bool takes_steps = !phase_.moves.empty() || !phase_.learn.empty();
  for (const CircuitPlan::Reference& r : plan_.references()) {
    stands_[r.population] = true;
    varies_[r.population] = takes_steps && !r.same_time;
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (const equations::Name& name : phase_.evaluation_order) {
      const std::size_t p = plan_.population(name);
      if (is_algebraic(p)) varies_[p] = std::ranges::any_of(terms(p), [&](const Term& t) { return varies(t); });
    }
    // a circle varies as a whole
    for (const CircuitPlan::Reference& r : plan_.references()) {
      if (!r.same_time || varies_[r.population] || !varies_[r.of]) continue;
      varies_[r.population] = changed = true;
    }
  }
}

/// From what moves back to what it needs.
void PhaseProgram::find_needed(const std::vector<std::size_t>& kept) {
  const auto need_one = [&](std::size_t p) { needed_[p] = needed_[p] || (varies_[p] && !moves_[p]); };
  const auto need = [&](const Expression& e) { for_each_population(e, plan_, need_one); };
  const auto need_terms = [&](std::size_t p) {
    for (const Term& t : terms(p)) {
      need(t.signal);
      need(t.factor);
    }
  };
  for (std::size_t p = 0; p < moves_.size(); ++p) {
    if (moves_[p]) need_terms(p);
  }
  for (const Rule& rule : plan_.description().rules) {
    if (!rule.continuous || !plan_.is_continuous(plan_.matrix(rule.matrix), phase_)) continue;
    for (const RuleTerm& t : rule.terms) {
      need(t.post);
      need(t.pre);
      need(t.factor);
    }
  }
  for (const CircuitPlan::LowPass& low : plan_.low_passes()) {
    if (!moves_[low.population]) continue;
    need(low.post);
    need(low.pre);
  }
  for (const std::size_t p : kept) need_one(p);
  // what stands for others follows them, whoever reads it, and when
  for (const CircuitPlan::Reference& r : plan_.references()) {
    need_one(r.population);
    if (varies_[r.population]) need_one(r.of);
  }
  // within a circle in any order
  for (std::size_t round = 0; round < (plan_.has_circles() ? 2U : 1U); ++round) {
    for (auto name = phase_.evaluation_order.rbegin(); name != phase_.evaluation_order.rend(); ++name) {
      const std::size_t p = plan_.population(*name);
      if (needed_[p]) need_terms(p);
    }
  }
}

std::optional<std::size_t> PhaseProgram::varying_name(const Expression& e) const {
  if (!e.is(Kind::name) || plan_.is_number(e)) return std::nullopt;
  const std::size_t p = plan_.population(e);
  return varies_[p] ? std::optional(p) : std::nullopt;
}

std::optional<std::pair<std::string, std::size_t>> PhaseProgram::rate_of(const Expression& e, int primes) const {
  if (!e.is(Kind::call) || e.primes() != primes || e.arguments().size() != 1) return std::nullopt;
  const auto p = varying_name(e.argument());
  // "logistic" is another name of sigmoid
  const std::string name = e.name() == "logistic" ? "sigmoid" : e.name();
  const auto is_it = [&](const RateFunction& g) { return g.name == name && (primes == 0 || g.elementwise); };
  if (!p || std::ranges::none_of(rate_functions(), is_it)) return std::nullopt;
  return std::pair(name, *p);
}

/// Folded is what costs nothing in what reads it: another name, a rate, a state times a slope.
void PhaseProgram::find_folded(const std::vector<std::size_t>& kept) {
  folded_.assign(varies_.size(), std::nullopt);
  for (const equations::Name& name : phase_.evaluation_order) {
    const std::size_t p = plan_.population(name);
    const bool is_kept =
        std::ranges::find(kept, p) != kept.end() ||
        std::ranges::find(plan_.references(), p, &CircuitPlan::Reference::of) != plan_.references().end();
    if (!needed_[p] || is_kept || terms(p).size() != 1) continue;
    const Term& t = terms(p)[0];
    if (t.matrix || !t.coefficient.is_number(1) || t.signal.size() > largest_fold) continue;
    const Expression e = folded(t.signal);
    const auto by_slope = [&] {
      if (!e.is(Kind::times) && !e.is(Kind::over)) return false;
      return varying_name(e.argument(0)) && (!varies(e.argument(1)) || rate_of(e.argument(1), 1));
    };
    if (varying_name(e) || rate_of(e, 0) || by_slope()) folded_[p] = e;
  }
}

Expression PhaseProgram::folded(const Expression& e) const {
  return transformed(e, [&](const Expression& node) {
    if (!node.is(Kind::name) || plan_.is_number(node)) return node;
    const auto& other = folded_[plan_.population(node)];
    return other ? *other : node;
  });
}

void PhaseProgram::add_population(std::size_t p, std::optional<Signal> signal) {
  const equations::Population& from = plan_.description().populations[p];
  const Given* given = given_in(phase_.equations, from.name);
  dynvert::Population population{.name = from.name.in_files(), .units = from.units};
  if (moves_[p]) {
    population.tau = plan_.number(given != nullptr ? given->tau : from.tau, &phase_);
    population.leak = plan_.number(given != nullptr ? given->leak : from.leak, &phase_);
    if (const Expression& sigma = given != nullptr ? given->noise : from.noise)
      population.noise = plan_.number(sigma, &phase_);
  } else if (varies_[p] && !stands_[p]) {
    population.algebraic = true;
  } else {
    population.clamped = true;
  }
  population.role = role_named(plan_.role(p));
  population.layer = plan_.layer(p);
  population.signal = std::move(signal);
  blocks_[p] = circuit_.add(std::move(population));
  has_rate_.resize(circuit_.populations().size());
}

PopulationIndex PhaseProgram::block_of_one() {
  if (!one_) {
    one_ = circuit_.add(dynvert::Population{.name = "one", .units = 1, .clamped = true});
    has_rate_.resize(circuit_.populations().size());
  }
  return *one_;
}

PopulationIndex PhaseProgram::block_for(std::size_t p) {
  if (!blocks_[p]) add_population(p);
  return *blocks_[p];
}

bool PhaseProgram::take_rate(PopulationIndex p, const std::string& rate) {
  if (has_rate_[p]) return circuit_.populations()[p].rate == rate;
  circuit_.set_rate(p, rate);
  has_rate_[p] = true;
  return true;
}

/// A signal that the circuit transmits by itself; nothing: it needs a population of its own.
std::optional<PhaseProgram::Source> PhaseProgram::known_source(const Expression& e) {
  if (const auto x = varying_name(e)) return Source{.population = block_for(*x)};
  if (const auto rate = rate_of(e, 0); rate && take_rate(block_for(rate->second), rate->first))
    return Source{.population = *blocks_[rate->second], .transmits = Transmit::rate};
  if (!e.is(Kind::times) && !e.is(Kind::over)) return std::nullopt;
  const bool over = e.is(Kind::over);
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}}) {
    const auto x = varying_name(e.argument(at));
    const Expression& other = e.argument(1 - at);
    if (!x || (over && at == 1)) continue;
    Source source{.population = block_for(*x), .transmits = Transmit::gain};
    if (!varies(other)) {
      source.gain = other;
      source.reciprocal = over;
      return source;
    }
    const auto slope = rate_of(other, 1);
    if (!slope || !take_rate(block_for(slope->second), slope->first)) continue;
    source.follows = GainFollows{*blocks_[slope->second], over};
    return source;
  }
  return std::nullopt;
}

Signal PhaseProgram::signal_of(const Expression& e) {
  const auto is_number = [&](const Expression& name) { return plan_.is_number(name); };
  const auto value_of = [this](const Expression& name) { return plan_.number(name, &phase_); };
  const auto program_of = [&](const Expression& part) {
    equations::SignalProgram program(part, is_number);
    program.set_numbers(value_of);
    return program;
  };
  Signal signal;
  equations::SignalProgram value = program_of(e);
  std::vector<Expression> names(value.names().begin(), value.names().end());
  for (const Expression& name : names) signal.arguments.push_back(block_for(plan_.population(name)));
  signal.value = [value = std::move(value)](std::span<const ConstMatrixView> x, const MatrixView& y) mutable {
    value.run(x, y);
  };

  /// diag(diagonal) + sum column row', each a signal of some of the arguments
  struct Part {
    equations::SignalProgram program;
    std::vector<std::size_t> arguments;
  };
  struct Derivative {
    std::optional<Part> diagonal;
    std::vector<std::pair<Part, Part>> products;
  };
  const auto part_of = [&](const Expression& of) {
    Part part{program_of(of), {}};
    for (const Expression& name : part.program.names())
      part.arguments.push_back(static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()));
    return part;
  };
  signal.linear = true;
  std::vector<Derivative> derivatives;
  std::string without;
  for (const Expression& name : names) {
    Derivative d;
    try {
      const equations::SignalDerivative of = equations::derivative(e, name);
      const auto bends = [&](const Expression& part) { return varies(part); };
      if (!of.diagonal.is_number(0)) d.diagonal = part_of(of.diagonal);
      signal.linear = signal.linear && !bends(of.diagonal);
      for (const auto& product : of.products) {
        signal.linear = signal.linear && !bends(product.column) && !bends(product.row);
        d.products.emplace_back(part_of(product.column), part_of(product.row));
      }
    } catch (const ValueError& error) {
      // it runs; what needs the slope says why there is none
      signal.linear = false;
      without = error.what();
    }
    derivatives.push_back(std::move(d));
  }
  signal.derivative = [derivatives = std::move(derivatives), without](std::span<const ConstMatrixView> x, std::size_t k,
                                                                      std::size_t n) mutable -> arma::mat {
    if (!without.empty()) throw ValueError("derivative of a signal", without, "signals with slopes");
    arma::mat J(n, x[k].units);
    const auto run = [&](Part& part, std::size_t size) {
      std::vector<ConstMatrixView> arguments;
      for (const std::size_t a : part.arguments) arguments.push_back(x[a]);
      arma::vec y(size);
      part.program.run(arguments, {y.memptr(), size, 1, size});
      return y;
    };
    if (derivatives[k].diagonal) J.diag() += run(*derivatives[k].diagonal, std::min(J.n_rows, J.n_cols));
    for (auto& [column, row] : derivatives[k].products) J += run(column, J.n_rows) * run(row, J.n_cols).t();
    return J;
  };
  return signal;
}

PopulationIndex PhaseProgram::add_signal(const Expression& e, std::size_t units) {
  const auto known = std::ranges::find_if(
      signals_, [&](const auto& s) { return s.first == e && circuit_.populations()[s.second].units == units; });
  if (known != signals_.end()) return known->second;
  Signal signal = signal_of(e);
  const PopulationIndex p =
      circuit_.add(dynvert::Population{.name = fmt::format("signal {}: {}", signals_.size() + 1, to_text(e)),
                                       .units = units,
                                       .algebraic = true,
                                       .signal = std::move(signal)});
  has_rate_.resize(circuit_.populations().size());
  signals_.emplace_back(e, p);
  return p;
}

/// (M signal) .* factor: the product, and what multiplies it unit by unit.
PopulationIndex PhaseProgram::add_scaled(PopulationIndex product, const Expression& factor, std::size_t units) {
  Signal by = signal_of(factor);
  Signal signal;
  signal.arguments = by.arguments;
  signal.arguments.push_back(product);
  signal.linear = by.linear && !varies(factor);
  signal.value = [value = std::move(by.value)](std::span<const ConstMatrixView> x, const MatrixView& y) {
    value(x.first(x.size() - 1), y);
    for (std::size_t c = 0; c < y.columns; ++c)
      for (std::size_t i = 0; i < y.units; ++i) y(i, c) *= x.back()(i, c);
  };
  signal.derivative = [value = signal_of(factor).value, derivative = std::move(by.derivative)](
                          std::span<const ConstMatrixView> x, std::size_t k, std::size_t n) mutable -> arma::mat {
    const auto others = x.first(x.size() - 1);
    if (k + 1 < x.size()) {
      arma::mat J = derivative(others, k, n);
      for (arma::uword i = 0; i < J.n_rows; ++i) J.row(i) *= x.back()(i, 0);
      return J;
    }
    arma::vec y(n);
    value(others, {y.memptr(), n, 1, n});
    return arma::diagmat(y);
  };
  const PopulationIndex p =
      circuit_.add(dynvert::Population{.name = fmt::format("signal {}: {} of {}", circuit_.populations().size(),
                                                           to_text(factor), circuit_.populations()[product].name),
                                       .units = units,
                                       .algebraic = true,
                                       .signal = std::move(signal)});
  has_rate_.resize(circuit_.populations().size());
  return p;
}

PhaseProgram::Source PhaseProgram::source(const Expression& signal, std::size_t units) {
  const Expression e = folded(signal);
  if (auto known = known_source(e); known && circuit_.populations()[known->population].units == units) return *known;
  // what is at rest and meets weights that move is clamped
  if (e.is(Kind::name) && !plan_.is_number(e)) return {.population = block_for(plan_.population(e))};
  return {.population = add_signal(e, units)};
}

ProjectionIndex PhaseProgram::project(const Source& source, PopulationIndex target, Weights weights, std::string name) {
  const ProjectionIndex k = circuit_.add(Projection{.name = std::move(name),
                                                    .source = source.population,
                                                    .target = target,
                                                    .weights = std::move(weights),
                                                    .transmits = source.transmits,
                                                    .follows = source.follows});
  if (source.gain) gains_.push_back({k, SignalValue(*source.gain, plan_, &phase_), source.reciprocal});
  return k;
}

/// M signal as an algebraic population, for what multiplies it unit by unit.
PopulationIndex PhaseProgram::add_product(const Term& term, std::size_t units) {
  const std::size_t m = plan_.matrix(term.matrix->name);
  const equations::Matrix& shape = plan_.description().matrices[m];
  const Source from = term.signal.is_number(1)
                          ? Source{.population = block_of_one()}
                          : source(term.signal, term.matrix->transposed ? shape.rows : shape.columns);
  const PopulationIndex product = circuit_.add(
      dynvert::Population{.name = fmt::format("product {} of {}", circuit_.projections().size(), plan_.matrix_name(m)),
                          .units = units,
                          .algebraic = true});
  has_rate_.resize(circuit_.populations().size());
  const std::size_t inputs = term.matrix->transposed ? shape.rows : shape.columns;
  matrices_.push_back(
      {project(from, product, arma::mat(units, inputs), plan_.matrix_name(m)), m, term.matrix->transposed, 1});
  return product;
}

void PhaseProgram::add_terms(std::size_t p) {
  const std::size_t units = plan_.description().populations[p].units;
  const std::string name = plan_.description().populations[p].name.in_files();
  /// a projection that waits for its target
  struct Waiting {
    Source source;
    Weights weights;
    std::string name;
    std::optional<MatrixProjection> matrix;
  };
  std::vector<Waiting> waiting;
  std::vector<Term> resting;
  for (const Term& t : terms(p)) {
    if (!varies(t)) {
      resting.push_back(t);
      continue;
    }
    const double coefficient = plan_.number(t.coefficient, &phase_);
    if (!t.matrix) {
      waiting.push_back({source(t.signal, units), coefficient, fmt::format("{} of {}", to_text(t.signal), name), {}});
    } else if (t.factor.is_number(1) && is_moving_matrix(t) && coefficient != 1) {
      // a multiple of weights that move is a multiple of their product
      Source from;
      from.population = add_product(t, units);
      waiting.push_back({std::move(from), coefficient, fmt::format("multiple of a product of {}", name), std::nullopt});
    } else if (t.factor.is_number(1)) {
      const std::size_t m = plan_.matrix(t.matrix->name);
      const equations::Matrix& shape = plan_.description().matrices[m];
      const std::size_t inputs = t.matrix->transposed ? shape.rows : shape.columns;
      Source from = t.signal.is_number(1) ? Source{.population = block_of_one()} : source(t.signal, inputs);
      waiting.push_back({std::move(from), arma::mat(units, inputs), plan_.matrix_name(m),
                         MatrixProjection{0, m, t.matrix->transposed, coefficient}});
    } else {
      // (M signal) .* factor: the product, then what multiplies it
      Source from;
      from.population = add_scaled(add_product(t, units), folded(t.factor), units);
      waiting.push_back({std::move(from), coefficient, fmt::format("scaled product of {}", name), std::nullopt});
    }
  }
  if (!blocks_[p]) add_population(p);
  for (Waiting& w : waiting) {
    const ProjectionIndex k = project(w.source, *blocks_[p], std::move(w.weights), std::move(w.name));
    if (!w.matrix) continue;
    w.matrix->projection = k;
    matrices_.push_back(*w.matrix);
  }
  if (!resting.empty()) inputs_.emplace_back(*blocks_[p], SumProgram(resting, units, plan_, &phase_));
}

}  // namespace dynvert
