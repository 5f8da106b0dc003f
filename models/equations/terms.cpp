#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/equations/product_items.hpp>
#include <dynvert/models/equations/terms.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert::equations {

namespace {

const Expression one_number = Expression::number(1);

bool is_noise(const Expression& e) { return e.is(Kind::call) && e.name() == "noise"; }

class Collector {
 public:
  Collector(const TermReader& reader, std::vector<Term>& terms) : reader_(reader), terms_(terms) {}

  void collect(const Expression& e, const Expression& coefficient, const Expression& factor) {
    switch (e.kind()) {
      case Kind::add:
        collect(e.argument(0), coefficient, factor);
        collect(e.argument(1), coefficient, factor);
        return;
      case Kind::subtract:
        collect(e.argument(0), coefficient, factor);
        collect(e.argument(1), negated(coefficient), factor);
        return;
      case Kind::negate:
        collect(e.argument(), negated(coefficient), factor);
        return;
      case Kind::multiply:
      case Kind::divide:
      case Kind::times:
      case Kind::over:
        collect_product(e, coefficient, factor);
        return;
      default:
        break;
    }
    if (e.is(Kind::name) && reader_.role(e) == Role::bias) {
      add({.coefficient = coefficient, .matrix = MatrixUse{name_of(e), false}, .factor = factor, .where = where(e)});
      return;
    }
    if (is_noise(e) && factor.is_number(1)) {
      if (e.arguments().size() != 1 || e.primes() > 0 || !reader_.is_number(e.argument()))
        fail(where(e), fmt::format("{} is no white noise", to_text(e)), "noise(sigma), sigma a number or parameter");
      add({.coefficient = coefficient, .signal = e, .where = where(e)});
      return;
    }
    if (reader_.is_number(e)) {
      add({.coefficient = scaled_by(coefficient, e, false), .signal = factor, .where = where(e)});
      return;
    }
    if (const Expression matrix = bare_matrix(e))
      fail(where(e), fmt::format("the matrix {} multiplies nothing", to_text(e)), fmt::format("{}*x", to_text(e)));
    reader_.check_signal(e);
    const bool alone = factor.is_number(1);
    add({.coefficient = coefficient,
         .signal = alone ? e : Expression::operation(Kind::times, {factor, e}, e.at()),
         .where = where(e)});
  }

 private:
  [[nodiscard]] Where where(const Expression& e) const { return {reader_.source, e.at()}; }

  void add(Term term) { terms_.push_back(std::move(term)); }

  /// The matrix that e is, itself or transposed.
  [[nodiscard]] Expression bare_matrix(const Expression& e) const {
    const Expression& name = e.is(Kind::transpose) ? e.argument() : e;
    return name.is(Kind::name) && reader_.role(name) == Role::matrix ? name : Expression();
  }

  void collect_product(const Expression& e, Expression coefficient, const Expression& outer_factor) {
    std::vector<ProductItem> items;
    bool negative = false;
    split_product(
        e, [this](const Expression& item) { return static_cast<bool>(bare_matrix(item)); }, items, negative);
    if (negative) coefficient = negated(coefficient);
    std::optional<Term> matrix;
    std::optional<ProductItem> sum;  // what holds matrix products or biases: the rest goes to each of its terms
    Expression factor = outer_factor;
    std::size_t signals = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const ProductItem& item = items[i];
      if (const Expression name = bare_matrix(item.e)) {
        const bool has_operand = i + 1 < items.size() && !items[i + 1].inverse && !items[i + 1].elementwise;
        if (item.inverse || !has_operand)
          fail(where(item.e), fmt::format("the matrix {} multiplies nothing", to_text(item.e)),
               fmt::format("{}*x, x a population or an expression of some", to_text(item.e)));
        if (matrix || sum) fail_second(item.e);
        const Expression& operand = items[++i].e;
        if (reader_.holds_matrix(operand)) fail_second(operand);
        reader_.check_signal(operand);
        matrix = Term{
            .matrix = MatrixUse{name_of(name), item.e.is(Kind::transpose)}, .signal = operand, .where = where(name)};
        continue;
      }
      if (reader_.is_number(item.e)) {
        coefficient = scaled_by(coefficient, item.e, item.inverse);
        continue;
      }
      if (reader_.holds_matrix(item.e)) {
        if (item.inverse || matrix || sum) fail_second(item.e);
        sum = item;
        continue;
      }
      reader_.check_signal(item.e);
      const bool by_unit = item.elementwise || reader_.is_one_value(item.e) || (signals == 0 && !item.inverse);
      if (!by_unit)
        fail(where(item.e), fmt::format("a product of two signals, by {}", item.inverse ? "/" : "*"),
             item.inverse ? "./ divides unit by unit"
                          : ".* multiplies unit by unit; M*x is a matrix times a population");
      if (!reader_.is_one_value(item.e)) ++signals;
      factor = join(factor, item, true);
    }
    if (sum) {
      collect(sum->e, coefficient, factor);
      return;
    }
    if (matrix) {
      matrix->coefficient = coefficient;
      matrix->factor = factor;
      add(*matrix);
      return;
    }
    // sums are taken apart where nothing but numbers stands before them
    const auto is_sum = [](const Expression& x) { return x.is(Kind::add) || x.is(Kind::subtract); };
    if (is_sum(factor)) {
      collect(factor, coefficient, one_number);
      return;
    }
    const Expression size = coefficient.is(Kind::negate) ? coefficient.argument() : coefficient;
    if (factor.is_number(1) && is_sum(size)) {
      collect(size, coefficient.is(Kind::negate) ? negated(one_number) : one_number, one_number);
      return;
    }
    add({.coefficient = coefficient, .signal = factor, .where = where(e)});
  }

