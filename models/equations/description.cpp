#include <dynvert/models/equations/description.hpp>
#include <dynvert/models/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert::equations {

std::string Name::in_equations() const {
  return indices.empty() ? base : fmt::format("{}[{}]", base, fmt::join(indices, ","));
}

std::string Name::in_files() const {
  std::string text = base;
  for (const long i : indices) text += fmt::format("_{}", i);
  return text;
}

Expression Name::expression(std::size_t at) const {
  std::vector<Expression> numbers;
  for (const long i : indices) numbers.push_back(Expression::number(static_cast<double>(i), at));
  return Expression::name(base, std::move(numbers), at);
}

Name name_of(const Expression& e) {
  Name name{e.name()};
  for (const Expression& i : e.indices()) {
    const bool negative = i.is(Kind::negate);
    const Expression& size = negative ? i.argument() : i;
    if (!size.is(Kind::number)) throw ValueError(to_text(e), "has an index that is no number", "numbers");
    name.indices.push_back(static_cast<long>(negative ? -size.value() : size.value()));
  }
  return name;
}

const Population* Description::find(const Name& name) const {
  const auto found = std::ranges::find(populations, name, &Population::name);
  return found == populations.end() ? nullptr : &*found;
}

const Matrix* Description::find_matrix(const Name& name) const {
  const auto found = std::ranges::find(matrices, name, &Matrix::name);
  return found == matrices.end() ? nullptr : &*found;
}

ParameterValues Description::update_of(const Rule& rule) const {
  ParameterValues values = rule.continuous ? ParameterValues() : update;
  for (const auto& [matrix, own] : updates) {
    if (matrix != rule.matrix.base) continue;
    for (const Parameter& p : update_parameters())
      if (const ParameterValue* value = own.find(p.name)) values.set(p.name, *value);
  }
  return values;
}

namespace {

Expression multiplied(const Expression& a, const Expression& b) {
  if (a.is_number(1)) return b;
  return b.is_number(1) ? a : Expression::operation(Kind::multiply, {a, b}, a.at());
}

/// coefficient * product, from the left: 2*W*x, and 2 ./ x for 2 times 1 ./ x
Expression prefixed(const Expression& coefficient, const Expression& product) {
  if (!is_product(product.kind())) return multiplied(coefficient, product);
  return product.with({}, {prefixed(coefficient, product.argument(0)), product.argument(1)});
}

/// left + coefficient * rest, with the coefficient's sign as the operator
Expression added(const Expression& left, const Expression& coefficient, const Expression& rest) {
  const bool negative = coefficient.is(Kind::negate);
  const Expression term = prefixed(negative ? coefficient.argument() : coefficient, rest);
  if (!left) return negative ? Expression::operation(Kind::negate, {term}, term.at()) : term;
  return Expression::operation(negative ? Kind::subtract : Kind::add, {left, term}, term.at());
}

Expression body_of(const Term& term) {
  if (!term.matrix) return term.signal;
  Expression product = term.matrix->name.expression();
  if (term.matrix->transposed) product = Expression::operation(Kind::transpose, {product});
  product = multiplied(product, term.signal);
  return term.factor.is_number(1) ? product : Expression::operation(Kind::times, {product, term.factor});
}

Expression body_of(const RuleTerm& term) {
  Expression body = term.post;
  const bool bare = !term.low && (term.when == RuleTerm::When::now || term.when == RuleTerm::When::last);
  if (!term.pre.is_number(1))
    body = multiplied(body, Expression::operation(Kind::transpose, {term.pre}));
  else if (bare && (body.is(Kind::add) || body.is(Kind::subtract)) && term.coefficient.is_number(1))
    body = Expression::operation(Kind::multiply, {term.coefficient, body});  // one post, not two terms
  if (term.low) body = Expression::call("low", {body, term.low});
  if (!term.factor.is_number(1)) body = Expression::operation(Kind::times, {term.factor, body});
  std::vector<Expression> phases;
  for (const std::string& phase : term.phases) phases.push_back(Expression::text(phase));
  if (term.when == RuleTerm::When::end) return Expression::call("end", {phases[0], body});
  if (term.when != RuleTerm::When::average) return body;
  phases.insert(phases.begin(), body);
  return Expression::call("avg", phases);
}

}  // namespace

