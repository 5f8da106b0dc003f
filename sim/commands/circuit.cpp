// dynvert circuit.

#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/equations/description.hpp>
#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/nearest_name.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/config/circuit_file.hpp>
#include <dynvert/sim/config/load.hpp>

#include <fmt/format.h>
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

}  // namespace

int print_circuit(const CircuitArguments& arguments, std::ostream& out) {
  const auto text = read_circuit_file(read_config_text(arguments.path), arguments.path);
  equations::ExpandOptions options;
  options.layers = arguments.layers;
  options.bias = !arguments.no_bias;
  options.rates.assign(arguments.layers.size(), arguments.activation);
  if (!options.rates.empty()) options.rates.front() = "linear";
  if (!options.rates.empty() && !arguments.output_activation.empty())
    options.rates.back() = arguments.output_activation;
  for (const std::string& rate : options.rates) static_cast<void>(rate_function(rate));
  for (const std::string& set : arguments.sets) set_parameter(set, text.parameters, options.parameters);
  // whatever is printed, the circuit is one that can be expanded
  const auto description = equations::expand(text, options);
  if (arguments.latex)
    out << equations::to_latex(text);
  else if (arguments.graph)
    out << equations::to_graph(description);
  else if (arguments.expand)
    out << equations::to_toml(equations::as_text(description));
  else
    out << equations::summary(description);
  return exit_done;
}

}  // namespace dynvert
