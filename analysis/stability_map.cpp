#include <dynvert/analysis/delay_margin.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stability_map.hpp>
#include <dynvert/analysis/stable_step.hpp>

namespace dynvert {

namespace {

double abscissa_of(const CycleModes& modes) { return arma::real(spectrum(modes)).max(); }

}  // namespace

const std::array<MapQuantity, map_quantities_size>& map_quantities() {
  static const std::array<MapQuantity, map_quantities_size> quantities{{
      {"spectral_abscissa", "1/time", "largest real part of the spectrum of the loop; below 0 is stable", abscissa_of},
      {"slowest_time_constant", "time", "-1 / spectral abscissa; NaN: the loop is not stable",
       [](const CycleModes& modes) { return slowest_time_constant(abscissa_of(modes)); }},
      {"delay_margin", "time",
       "longest conduction delay around the loop that leaves it stable; infinite: any, NaN: it is not stable without "
       "delay",
       delay_margin},
      {"largest_stable_step_euler", "time", "steps of Euler's method below this are stable; NaN: the loop is not",
       [](const CycleModes& modes) { return largest_stable_step_euler(spectrum(modes)); }},
      {"largest_stable_step_rk4", "time", "steps of Runge-Kutta 4 below this are stable; NaN: the loop is not",
       [](const CycleModes& modes) { return largest_stable_step_rk4(spectrum(modes)); }},
      {"largest_stable_step_sequential_euler", "time",
       "steps of sequential Euler below this are stable; NaN: the loop is not", largest_stable_step_sequential_euler},
  }};
  return quantities;
}

std::array<std::vector<double>, map_quantities_size> stability_map(CycleModes modes, std::size_t controller, double tau,
                                                                   const std::vector<double>& alpha,
                                                                   const std::vector<double>& ratio) {
  std::array<std::vector<double>, map_quantities_size> values;
  for (const double a : alpha) {
    for (const double r : ratio) {
      modes.leak[controller] = a;
      modes.tau[controller] = r * tau;
      for (std::size_t q = 0; q < map_quantities_size; ++q) values[q].push_back(map_quantities()[q].value(modes));
    }
  }
  return values;
}

}  // namespace dynvert