  [[noreturn]] void fail_second(const Expression& e) const {
    fail(where(e), fmt::format("a second matrix product in one term: {}", to_text(e)),
         fmt::format("one in each term; write a population for it, as x = {}", to_text(e)));
  }

  const TermReader& reader_;
  std::vector<Term>& terms_;
};

}  // namespace

bool TermReader::holds_matrix(const Expression& e) const {
  bool found = false;
  visit(e, [&](const Expression& node) {
    if (node.is(Kind::name)) {
      const Role r = role(node);
      found = found || r == Role::matrix || r == Role::bias;
      return false;
    }
    return !found;
  });
  return found;
}

bool TermReader::is_number(const Expression& e) const {
  bool number = true;
  visit(e, [&](const Expression& node) {
    if (node.is(Kind::name)) {
      number = number && role(node) == Role::number;
      return false;
    }
    const Function* f = node.is(Kind::call) ? find_function(node.name()) : nullptr;
    if (node.is(Kind::transpose) || node.is(Kind::text) || (node.is(Kind::call) && (f == nullptr || !f->elementwise)))
      number = false;
    return number;
  });
  return number;
}

bool TermReader::is_one_value(const Expression& e) const {
  bool one_value = true;
  visit(e, [&](const Expression& node) {
    const Function* f = node.is(Kind::call) ? find_function(node.name()) : nullptr;
    if (f != nullptr && f->one_value) return false;
    if (node.is(Kind::name)) {
      one_value = one_value && role(node) == Role::number;
      return false;
    }
    return one_value;
  });
  return one_value;
}

void TermReader::check_signal(const Expression& e) const {
  const Where where{source, e.at()};
  switch (e.kind()) {
    case Kind::name: {
      const Role r = role(e);
      if (r == Role::matrix || r == Role::bias)
        fail(where, fmt::format("{} is a matrix, in an expression of single units", to_text(e)),
             fmt::format("a population for the product: x = {}", r == Role::bias ? to_text(e) : to_text(e) + "*y"));
      return;
    }
    case Kind::text:
      fail(where, "a text", "numbers, parameters and populations");
    case Kind::transpose:
      fail(where, fmt::format("{} is transposed", to_text(e.argument())),
           "M'*x of a matrix M; in rules post*pre'; f'(x) for a slope");
    case Kind::multiply:
    case Kind::divide: {
      const Expression& a = e.argument(0);
      const Expression& b = e.argument(1);
      const bool fits = is_one_value(b) || (e.is(Kind::multiply) && is_one_value(a));
      if (!fits) {
        // M*x within a function is more probable than a product of populations
        const Expression& m = a.is(Kind::transpose) ? a.argument() : a;
        if (m.is(Kind::name) && role(m) == Role::matrix)
          fail(where, fmt::format("a matrix product within an expression of single units: {}", to_text(e)),
               fmt::format("a population for it, as x = {}", to_text(e)));
        fail({source, b.at()}, fmt::format("a product of two signals, by {}", e.is(Kind::multiply) ? "*" : "/"),
             e.is(Kind::multiply) ? ".* multiplies unit by unit; M*x is a matrix times a population"
                                  : "./ divides unit by unit");
      }
      break;
    }
    case Kind::call: {
      if (is_noise(e))
        fail(where, "noise() within an expression",
             "a term of its own of an equation tau dx/dt = ..; whatever scales it stands inside, as noise(2*sigma)");
      if (e.name() == "last") {
        if (e.arguments().size() != 1 || !e.argument().is(Kind::name) || e.primes() > 0)
          fail(where, "last() of what is no population", "last(x)");
        break;
      }
      for (std::size_t i = 1; i < e.arguments().size(); ++i)
        if (!is_number(e.argument(i)))
          fail({source, e.argument(i).at()},
               fmt::format("{} is a signal, as a parameter of {}", to_text(e.argument(i)), e.name()),
               "numbers and parameters");
      break;
    }
    default:
      break;
  }
  for (const Expression& a : e.arguments()) check_signal(a);
}

std::vector<Term> TermReader::read(const Expression& right) const {
  std::vector<Term> terms;
  Collector(*this, terms).collect(right, one_number, one_number);
  return terms;
}

Expression take_noise(std::vector<Term>& terms) {
  const auto found = std::ranges::find_if(terms, [](const Term& t) { return is_noise(t.signal); });
  if (found == terms.end()) return {};
  const Where where = found->where;
  if (!found->coefficient.is_number(1))
    fail(where, fmt::format("noise() times {}", to_text(found->coefficient)),
         "+ noise(sigma); whatever scales it stands inside, as noise(2*sigma)");
  const Expression sigma = found->signal.argument();
  terms.erase(found);
  if (const auto second = std::ranges::find_if(terms, [](const Term& t) { return is_noise(t.signal); });
      second != terms.end())
    fail(second->where, "a second noise in one equation",
         "one; independent noises of sizes s and r are noise((s^2 + r^2)^0.5)");
  return sigma;
}

Expression take_leak(std::vector<Term>& terms, const Expression& own) {
  Expression leak;
  const auto is_leak = [&](const Term& t) { return !t.matrix && t.signal == own && t.coefficient.is(Kind::negate); };
  for (const Term& t : terms) {
    if (!is_leak(t)) continue;
    const Expression& c = t.coefficient.argument();
    leak = leak ? Expression::operation(Kind::add, {leak, c}, c.at()) : c;
  }
  std::erase_if(terms, is_leak);
  return leak;
}

}  // namespace dynvert::equations
