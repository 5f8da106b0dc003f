#include <dynvert/sim/config/build_network.hpp>

namespace dynvert {

Network empty_network(const Config& config) {
  std::vector<std::string> activation = config.network.activation;
  activation.push_back(config.network.output);
  return {config.network.layers, activation, config.network.bias};
}

}  // namespace dynvert
