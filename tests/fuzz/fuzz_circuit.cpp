// Circuit files: a text becomes a circuit or an error with a message of its own. What is read must be printed and read
// as itself; what can be expanded for a network of three layers, too, and its signals evaluated.

#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/program/signal_program.hpp>
#include <dynvert/sim/config/circuit_file.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

using namespace dynvert;
using namespace dynvert::equations;

namespace {

std::optional<CircuitText> parsed(const std::string& text) {
  try {
    return read_circuit_file(text, "fuzz.toml");
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<Description> expanded(const CircuitText& text) {
  ExpandOptions options;
  options.layers = {4, 3, 2};
  options.rates = {"linear", "tanh", "softmax"};
  try {
    return expand(text, options);
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// Each right-hand side's signals and their derivatives, at ones.
void evaluate(const Description& d) {
  constexpr std::size_t max_units = 64;
  const std::vector<double> ones(max_units, 1.0);
  std::vector<double> result(max_units);
  for (const Population& p : d.populations) {
    for (const Term& t : p.terms) {
      try {
        SignalProgram program(t.signal, [&](const Expression& name) { return d.find(name_of(name)) == nullptr; });
        program.set_numbers([](const Expression&) { return 0.5; });
        std::vector<ConstMatrixView> views;
        std::size_t units = 1;
        for (const Expression& name : program.names()) {
          const Name own = name_of(name.is(Kind::call) ? name.argument() : name);
          const std::size_t n = std::min(d.find(own)->units, max_units);
          units = std::max(units, n);
          views.push_back({ones.data(), n, 1, n});
          static_cast<void>(derivative(t.signal, name));
        }
        program.run(views, {result.data(), units, 1, units});
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = parsed(std::string(reinterpret_cast<const char*>(data), size));
  if (!text) return 0;
  const auto again = parsed(to_toml(*text));
  if (!again || *again != *text) std::abort();
  static_cast<void>(to_latex(*text));
  const auto description = expanded(*text);
  if (!description) return 0;
  const auto printed = parsed(to_toml(as_text(*description)));
  if (!printed) std::abort();
  auto same = expanded(*printed);
  if (!same) std::abort();
  same->notes = description->notes;
  if (*same != *description) std::abort();
  static_cast<void>(to_graph(*description));
  static_cast<void>(summary(*description));
  evaluate(*description);
  return 0;
}
