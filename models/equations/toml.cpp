// A circuit as the text of its file.

#include <dynvert/models/equations/circuit_text.hpp>
#include <dynvert/models/toml_value.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace dynvert::equations {

namespace {

std::string parameter_text(const Parameter& p) {
  std::string text = fmt::format("{} = {{ default = {}", p.name, toml_value(p.default_value));
  if (std::isfinite(p.min)) text += fmt::format(", {} = {}", p.min_excluded ? "above" : "min", toml_real(p.min));
  if (std::isfinite(p.max)) text += fmt::format(", {} = {}", p.max_excluded ? "below" : "max", toml_real(p.max));
  if (!p.choices.empty()) text += ", choices = " + toml_value(p.choices);
  if (!p.units.empty()) text += ", units = " + toml_string(p.units);
  if (!p.meaning.empty()) text += ", meaning = " + toml_string(p.meaning);
  return text + " }\n";
}

std::string keys_text(const std::vector<Parameter>& declared, const ParameterValues& values) {
  std::string text;
  for (const Parameter& p : declared)
    if (const ParameterValue* value = values.find(p.name)) text += fmt::format("{} = {}\n", p.name, toml_value(*value));
  return text;
}

const std::vector<Parameter>& parameters_of(const std::vector<KindOfTable>& kinds, const std::string& kind) {
  static const std::vector<Parameter> none;
  for (const KindOfTable& k : kinds)
    if (k.kind == kind) return k.parameters;
  return none;
}

std::string block(const char* key, const std::vector<Statement>& statements) {
  if (statements.empty()) return "";
  const std::string text = to_text(statements);
  const auto is_plain = [](char c) {
    return c == '\n' || c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  };
  // what the quotes of a block cannot hold stands in a string with escapes
  const bool fits = text.find("'''") == std::string::npos && std::ranges::all_of(text, is_plain);
  return fits ? fmt::format("{} = '''\n{}'''\n", key, text) : fmt::format("{} = {}\n", key, toml_string(text));
}

/// A number as a number, anything else as text.
std::string number_or_text(const Expression& e) {
  if (e.is(Kind::number)) return toml_real(e.value());
  if (e.is(Kind::negate) && e.argument().is(Kind::number)) return toml_real(-e.argument().value());
  return toml_string(to_text(e));
}

std::string names_text(const std::vector<Expression>& names) {
  std::vector<std::string> texts;
  for (const Expression& name : names) texts.push_back(to_text(name));
  return toml_value(texts);
}

std::string phase_text(const PhaseText& p) {
  std::string text = "\n[[phase]]\n";
  if (p.each) text += fmt::format("each = {}\n", toml_string(to_text(*p.each)));
  if (p.when) text += fmt::format("when = {}\n", toml_string(to_text(*p.when)));
  text += fmt::format("name = {}\n", toml_string(p.name));
  if (p.begin) text += fmt::format("begin = {}\n", number_or_text(p.begin));
  if (p.duration) text += fmt::format("duration = {}\n", number_or_text(p.duration));
  if (p.until_settled) text += "until_settled = true\n";
  if (!p.clock.empty()) text += fmt::format("clock = {}\n", toml_string(p.clock));
  if (!p.from.empty()) text += fmt::format("from = {}\n", toml_string(p.from));
  if (p.moves) text += fmt::format("moves = {}\n", names_text(*p.moves));
  if (!p.hold.empty()) text += fmt::format("hold = {}\n", names_text(p.hold));
  text += block("set", p.set);
  text += block("equations", p.equations);
  if (!p.parameters.empty()) {
    std::string list;
    for (const auto& [name, value] : p.parameters)
      list += fmt::format("{}{} = {}", list.empty() ? "" : ", ", name, number_or_text(value));
    text += fmt::format("parameters = {{ {} }}\n", list);
  }
  if (p.during != "both") text += fmt::format("during = {}\n", toml_string(p.during));
  if (p.learn) text += fmt::format("learn = {}\n", names_text(*p.learn));
  return text;
}

std::string weights_text(const Keys& w) {
  std::string text = fmt::format("\n[weights.{}]\nkind = {}\n", w.name, toml_string(w.kind));
  if (w.expression) text += fmt::format("{} = {}\n", w.kind, toml_string(to_text(w.expression)));
  if (!w.matrix.empty()) {
    text += "matrix = [";
    for (const auto& row : w.matrix) text += (&row == w.matrix.data() ? "" : ", ") + toml_value(row);
    text += "]\n";
  }
  return text + keys_text(parameters_of(weight_kinds(), w.kind), w.values);
}

std::string initial_text(const std::vector<InitialText>& initial) {
  if (initial.empty()) return "";
  std::string text = "\n[initial]\n";
  for (const InitialText& i : initial) {
    text += fmt::format("{} = ", toml_string(to_text(i.name)));
    if (i.value) {
      text += number_or_text(i.value) + "\n";
      continue;
    }
    text += fmt::format("{{ kind = {}", toml_string(i.kind));
    for (const Parameter& p : parameters_of(weight_kinds(), i.kind))
      if (const ParameterValue* value = i.values.find(p.name))
        text += fmt::format(", {} = {}", p.name, toml_value(*value));
    text += " }\n";
  }
  return text;
}

std::string trial_text(const TrialText& trial) {
  std::string text;
  if (trial.carry_all) text += "carry = \"all\"\n";
  if (!trial.carry.empty()) text += fmt::format("carry = {}\n", names_text(trial.carry));
  if (trial.per != "trial") text += fmt::format("per = {}\n", toml_string(trial.per));
  if (!trial.after.empty()) text += fmt::format("after = {}\n", toml_string(trial.after));
  return text.empty() ? "" : "\n[trial]\n" + text;
}

std::string readout_text(const ReadoutText& readout) {
  std::string text;
  if (readout.y) text += fmt::format("y = {}\n", toml_string(to_text(readout.y)));
  if (readout.loss != "squared") text += fmt::format("loss = {}\n", toml_string(readout.loss));
  if (!readout.phase.empty()) text += fmt::format("phase = {}\n", toml_string(readout.phase));
  if (readout.at != "end") text += fmt::format("at = {}\n", toml_string(readout.at));
  return text.empty() ? "" : "\n[readout]\n" + text;
}

}  // namespace

