// The whole configuration as TOML.

#include <dynvert/sim/config/keys.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

/// The keys of a table that apply.
std::string section(std::string_view header, const std::vector<Key>& keys) {
  std::string lines;
  for (const Key& key : keys) {
    if (!key.applies() || !key.written || std::holds_alternative<std::monostate>(key.slot)) continue;
    lines += fmt::format("{} = {}\n", key.name, toml_text(key.slot));
  }
  return lines.empty() ? "" : fmt::format("{}{}{}", header, header.empty() ? "" : "\n", lines);
}

}  // namespace

std::string resolved_toml(const Config& config, const ConfigRegistry& registry) {
  Config c = config;  // slots point to values that may be changed
  const KeyContext context{registry, c.kind};
  std::string out = section("[experiment]", keys_of(c, context));
  const bool learns = c.kind == ExperimentKind::learning;
  if (learns) out += section("\n[task]", keys_of(c.task, context));
  if (c.kind != ExperimentKind::circuit) {
    out += section("\n[network]", keys_of(c.network, context));
    out += section("\n[network.init]", keys_of(c.network.init, context));
  }
  if (learns) out += section("\n[learning]", keys_of(c.learning, context));
  if (c.kind == ExperimentKind::inversion) out += section("\n[inversion]", keys_of(c.inversion, context));
  out += section("\n[record]", keys_of(c.record, context));
  if (c.kind == ExperimentKind::circuit) {
    out += section("\n[dynamics]", keys_of(c.circuit.dynamics, context));
    for (auto& population : c.circuit.populations) out += section("\n[[population]]", keys_of(population, context));
    for (auto& projection : c.circuit.projections) out += section("\n[[projection]]", keys_of(projection, context));
    for (auto& input : c.circuit.inputs) out += section("\n[[input]]", keys_of(input, context));
    return out;
  }
  for (auto& model : c.models) {
    const KeyContext own = context.of(model);
    out += section("\n[[model]]", keys_of(model, own));
    out += section("", keys_of(model.dynamics, own));
    out += section("\n[model.feedback]", keys_of(model.feedback, own));
  }
  return out;
}

}  // namespace dynvert
