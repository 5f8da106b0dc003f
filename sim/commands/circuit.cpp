// dynvert circuit.

#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/equations/description.hpp>
#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/nearest_name.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/config/circuit_file.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/config/model_circuit.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace dynvert {

namespace {

/// "NAME=VALUE" for a parameter that the file declares.
void set_parameter(const std::string& set, const std::vector<Parameter>& declared, ParameterValues& values) {
  const auto equals = set.find('=');
  const std::string name = set.substr(0, equals);
  const auto found = std::ranges::find(declared, name, &Parameter::name);
  if (found == declared.end() || equals == std::string::npos) {
    std::vector<std::string> known;
    for (const Parameter& p : declared) known.push_back(p.name);
    const std::string nearest = nearest_name(name, known);
    throw ValueError(
        "--set " + set,
        nearest.empty() || nearest == name ? "sets no parameter of the file"
                                           : "sets no parameter of the file; did you mean " + nearest + "?",
        known.empty() ? "the file declares none" : fmt::format("NAME=VALUE of {}", fmt::join(known, ", ")));
  }
  const std::string text = set.substr(equals + 1);
  if (std::holds_alternative<std::string>(found->default_value)) {
    const bool fits = found->choices.empty() || std::ranges::find(found->choices, text) != found->choices.end();
    if (!fits) throw ValueError("--set " + set, "no such choice", fmt::format("{}", fmt::join(found->choices, ", ")));
    values.set(name, text);
    return;
  }
  if (std::holds_alternative<bool>(found->default_value)) {
    if (text != "true" && text != "false") throw ValueError("--set " + set, "no truth value", "true, false");
    values.set(name, text == "true");
    return;
  }
  double x = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  const bool inside = (found->min_excluded ? x > found->min : x >= found->min) &&
                      (found->max_excluded ? x < found->max : x <= found->max);
  if (!is_number || !inside)
    throw ValueError("--set " + set, is_number ? "out of its range" : "no number",
                     fmt::format("a number {} {} and {} {}", found->min_excluded ? "above" : "from", found->min,
                                 found->max_excluded ? "below" : "up to", found->max));
  values.set(name, x);
}

/// What is printed, and of which network.
struct PrintedCircuit {
  std::string file;  ///< the text
  equations::CircuitText text;
  equations::ExpandOptions options;
};

PrintedCircuit from_circuit_file(const CircuitArguments& arguments, const std::string& file) {
  if (!arguments.model.empty())
    throw ValueError("--model " + arguments.model, "does not apply: " + arguments.path + " is a circuit file",
                     "a configuration, with [[model]]");
  PrintedCircuit circuit{.file = file, .text = read_circuit_file(file, arguments.path), .options = {}};
  equations::ExpandOptions& options = circuit.options;
  options.layers = arguments.layers.empty() ? std::vector<std::size_t>{30, 20, 10} : arguments.layers;
  options.bias = !arguments.no_bias;
  const std::string activation = arguments.activation.empty() ? "tanh" : arguments.activation;
  options.rates.assign(options.layers.size(), activation);
  options.rates.front() = "linear";
  if (!arguments.output_activation.empty()) options.rates.back() = arguments.output_activation;
  for (const std::string& rate : options.rates) static_cast<void>(rate_function(rate));
  for (const std::string& set : arguments.sets) set_parameter(set, circuit.text.parameters, options.parameters);
  return circuit;
}

/// Which models of a configuration are printed.
std::vector<const ModelConfig*> models_of(const CircuitArguments& arguments, const Config& config) {
  std::vector<std::string> names;
  std::vector<const ModelConfig*> chosen;
  for (const ModelConfig& model : config.models) {
    names.push_back(model.name);
    if (arguments.model.empty() || model.name == arguments.model) chosen.push_back(&model);
  }
  if (names.empty())
    throw ValueError(arguments.path, "has no models: [[population]] describes its circuit itself",
                     "a configuration with [[model]], or a circuit file");
  if (chosen.empty()) {
    const std::string nearest = nearest_name(arguments.model, names);
    throw ValueError("--model " + arguments.model,
                     nearest.empty() ? "is no model of the configuration"
                                     : fmt::format("is no model of the configuration; did you mean {}?", nearest),
                     fmt::format("{}", fmt::join(names, ", ")));
  }
  if (chosen.size() > 1 && !arguments.summary)
    throw ValueError(arguments.path, fmt::format("has {} models", names.size()),
                     fmt::format("--model with one of {}; --summary shows all", fmt::join(names, ", ")));
  return chosen;
}

void check_network_options(const CircuitArguments& arguments) {
  const bool given = !arguments.layers.empty() || !arguments.activation.empty() ||
                     !arguments.output_activation.empty() || arguments.no_bias;
  if (given)
    throw ValueError("--layers, --activation, --output-activation, --no-bias",
                     "do not apply: the network is that of the configuration", "--set network.layers=..");
}

void print(const PrintedCircuit& circuit, const CircuitArguments& arguments, bool as_file, std::ostream& out) {
  // whatever is printed, the circuit is one that can be expanded
  const auto description = equations::expand(circuit.text, circuit.options);
  if (arguments.latex)
    out << equations::to_latex(circuit.text);
  else if (arguments.graph)
    out << equations::to_graph(description);
  else if (arguments.expand)
    out << equations::to_toml(equations::as_text(description));
  else if (as_file)
    out << circuit.file;
  else
    out << equations::summary(description);
}

/// Whether it is a configuration, of which circuits are a part, and no circuit file.
bool is_config(const std::string& text, const std::string& path) {
  const std::vector<std::string> tables = top_tables(text, path);
  const auto has = [&](std::string_view name) { return std::ranges::find(tables, name) != tables.end(); };
  return !has("circuit") && (has("experiment") || has("model") || has("network") || has("population"));
}

}  // namespace

int print_circuit(const CircuitArguments& arguments, std::ostream& out) {
  const std::string file = read_config_text(arguments.path);
  if (!is_config(file, arguments.path)) {
    print(from_circuit_file(arguments, file), arguments, false, out);
    return exit_done;
  }
  check_network_options(arguments);
  const Config config = load_config(arguments.path, arguments.sets, std::nullopt, std::nullopt, config_registry());
  const auto models = models_of(arguments, config);
  for (const ModelConfig* model : models) {
    PrintedCircuit circuit{.file = circuit_text_of(*model), .text = {}, .options = expand_options(config.network)};
    circuit.text = read_circuit_file(circuit.file, model->name);
    if (models.size() > 1) fmt::print(out, "{}model {}\n", model == models.front() ? "" : "\n", model->name);
    print(circuit, arguments, !arguments.summary, out);
  }
  return exit_done;
}

}  // namespace dynvert
