// A description for people: as a text, and as a graph.

#include <dynvert/models/equations/description.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert::equations {

namespace {

const char* word_of(Population::Type type) {
  switch (type) {
    case Population::Type::moving:
      return "moves";
    case Population::Type::algebraic:
      return "algebraic";
    case Population::Type::input:
      return "the task's input";
    case Population::Type::target:
      return "the task's target";
    case Population::Type::source:
      return "a source";
    default:
      return "set by phases";
  }
}

std::string joined(const std::vector<Name>& names) {
  std::vector<std::string> texts;
  for (const Name& name : names) texts.push_back(name.in_equations());
  return texts.empty() ? "nothing" : fmt::format("{}", fmt::join(texts, ", "));
}

std::string shown_value(const ParameterValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using Value = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<Value, std::vector<double>> || std::is_same_v<Value, std::vector<std::string>>)
          return fmt::format("{}", fmt::join(v, ", "));
        else
          return fmt::format("{}", v);
      },
      value);
}

std::string equation_of(const Given& g) {
  return fmt::format("{} = {}", g.population.in_equations(), to_text(expression_of(g)));
}

std::string kind_of(const Description& d, const Name& matrix) {
  const auto own = std::ranges::find(d.weights, matrix.base, &Keys::name);
  if (own != d.weights.end()) return own->kind;
  return matrix.base == "B" ? "feedback" : "network";
}

void write_phase(const Phase& phase, std::string& text) {
  text += fmt::format("\nphase \"{}\"{}, duration {}{}{}\n", phase.name,
                      phase.begin ? ", begins at " + to_text(phase.begin) : "", to_text(phase.duration),
                      phase.until_settled ? ", ends when it has settled" : "",
                      phase.clock.empty() ? "" : ", on its own time axis \"" + phase.clock + "\"");
  if (!phase.from.empty()) text += fmt::format("  starts from {}\n", phase.from);
  if (phase.during != "both") text += fmt::format("  in {} alone\n", phase.during);
  for (const auto& [name, value] : phase.parameters) text += fmt::format("  {} = {}\n", name, to_text(value));
  for (const Given& g : phase.set) text += fmt::format("  set once: {}\n", equation_of(g));
  for (const Given& g : phase.equations) text += fmt::format("  throughout: {}\n", equation_of(g));
  text += fmt::format("  moves: {}\n", joined(phase.moves));
  if (!phase.hold.empty()) text += fmt::format("  holds: {}\n", joined(phase.hold));
  text += fmt::format("  evaluates: {}\n", joined(phase.evaluation_order));
  if (!phase.learn.empty()) text += fmt::format("  learns: {}\n", joined(phase.learn));
}

}  // namespace

std::string summary(const Description& d) {
  std::string text = d.title.empty() ? "" : d.title + "\n";
  if (!d.parameters.empty()) text += "\nparameters\n";
  for (const Parameter& p : d.parameters)
    text += fmt::format("  {:<16} {:<12} {}\n", p.name, shown_value(p.default_value), p.meaning);
  text += "\npopulations\n";
  for (const Population& p : d.populations) {
    text += fmt::format("  {:<16} {:>6} units  {}", p.name.in_equations(), p.units, word_of(p.type));
    if (p.type == Population::Type::moving)
      text += fmt::format(", tau = {}, leak = {}", to_text(p.tau), to_text(p.leak));
    if (p.noise) text += fmt::format(", noise = {}", to_text(p.noise));
    text += "\n";
  }
  if (!d.matrices.empty()) text += "\nmatrices\n";
  for (const Matrix& m : d.matrices)
    text += fmt::format("  {:<16} {:>6} x {:<6} {}\n", m.name.in_equations(), m.rows, m.columns, kind_of(d, m.name));
  if (!d.algebraic_loop.empty()) text += fmt::format("\nalgebraic loops: {}\n", d.algebraic_loop);
  for (const Phase& phase : d.phases) write_phase(phase, text);
  if (!d.rules.empty()) text += "\nrules\n";
  for (const Rule& rule : d.rules) {
    const std::string right = to_text(expression_of(rule));
    const std::string name = rule.matrix.in_equations();
    text += rule.continuous ? fmt::format("  {} d{}/dt = {}\n", to_text(rule.tau), name, right)
                            : fmt::format("  at the end: {} += {}\n", name, right);
  }
  text += fmt::format("\nreadout: {}\n", d.readout.y ? to_text(d.readout.y) : "the network's forward pass");
  for (const std::string& note : d.notes) text += fmt::format("note: {}\n", note);
  return text;
}

std::string to_graph(const Description& d) {
  std::string text = "digraph circuit {\n  rankdir = BT;\n  node [fontname = \"Helvetica\"];\n";
  for (const Population& p : d.populations) {
    const char* shape = p.type == Population::Type::moving      ? "ellipse"
                        : p.type == Population::Type::algebraic ? "box"
                                                                : "plaintext";
    text += fmt::format("  \"{0}\" [label = \"{0}\\n{1}\", shape = {2}];\n", p.name.in_equations(), p.units, shape);
  }
  const auto edges = [&](const Expression& e, const Name& to, const std::string& label, const char* style) {
    std::vector<Name> seen;
    visit(e, [&](const Expression& node) {
      if (!node.is(Kind::name)) return true;
      const Name from = name_of(node);
      if (d.find(from) == nullptr || std::ranges::find(seen, from) != seen.end()) return false;
      seen.push_back(from);
      text += fmt::format("  \"{}\" -> \"{}\" [label = \"{}\", style = {}];\n", from.in_equations(), to.in_equations(),
                          label, style);
      return false;
    });
  };
  const auto terms = [&](const std::vector<Term>& list, const Name& to, const std::string& phase) {
    for (const Term& t : list) {
      const std::string matrix = t.matrix ? t.matrix->name.in_equations() + (t.matrix->transposed ? "'" : "") : "";
      const std::string label = phase.empty() ? matrix : matrix + " (" + phase + ")";
      edges(t.signal, to, label, phase.empty() ? "solid" : "dotted");
      edges(t.factor, to, label, "dashed");
    }
  };
  for (const Population& p : d.populations) terms(p.terms, p.name, "");
  for (const Phase& phase : d.phases) {
    std::string name;
    for (const char c : phase.name) name += c == '"' || c == '\\' ? '_' : c;
    for (const Given& g : phase.set) terms(g.terms, g.population, name);
    for (const Given& g : phase.equations) terms(g.terms, g.population, name);
  }
  return text + "}\n";
}

}  // namespace dynvert::equations
