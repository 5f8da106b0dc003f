#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/circuit_file.hpp>
#include <dynvert/sim/config/key.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/config/model_circuit.hpp>
#include <dynvert/sim/config/toml_tree.hpp>
#include <dynvert/sim/platform/circuit_folders.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>

namespace dynvert {

namespace {

/// Where a place of the tree is in the text; nothing: beyond its end. Columns count characters, which may be several
/// bytes each.
std::optional<std::size_t> offset_of(const std::string& text, const toml::source_position& place) {
  std::size_t at = 0;
  for (std::size_t line = 1; line < place.line; ++line) {
    at = text.find('\n', at);
    if (at == std::string::npos) return std::nullopt;
    ++at;
  }
  const auto continues = [&](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U; };
  for (std::size_t column = 1; column < place.column; ++column) {
    if (at >= text.size()) return std::nullopt;
    do ++at;
    while (at < text.size() && continues(at));
  }
  return at;
}

bool has_defaults(const std::string& text, const std::string& file, const ParameterValues& values) {
  const auto circuit = read_circuit_file(text, file);
  return std::ranges::all_of(circuit.parameters, [&](const Parameter& p) {
    const ParameterValue* value = values.find(p.name);
    return value == nullptr || p.default_value == *value;
  });
}

/// What a named model's keys say of the parameters that its file declares.
ParameterValues values_of(const ModelConfig& model, const std::vector<Parameter>& declared) {
  const DynamicsConfig& d = model.dynamics;
  const std::string plasticity = d.plasticity == "end_of_trial" ? "at_end" : d.plasticity;
  const std::map<std::string, ParameterValue> common{
      {"alpha", model.alpha}, {"tau_delta", d.tau_delta}, {"tau_u", d.tau_u},
      {"tau_h", d.tau_h},     {"tau_w", d.tau_w},         {"forward_duration", d.forward_duration},
      {"forward", d.forward}, {"transfer", d.transfer},   {"plasticity", plasticity}};
  ParameterValues values;
  for (const Parameter& p : declared) {
    if (const ParameterValue* own = model.parameters.find(p.name))
      values.set(p.name, *own);
    else if (const auto found = common.find(p.name); found != common.end())
      values.set(p.name, found->second);
  }
  return values;
}

std::string phase_text(const std::string& name, double begin, double duration, bool stimulus, bool target) {
  std::string text = fmt::format("\n[[phase]]\nname = \"{}\"\nbegin = {}\nduration = {}\n", name, toml_text(&begin),
                                 toml_text(&duration));
  if (stimulus && target) return text;
  return text + fmt::format("equations = '''\n{}{}'''\n", stimulus ? "" : "h[0] = 0\n", target ? "" : "s[L] = 0\n");
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// The phases of a concurrent model. Its rules read the end of the last one with the target.
std::string with_phases(std::string text, const std::vector<PhaseConfig>& phases) {
  std::string last_with_target;
  double end = 0;
  text += "\n# Stimulus and target.";
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const PhaseConfig& p = phases[i];
    const std::string name = fmt::format("phase {}", i + 1);
    if (p.start > end) text += phase_text(fmt::format("before {}", name), end, p.start - end, false, false);
    text += phase_text(name, p.start, p.duration, p.stimulus, p.target);
    end = p.start + p.duration;
    if (p.target) last_with_target = name;
  }
  if (phases.back().target) return text;
  const std::size_t at_end = text.find("[learning]");
  std::string rules = text.substr(at_end);
  replace_all(rules, "eta*s[l]*h[l-1]'", fmt::format("eta*end(\"{}\", s[l]*h[l-1]')", last_with_target));
  replace_all(rules, "eta*s[l] ", fmt::format("eta*end(\"{}\", s[l]) ", last_with_target));
  return text.substr(0, at_end) + rules;
}

}  // namespace

std::string with_defaults(const std::string& text, const std::string& file, const ParameterValues& values) {
  auto circuit = read_circuit_file(text, file);
  const toml::table tree = parse_tree(text, file);
  std::map<std::size_t, std::pair<std::size_t, std::string>, std::greater<>> changes;  // from the last to the first
  for (Parameter& p : circuit.parameters) {
    const ParameterValue* value = values.find(p.name);
    if (value == nullptr || *value == p.default_value) continue;
    p.default_value = *value;
    const auto given = tree["parameters"][p.name];
    const toml::node* node = given.is_table() ? given["default"].node() : given.node();
    const auto begin = offset_of(text, node->source().begin);
    const auto end = offset_of(text, node->source().end);
    ParameterValues none;
    if (begin && end) changes[*begin] = {*end, toml_text(ParameterSlot{&none, &p})};
  }
  std::string result = text;
  for (const auto& [begin, change] : changes) result.replace(begin, change.first - begin, change.second);
  // a value whose place cannot be told, as one with escapes, is written anew with all else
  try {
    if (has_defaults(result, file, values)) return result;
  } catch (const Error&) {
  }
  return equations::to_toml(circuit);
}

std::string circuit_text_of(const ModelConfig& model) {
  if (model.description) return with_defaults(model.circuit_text, model.circuit, model.parameters);
  const std::string name = model.credit + ".toml";
  for (const auto& folder : circuit_folders()) {
    std::error_code code;
    const auto path = folder / name;
    if (!std::filesystem::exists(path, code)) continue;
    const std::string text = read_config_text(path.string());
    const auto declared = read_circuit_file(text, path.string()).parameters;
    std::string own = with_defaults(text, path.string(), values_of(model, declared));
    return model.dynamics.phases.empty() ? own : with_phases(std::move(own), model.dynamics.phases);
  }
  throw ValueError(fmt::format("model {}", model.name),
                   fmt::format("no circuit file says what credit = \"{}\" does", model.credit),
                   "models whose credit has a file among the circuits of dynvert, or models with circuit = ..");
}

}  // namespace dynvert