Expression expression_of(const Term& term) { return added({}, term.coefficient, body_of(term)); }

namespace {

template <typename Equation>
Expression right_hand_side(const Equation& of, const Name& own) {
  Expression sum;
  if (of.leak && !of.leak.is_number(0))
    sum = added({}, Expression::operation(Kind::negate, {of.leak}), own.expression());
  for (const Term& term : of.terms) sum = added(sum, term.coefficient, body_of(term));
  if (of.noise) sum = added(sum, Expression::number(1), Expression::call("noise", {of.noise}));
  return sum ? sum : Expression::number(0);
}

}  // namespace

Expression expression_of(const Population& population) { return right_hand_side(population, population.name); }

Expression expression_of(const Given& given) { return right_hand_side(given, given.population); }

Expression expression_of(const Rule& rule) {
  Expression sum;
  for (const RuleTerm& term : rule.terms) sum = added(sum, term.coefficient, body_of(term));
  if (!rule.decay.is_number(0)) {
    const Expression decay = multiplied(rule.decay, rule.matrix.expression());
    sum = sum ? Expression::operation(Kind::subtract, {sum, decay}) : Expression::operation(Kind::negate, {decay});
  }
  return sum ? sum : Expression::number(0);
}

namespace {

template <typename Equation>
Statement statement_of(const Name& name, const Equation& of) {
  return {.type = of.tau ? Statement::Type::moving : Statement::Type::equation,
          .left = name.expression(),
          .tau = of.tau && of.tau.is_number(1) ? Expression() : of.tau,
          .right = expression_of(of)};
}

std::vector<Expression> expressions_of(const std::vector<Name>& names) {
  std::vector<Expression> result;
  for (const Name& name : names) result.push_back(name.expression());
  return result;
}

PhaseText as_text(const Phase& phase, bool learns) {
  PhaseText text;
  text.name = phase.name;
  text.begin = phase.begin;
  text.duration = phase.duration;
  text.until_settled = phase.until_settled;
  text.clock = phase.clock;
  text.from = phase.from;
  text.moves = expressions_of(phase.moves);
  text.hold = expressions_of(phase.hold);
  for (const Given& given : phase.set) text.set.push_back(statement_of(given.population, given));
  for (const Given& given : phase.equations) text.equations.push_back(statement_of(given.population, given));
  text.parameters = phase.parameters;
  text.during = phase.during;
  if (learns) text.learn = expressions_of(phase.learn);
  return text;
}

}  // namespace

CircuitText as_text(const Description& d) {
  CircuitText text;
  text.title = d.title;
  text.parameters = d.parameters;
  text.algebraic_loop = d.algebraic_loop;
  for (const Population& p : d.populations) {
    if (p.size_given)
      text.equations.push_back({.type = Statement::Type::size,
                                .left = p.name.expression(),
                                .right = Expression::number(static_cast<double>(p.units))});
    if (p.type == Population::Type::moving || p.type == Population::Type::algebraic)
      text.equations.push_back(statement_of(p.name, p));
  }
  for (const Rule& rule : d.rules) {
    const Statement statement{.type = rule.continuous ? Statement::Type::moving : Statement::Type::rule,
                              .left = rule.matrix.expression(),
                              .tau = rule.continuous && !rule.tau.is_number(1) ? rule.tau : Expression(),
                              .right = expression_of(rule)};
    (rule.continuous ? text.equations : text.at_end).push_back(statement);
  }
  text.update = d.update;
  text.updates = d.updates;
  text.sources = d.sources;
  text.weights = d.weights;
  for (const Initial& i : d.initial) text.initial.push_back({i.name.expression(), i.value, i.kind, i.values, {}});
  text.trial = {d.carry_all, expressions_of(d.carry), d.carry_per, d.carry_after, d.carry_where};
  const bool learns = std::ranges::any_of(d.rules, [](const Rule& rule) { return rule.continuous; });
  for (const Phase& phase : d.phases) text.phases.push_back(as_text(phase, learns));
  text.readout = d.readout;
  for (const auto& [role, names] : d.roles) text.roles.emplace_back(role, expressions_of(names));
  return text;
}

}  // namespace dynvert::equations
