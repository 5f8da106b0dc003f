#include <dynvert/analysis/stability_map.hpp>

namespace dynvert {

std::vector<StabilityMap> stability_maps(std::span<const LoopMeasure> measures, CycleModes modes,
                                         std::size_t controller, double tau, std::span<const double> alpha,
                                         std::span<const double> ratio) {
  std::vector<StabilityMap> maps;
  for (const LoopMeasure& measure : measures) {
    if (in_map(measure)) maps.push_back({&measure, {}});
  }
  for (const double a : alpha) {
    for (const double r : ratio) {
      modes.leak[controller] = a;
      modes.tau[controller] = r * tau;
      const LinearisedLoop loop(modes, controller);
      for (StabilityMap& map : maps) map.values.push_back(map.measure->value(loop));
    }
  }
  return maps;
}

}  // namespace dynvert
