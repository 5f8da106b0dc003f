// Expressions as text and as LaTeX.

#include <dynvert/models/equations/expression.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace dynvert::equations {

namespace {

// What binds more tightly has a higher level: a sum, a sign, a product, a power, what stands before a '.
enum Level { lowest = 0, sum = 1, sign = 2, product = 3, power_level = 4, postfix = 5, primary = 6 };

Level level_of(Kind kind) {
  switch (kind) {
    case Kind::range:
      return lowest;
    case Kind::add:
    case Kind::subtract:
      return sum;
    case Kind::negate:
      return sign;
    case Kind::multiply:
    case Kind::divide:
    case Kind::times:
    case Kind::over:
      return product;
    case Kind::power:
      return power_level;
    case Kind::transpose:
      return postfix;
    default:
      return primary;
  }
}

const char* symbol_of(Kind kind) {
  switch (kind) {
    case Kind::add:
      return " + ";
    case Kind::subtract:
      return " - ";
    case Kind::multiply:
      return "*";
    case Kind::divide:
      return "/";
    case Kind::times:
      return " .* ";
    case Kind::over:
      return " ./ ";
    default:
      return "^";
  }
}

std::string text_at(const Expression& e, Level least);

std::string list(std::span<const Expression> items, const char* separator) {
  std::string text;
  for (const Expression& item : items) text += (text.empty() ? "" : separator) + text_at(item, lowest);
  return text;
}

std::string text_of(const Expression& e) {
  const auto indices = [&] {
    if (e.indices().empty()) return std::string();
    return "[" + compact(list(e.indices(), ",")) + "]";
  };
  switch (e.kind()) {
    case Kind::absent:
      return "";
    case Kind::number:
      return fmt::format("{}", e.value());
    case Kind::text:
      return "\"" + e.name() + "\"";
    case Kind::name:
      return e.name() + indices();
    case Kind::call:
      return e.name() + indices() + std::string(static_cast<std::size_t>(e.primes()), '\'') + "(" +
             list(e.arguments(), ", ") + ")";
    case Kind::negate:
      // two signs are read as none
      return "-" + text_at(e.argument(), e.argument().is(Kind::negate) ? product : sign);
    case Kind::transpose:
      return text_at(e.argument(), primary) + "'";
    case Kind::add:
    case Kind::subtract:
      return text_at(e.argument(0), sum) + symbol_of(e.kind()) + text_at(e.argument(1), sign);
    case Kind::range:
      return text_at(e.argument(0), sum) + ".." + text_at(e.argument(1), sum);
    case Kind::power:
      return text_at(e.argument(0), postfix) + "^" + text_at(e.argument(1), postfix);
    default:
      return text_at(e.argument(0), product) + symbol_of(e.kind()) + text_at(e.argument(1), power_level);
  }
}

std::string text_at(const Expression& e, Level least) {
  return level_of(e.kind()) < least ? "(" + text_of(e) + ")" : text_of(e);
}

constexpr std::array<std::string_view, 23> greek{
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta",     "theta", "iota", "kappa", "lambda", "mu",
    "nu",    "xi",   "pi",    "rho",   "sigma",   "tau",  "upsilon", "phi",   "chi",  "psi",   "omega"};

std::string latex_word(std::string_view word) {
  if (std::ranges::find(greek, word) != greek.end()) return fmt::format("\\{}", word);
  if (word.size() == 1) return std::string(word);
  std::string escaped;
  for (const char c : word) escaped += c == '_' ? std::string("\\_") : std::string(1, c);
  if (std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; })) return escaped;
  return fmt::format("\\mathrm{{{}}}", escaped);
}

std::string latex_at(const Expression& e, Level least);

std::string latex_list(std::span<const Expression> items) {
  std::string text;
  for (const Expression& item : items) text += (text.empty() ? "" : ", ") + latex_at(item, lowest);
  return text;
}