std::string to_toml(const CircuitText& c) {
  std::string text = "version = 1\n";
  if (!c.title.empty()) text += fmt::format("title = {}\n", toml_string(c.title));
  if (!c.parameters.empty()) text += "\n[parameters]\n";
  for (const Parameter& p : c.parameters) text += parameter_text(p);
  text += "\n[circuit]\n";
  if (!c.algebraic_loop.empty()) text += fmt::format("algebraic_loop = {}\n", toml_string(c.algebraic_loop));
  text += block("equations", c.equations);
  for (const Keys& source : c.sources)
    text += fmt::format("\n[source.{}]\nkind = {}\n{}", source.name, toml_string(source.kind),
                        keys_text(parameters_of(source_kinds(), source.kind), source.values));
  for (const Keys& w : c.weights) text += weights_text(w);
  text += initial_text(c.initial);
  text += trial_text(c.trial);
  for (const PhaseText& p : c.phases) text += phase_text(p);
  const std::string learning = block("at_end", c.at_end) + keys_text(update_parameters(), c.update);
  if (!learning.empty()) text += "\n[learning]\n" + learning;
  for (const auto& [matrix, values] : c.updates)
    text += fmt::format("\n[learning.{}]\n{}", matrix, keys_text(update_parameters(), values));
  text += readout_text(c.readout);
  if (!c.roles.empty()) text += "\n[roles]\n";
  for (const auto& [role, names] : c.roles) text += fmt::format("{} = {}\n", role, names_text(names));
  return text;
}

}  // namespace dynvert::equations
