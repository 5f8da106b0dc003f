#include <dynvert/sim/config/learning_blocks.hpp>

#include <fmt/format.h>

namespace dynvert {

std::string against_blocks(const Config& config, bool moves) {
  constexpr std::size_t fewest_weights = 50'000;  // 0.4 MB
  // stronger decay would let a block's first changes grow beyond the range of the others
  constexpr double max_decay = 0.01;
  const std::size_t weights = config.network.layers[0] * config.network.layers[1];
  if (config.fast != "auto") return fmt::format("with experiment.fast = \"{}\"", config.fast);
  if (config.learning.batch != 1) return fmt::format("with learning.batch = {}", config.learning.batch);
  if (config.learning.decay > max_decay) return fmt::format("with learning.decay above {}", max_decay);
  if (weights < fewest_weights)
    return fmt::format("for {} weights of the first layer, fewer than {}", weights, fewest_weights);
  return moves ? "with a dynamic forward pass" : "";
}

}  // namespace dynvert