/// The moments that rules read.
std::string latex_of_rule(const Expression& e) {
  std::string inner;
  std::string below;
  for (const Expression& a : e.arguments()) {
    const bool is_below = e.name() == "low" ? !inner.empty() : a.is(Kind::text);
    if (is_below)
      below += (below.empty() ? "" : ", ") + latex_at(a, lowest);
    else
      inner = latex_at(a, lowest);
  }
  if (e.name() == "avg")
    return fmt::format("\\left\\langle {} \\right\\rangle{}", inner, below.empty() ? "" : "_{" + below + "}");
  if (e.name() == "end") return fmt::format("\\left. {} \\right|_{{{}}}", inner, below);
  return fmt::format("\\mathrm{{low}}_{{{}}}\\left({}\\right)", below, inner);
}

std::string latex_of(const Expression& e) {
  switch (e.kind()) {
    case Kind::absent:
      return "";
    case Kind::number: {
      const std::string digits = fmt::format("{}", e.value());
      const auto exponent = digits.find('e');
      if (exponent == std::string::npos) return digits;
      const std::string power = digits.substr(exponent + 1);
      return fmt::format("{} \\cdot 10^{{{}}}", digits.substr(0, exponent), power[0] == '+' ? power.substr(1) : power);
    }
    case Kind::text:
      return fmt::format("\\text{{{}}}", e.name());
    case Kind::name:
      return latex_name(e.name(), latex_list(e.indices()));
    case Kind::call:
      if (e.name() == "noise") return fmt::format("{} \\, \\xi", latex_at(e.argument(), product));
      if (e.name() == "end" || e.name() == "avg" || e.name() == "low") return latex_of_rule(e);
      return fmt::format("{}{}\\left({}\\right)", latex_name(e.name(), latex_list(e.indices())),
                         std::string(static_cast<std::size_t>(e.primes()), '\''), latex_list(e.arguments()));
    case Kind::negate:
      return "-" + latex_at(e.argument(), sign);
    case Kind::transpose:
      return fmt::format("{{{}}}^{{\\top}}", latex_at(e.argument(), postfix));
    case Kind::add:
    case Kind::subtract:
      return latex_at(e.argument(0), sum) + symbol_of(e.kind()) + latex_at(e.argument(1), sign);
    case Kind::power:
      return fmt::format("{{{}}}^{{{}}}", latex_at(e.argument(0), postfix), latex_at(e.argument(1), sum));
    case Kind::range:
      return fmt::format("{}, \\dots, {}", latex_at(e.argument(0), sum), latex_at(e.argument(1), sum));
    case Kind::divide:
      return fmt::format("\\frac{{{}}}{{{}}}", latex_at(e.argument(0), sum), latex_at(e.argument(1), sum));
    default: {
      const char* between = e.is(Kind::times) ? " \\odot " : e.is(Kind::over) ? " \\oslash " : " \\, ";
      return latex_at(e.argument(0), product) + between + latex_at(e.argument(1), power_level);
    }
  }
}

std::string latex_at(const Expression& e, Level least) {
  return level_of(e.kind()) < least ? fmt::format("\\left({}\\right)", latex_of(e)) : latex_of(e);
}

}  // namespace

std::string to_text(const Expression& e) { return text_of(e); }

std::string compact(const std::string& text) {
  std::string result;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c != ' ' || quoted) result += c;
  }
  return result;
}

std::string to_latex(const Expression& e) { return latex_of(e); }

std::string latex_name(const std::string& name, const std::string& indices) {
  const auto underscore = name.find('_');
  const std::string head = latex_word(std::string_view(name).substr(0, underscore));
  std::string below = underscore == std::string::npos ? "" : latex_word(std::string_view(name).substr(underscore + 1));
  if (!indices.empty()) below += (below.empty() ? "" : ", ") + indices;
  return below.empty() ? head : fmt::format("{}_{{{}}}", head, below);
}

}  // namespace dynvert::equations
