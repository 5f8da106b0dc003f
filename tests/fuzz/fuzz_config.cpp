// Configurations: a text, and after each NUL what a --set was given, become a Config or a ConfigError; what `check`
// then computes takes next to no memory, and the resolved text says the same again.

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/registry.hpp>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

using namespace dynvert;

namespace {

std::optional<Config> parsed(const std::string& text, const std::vector<std::string>& sets) {
  static const ConfigRegistry words = config_registry();
  try {
    return parse_config(text, "fuzz.toml", sets, std::nullopt, std::nullopt, words);
  } catch (const Error&) {  // ConfigError; of samples that are counted IoError
    return std::nullopt;
  }
}

/// `check` sets up one network, which may have 10^8 weights: that is allowed, and too slow here.
bool is_small(const Config& config) {
  constexpr double max_weights = 1e6;
  double weights = 0;
  const auto& layers = config.network.layers;
  for (std::size_t l = 1; l < layers.size(); ++l) weights += static_cast<double>(layers[l] * layers[l - 1]);
  for (const PopulationConfig& to : config.circuit.populations) {
    for (const PopulationConfig& from : config.circuit.populations)
      weights += static_cast<double>(to.units * from.units);
  }
  return weights <= max_weights;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream input(std::string(reinterpret_cast<const char*>(data), size));
  std::string text, set;
  std::vector<std::string> sets;
  std::getline(input, text, '\0');
  while (std::getline(input, set, '\0')) sets.push_back(set);

  const auto config = parsed(text, sets);
  if (!config) return 0;
  const auto again = parsed(config->resolved, {});
  if (!again || again->resolved != config->resolved) std::abort();
  try {
    if (is_small(*config)) static_cast<void>(estimate(*config));
  } catch (const Error&) {
  }
  return 0;
}
