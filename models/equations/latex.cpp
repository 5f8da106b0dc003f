// A circuit's equations for a paper.

#include <dynvert/models/equations/circuit_text.hpp>

#include <fmt/format.h>

namespace dynvert::equations {

namespace {

std::string latex_of(const Range& range) {
  const std::string step = range.step ? to_text(range.step) : "1";
  // l = L, .., 2 says it; other steps need to be named
  const std::string said = step == "1" || step == "-1" ? "" : fmt::format(" \\text{{ step }} {}", to_latex(range.step));
  return fmt::format("{} = {}, \\dots, {}{}", latex_name(range.variable), to_latex(range.first), to_latex(range.last),
                     said);
}

std::string latex_of(const Condition& c, bool holds) {
  const auto side = [](const Expression& e) {
    return e.is(Kind::name) && e.indices().empty() ? latex_name(e.name()) : to_latex(e);
  };
  return fmt::format("{} {} {}", side(c.left), c.equal == holds ? "=" : "\\neq", side(c.right));
}

std::string left_of(const Statement& s) {
  const std::string left = to_latex(s.left);
  if (s.type == Statement::Type::rule) return "\\Delta " + left;
  if (s.type != Statement::Type::moving) return left;
  const std::string tau = s.tau ? to_latex(s.tau) + " \\, " : "";
  return fmt::format("{}\\frac{{\\mathrm{{d}} {}}}{{\\mathrm{{d}} t}}", tau, left);
}

/// @param within  the loops and choices around the statements
void write(const std::vector<Statement>& statements, const std::string& within, std::string& out) {
  const auto longer = [&](const std::string& more) { return within.empty() ? more : within + ",\\ " + more; };
  for (const Statement& s : statements) {
    switch (s.type) {
      case Statement::Type::loop:
        write(s.body, longer(latex_of(s.range)), out);
        break;
      case Statement::Type::choice:
        write(s.body, longer(latex_of(s.condition, true)), out);
        write(s.otherwise, longer(latex_of(s.condition, false)), out);
        break;
      case Statement::Type::size:
        break;
      default:
        if (!out.empty()) out += " \\\\\n";
        out += fmt::format("  {} &= {}", left_of(s), to_latex(s.right));
        if (!within.empty()) out += " && " + within;
    }
  }
}

std::string environment(const std::vector<Statement>& statements) {
  std::string lines;
  write(statements, "", lines);
  return lines.empty() ? "" : "\\begin{align*}\n" + lines + "\n\\end{align*}\n";
}

}  // namespace

std::string to_latex(const CircuitText& circuit) {
  return environment(circuit.equations) + environment(circuit.at_end);
}

}  // namespace dynvert::equations
