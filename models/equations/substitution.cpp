#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/equations/parser.hpp>
#include <dynvert/models/equations/substitution.hpp>
#include <dynvert/models/nearest_name.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert::equations {

namespace {

constexpr std::size_t max_statements = 20'000;  // of a circuit that is written out
constexpr int max_calls = 32;                   // of functions in functions
constexpr double max_index = 1e6;

const std::vector<std::string> rule_words{"end", "avg", "low"};

/// What is written as a function and is none of the table's.
bool is_special(const std::string& name) {
  return name == "last" || name == "noise" || std::ranges::find(rule_words, name) != rule_words.end();
}

Where at(const Where& where, const Expression& e) { return {where.source, e.at()}; }

std::string list(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

}  // namespace

const std::vector<std::string>& number_names() {
  static const std::vector<std::string> names{"eta", "lambda", "batch", "duration", "dt", "pi"};
  return names;
}

bool is_reserved(const std::string& name) {
  static const std::vector<std::string> names{"L", "n", "g", "one", "input", "target", "W", "b", "B"};
  const auto has = [&](const std::vector<std::string>& list) { return std::ranges::find(list, name) != list.end(); };
  return has(names) || has(number_names()) || is_special(name) || find_function(name) != nullptr;
}

const Parameter* Substitution::parameter(const std::string& name) const {
  const auto found = std::ranges::find(parameters_, name, &Parameter::name);
  return found == parameters_.end() ? nullptr : &*found;
}

double Substitution::number(const Expression& name, const Where& where) const {
  if (name.name() == "pi") return 3.14159265358979323846;
  const Parameter* p = parameter(name.name());
  if (p != nullptr) {
    if (const auto* real = std::get_if<double>(&p->default_value)) return *real;
    if (const auto* whole = std::get_if<std::int64_t>(&p->default_value)) return static_cast<double>(*whole);
    if (const auto* flag = std::get_if<bool>(&p->default_value)) return *flag ? 1 : 0;
  }
  std::vector<std::string> known{"L", "n[l]", "pi"};
  for (const Parameter& q : parameters_) known.push_back(q.name);
  fail(at(where, name), fmt::format("{} is no number that is known here", to_text(name)), list(known),
       nearest_name(name.name(), known));
}

double Substitution::constant(const Expression& e, const Where& where, const Variables& variables) const {
  const Expression known = apply(e, where, variables);
  double value = 0;
  try {
    value = evaluate_number(known, [&](const Expression& name) { return number(name, where); });
  } catch (const ValueError& error) {
    fail(at(where, e), error.fault(), error.allowed());
  }
  if (!std::isfinite(value)) fail(at(where, e), fmt::format("{} is {}", to_text(e), value), "a finite number");
  return value;
}

long Substitution::integer(const Expression& e, const Where& where, const Variables& variables) const {
  const double value = constant(e, where, variables);
  if (value != std::floor(value) || std::abs(value) > max_index)
    fail(at(where, e), fmt::format("{} is {}, as an index", to_text(e), value), "a whole number");
  return static_cast<long>(value);
}

Expression Substitution::apply(const Expression& expression, const Where& where, const Variables& variables) const {
  return transformed(expression, [&](const Expression& e) {
    if (!e.is(Kind::name) && !e.is(Kind::call)) return e;
    if (e.is(Kind::name) && e.indices().empty()) {
      if (const auto found = variables.find(e.name()); found != variables.end())
        return Expression::number(static_cast<double>(found->second), e.at());
      if (e.name() == "one") return Expression::number(1, e.at());
      if (e.name() != "L") return e;
      if (options_.layers.empty()) fail(at(where, e), "L, but there is no network", "a number");
      return Expression::number(static_cast<double>(options_.layers.size() - 1), e.at());
    }
    std::vector<Expression> indices;
    for (const Expression& i : e.indices()) {
      if (i.is(Kind::range)) {
        fail(at(where, i), "a range as an index", "one index; ranges stand in lists of names");
      }
      indices.push_back(Expression::number(static_cast<double>(integer(i, where, {})), i.at()));
    }
    if (e.is(Kind::name) && e.name() == "n" && indices.size() == 1) {
      double index = 0;
      index = evaluate_number(indices[0], [](const Expression&) { return 0.0; });
      if (index < 0 || index >= static_cast<double>(options_.layers.size()))
        fail(at(where, e), fmt::format("there is no layer {}", index),
             fmt::format("0 to {}", static_cast<long>(options_.layers.size()) - 1));
      return Expression::number(static_cast<double>(options_.layers[static_cast<std::size_t>(index)]), e.at());
    }
    return e.with(std::move(indices), {e.arguments().begin(), e.arguments().end()});
  });
}

std::vector<long> Substitution::values(const Range& range, const Where& where, const Variables& variables) const {
  const long first = integer(range.first, where, variables);
  const long last = integer(range.last, where, variables);
  const long step = range.step ? integer(range.step, where, variables) : 1;
  if (step == 0) fail(at(where, range.step), "a step of 0", "1, -1, ..");
  if (variables.contains(range.variable) || is_reserved(range.variable) || parameter(range.variable) != nullptr)
    fail(where, fmt::format("{} as the variable of a loop", range.variable), "a name that has no other meaning");
  std::vector<long> result;
  for (long l = first; step > 0 ? l <= last : l >= last; l += step) {
    result.push_back(l);
    if (result.size() > max_statements)
      fail(where, "a loop without end", fmt::format("at most {} turns", max_statements));
  }
  return result;
}

bool Substitution::holds(const Condition& condition, const Where& where, const Variables& variables) const {
  const auto text_parameter = [&](const Expression& e) -> const Parameter* {
    if (!e.is(Kind::name) || !e.indices().empty()) return nullptr;
    const Parameter* p = parameter(e.name());
    return p != nullptr && std::holds_alternative<std::string>(p->default_value) ? p : nullptr;
  };
  const Parameter* p = text_parameter(condition.left);
  const Parameter* q = text_parameter(condition.right);
  if (p == nullptr && q == nullptr) {
    const bool equal = constant(condition.left, where, variables) == constant(condition.right, where, variables);
    return equal == condition.equal;
  }
  const Parameter& chosen = p != nullptr ? *p : *q;
  const Expression& word = p != nullptr ? condition.right : condition.left;
  const bool is_word = word.is(Kind::text) || (word.is(Kind::name) && word.indices().empty());
  const std::string value = is_word ? word.name() : to_text(word);
  if (!chosen.choices.empty() && std::ranges::find(chosen.choices, value) == chosen.choices.end())
    fail(at(where, word), fmt::format("\"{}\" is no choice of {}", value, chosen.name), list(chosen.choices),
         nearest_name(value, chosen.choices));
  return (std::get<std::string>(chosen.default_value) == value) == condition.equal;
}

void Substitution::define(const Statement& statement, const Variables& variables) {
  const Expression left =
      apply(statement.left.with({statement.left.indices().begin(), statement.left.indices().end()}, {}),
            statement.where, variables);
  const auto arguments = statement.left.arguments();
  if (arguments.size() != 1 || !arguments[0].is(Kind::name) || !arguments[0].indices().empty())
    fail(at(statement.where, statement.left), "a function of something else than one name", "f(x) = ..");
  const std::string& variable = arguments[0].name();
  if (variables.contains(variable) || is_reserved(variable) || parameter(variable) != nullptr)
    fail(at(statement.where, arguments[0]), fmt::format("{} has another meaning", variable),
         "f(x) = .. with a new name for x");
  if (find_function(left.name()) != nullptr || is_special(left.name()))
    fail(at(statement.where, left), fmt::format("{} is a function already", left.name()), "another name");
  const auto [place, is_new] =
      functions_.try_emplace(name_of(Expression::name(left.name(), {left.indices().begin(), left.indices().end()})),
                             Definition{variable, apply(statement.right, statement.where, variables)});
  if (!is_new) fail(at(statement.where, left), fmt::format("{} is defined twice", place->first.in_equations()), "once");
}

void Substitution::write_out(const std::vector<Statement>& statements, const Variables& variables,
                             std::vector<Statement>& out) {
  for (const Statement& s : statements) {
    switch (s.type) {
      case Statement::Type::loop:
        for (const long l : values(s.range, s.where, variables)) {
          if (++turns_ > max_statements)
            fail(s.where, "loops of too many turns", fmt::format("at most {} in all", max_statements));
          Variables inner = variables;
          inner[s.range.variable] = l;
          write_out(s.body, inner, out);
        }
        break;
      case Statement::Type::choice:
        write_out(holds(s.condition, s.where, variables) ? s.body : s.otherwise, variables, out);
        break;
      case Statement::Type::function:
        define(s, variables);
        break;
      default: {
        Statement written = s;
        written.left = apply(s.left, s.where, variables);
        written.tau = apply(s.tau, s.where, variables);
        written.right = apply(s.right, s.where, variables);
        if (written.left.is(Kind::transpose))
          fail(at(s.where, s.left), "a transpose on the left", "the matrix itself, with post and pre exchanged");
        if (!written.left.is(Kind::name))
          fail(at(s.where, s.left), fmt::format("{} on the left", to_text(s.left)), "the name of a population");
        out.push_back(std::move(written));
      }
    }
    if (out.size() > max_statements)
      fail(s.where, "too many equations", fmt::format("at most {}, written out", max_statements));
  }
}

void Substitution::check_call(const Expression& e, const Where& where) const {
  const Function* f = find_function(e.name());
  if (f == nullptr && !is_special(e.name())) {
    std::vector<std::string> known = function_names();
    if (!options_.rates.empty()) known.emplace_back("g[l]");
    for (const auto& [name, definition] : functions_) known.push_back(name.in_equations());
    fail(at(where, e), fmt::format("unknown function {}", Name{e.name()}.in_equations()),
         list(known) + "; or define it: " + e.name() + "(x) = ..", nearest_name(e.name(), known));
  }
  if (!e.indices().empty()) fail(at(where, e), fmt::format("{} has no index", e.name()), e.name() + "(x)");
  if (f == nullptr) return;
  if (e.arguments().size() != f->arguments)
    fail(at(where, e), fmt::format("{} of {} arguments", e.name(), e.arguments().size()),
         fmt::format("{}", f->arguments));
  if (e.primes() > 0 && !f->elementwise)
    fail(at(where, e), fmt::format("a slope of {}, which no single unit has", e.name()),
         "slopes of functions of single units");
  if (e.primes() > 2) fail(at(where, e), "a third slope", "f'(x), f''(x)");
}

/// g[l](x)
Expression Substitution::rate(const Expression& e, const Where& where) const {
  const long index = e.indices().size() == 1 ? integer(e.indices()[0], where, {}) : -1;
  const bool known = index >= 0 && index < static_cast<long>(options_.rates.size());
  const std::string name = known ? options_.rates[static_cast<std::size_t>(index)] : std::string();
  if (!known)
    fail(at(where, e),
         fmt::format("the network has no {}", to_text(Expression::name("g", {e.indices().begin(), e.indices().end()}))),
         options_.rates.empty() ? "a function by its name" : fmt::format("g[0] to g[{}]", options_.rates.size() - 1));
  if (e.arguments().size() != 1) fail(at(where, e), "g of other than one argument", "g[l](x)");
  if (name == "linear") return e.primes() == 0 ? e.argument() : Expression::number(e.primes() == 1 ? 1 : 0, e.at());
  const Expression call = Expression::call(name, {e.argument()}, {}, e.primes(), e.at());
  check_call(call, where);
  return call;
}

Expression Substitution::with_functions(const Expression& expression, const Where& where, int depth) const {
  if (depth > max_calls) fail(at(where, expression), "a function that calls itself", "functions of others");
  const auto check_size = [&](const Expression& e) {
    if (e.size() > max_expression)
      fail(at(where, expression), "an expression that is too large when its functions are written out",
           fmt::format("at most {} numbers, names and operators; write auxiliary populations", max_expression));
  };
  const Expression result = transformed(expression, [&](const Expression& e) {
    check_size(e);
    if (!e.is(Kind::call)) return e;
    const auto own = functions_.find({e.name(), [&] {
                                        std::vector<long> indices;
                                        for (const Expression& i : e.indices())
                                          indices.push_back(integer(i, where, {}));
                                        return indices;
                                      }()});
    if (own == functions_.end()) {
      if (e.name() == "g") return rate(e, where);
      check_call(e, where);
      return e;
    }
    if (e.arguments().size() != 1)
      fail(at(where, e), fmt::format("{} of {} arguments", e.name(), e.arguments().size()), "1");
    const Expression variable = Expression::name(own->second.variable);
    if (e.primes() > 2) fail(at(where, e), "a third slope", "f'(x), f''(x)");
    Expression body = with_functions(own->second.body.placed(e.at()), where, depth + 1);
    try {
      for (int k = 0; k < e.primes(); ++k) {
        const SignalDerivative d = derivative(body, variable);
        if (!d.products.empty())
          fail(at(where, e), "a slope of a function of all units together", "functions of single units");
        check_size(d.diagonal);
        body = simplified(d.diagonal).placed(e.at());
      }
    } catch (const ValueError& error) {
      fail(at(where, e), fmt::format("{}: {}", error.object(), error.fault()), error.allowed());
    }
    const Expression written =
        transformed(body, [&](const Expression& node) { return node == variable ? e.argument() : node; });
    check_size(written);
    return written;
  });
  try {
    const Expression closed = with_closed_slopes(result);
    check_size(closed);
    return closed;
  } catch (const ValueError& error) {
    fail(at(where, expression), fmt::format("{}: {}", error.object(), error.fault()), error.allowed());
  }
}

std::string Substitution::filled(const std::string& text, const Where& where, const Variables& variables) const {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{') {
      result += text[i];
      continue;
    }
    const auto close = text.find('}', i);
    if (close == std::string::npos) fail(where, "{ without }", "\"loop {l}\"");
    const auto inner = std::make_shared<const Source>(Source{text.substr(i + 1, close - i - 1), "name of a phase"});
    result += fmt::format("{}", integer(parse_expression(inner), {inner, 0}, variables));
    i = close;
  }
  return result;
}

std::vector<Name> Substitution::names(const Expression& pattern, const Where& where, const Variables& variables) const {
  std::vector<Name> result{{pattern.name(), {}}};
  for (const Expression& i : pattern.indices()) {
    std::vector<long> choices;
    if (i.is(Kind::range)) {
      const long last = integer(i.argument(1), where, variables);
      for (long l = integer(i.argument(0), where, variables); l <= last && choices.size() <= max_statements; ++l)
        choices.push_back(l);
    } else {
      choices.push_back(integer(i, where, variables));
    }
    std::vector<Name> longer;
    for (const Name& name : result) {
      for (const long l : choices) {
        longer.push_back(name);
        longer.back().indices.push_back(l);
      }
    }
    if (longer.size() > max_statements) fail(at(where, i), "too many names", fmt::format("at most {}", max_statements));
    result = std::move(longer);
  }
  return result;
}

}  // namespace dynvert::equations
