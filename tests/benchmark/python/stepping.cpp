// The calls that overhead.py times in Python, from C++: one step of a circuit.
//
//     stepping CONFIG.toml REPETITIONS CALLS      prints the seconds of one call, the median over the repetitions

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/experiment/circuit_simulation.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/registry.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  using namespace dynvert;
  if (argc != 4) return 2;
  const Config config = load_config(argv[1], {}, std::nullopt, std::nullopt, config_registry());
  const std::size_t repetitions = std::stoul(argv[2]), calls = std::stoul(argv[3]);
  prepare_blas(1);
  CircuitSimulation simulation(config, 1);
  std::vector<double> seconds;
  for (std::size_t k = 0; k < repetitions; ++k) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < calls; ++i) simulation.advance(config.circuit.dynamics.dt);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    seconds.push_back(taken.count() / static_cast<double>(calls));
  }
  std::ranges::sort(seconds);
  fmt::print("{:.9f}\n", seconds[repetitions / 2]);
}
