// How stable a trial's loops are, at the state where credit was read: what the spectrum says.

#include <dynvert/analysis/critical_leak.hpp>
#include <dynvert/analysis/delay_margin.hpp>
#include <dynvert/analysis/numerical_abscissa.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stable_step.hpp>
#include <dynvert/analysis/trial/measure_list.hpp>

#include <algorithm>
#include <string>

namespace dynvert {

namespace {

/// A measure of the reduced form; NaN for a loop that has none.
TrialMeasure of_modes(std::string_view name, std::string_view units, std::string_view description,
                      std::function<double(const CycleModes&)> value) {
  return {.name = name,
          .units = units,
          .description = description,
          .of = TrialMeasure::Of::loop,
          .of_spectrum = true,
          .value = [value = std::move(value)](const TrialView& trial, std::size_t l) {
            const auto& modes = trial.modes(l);
            return modes ? value(*modes) : arma::datum::nan;
          }};
}

}  // namespace

TrialMeasure spectral_abscissa_measure() {
  return {.name = "spectral_abscissa",
          .units = "1/time",
          .description = "largest real part of the spectrum of the loop",
          .of = TrialMeasure::Of::loop,
          .of_spectrum = true,
          .value = [](const TrialView& trial, std::size_t l) { return trial.abscissa(l); }};
}

TrialMeasure slowest_time_constant_measure() {
  return {.name = "slowest_time_constant",
          .units = "time",
          .description = "-1 / spectral abscissa; NaN: the loop is not stable",
          .of = TrialMeasure::Of::loop,
          .of_spectrum = true,
          .value = [](const TrialView& trial, std::size_t l) { return slowest_time_constant(trial.abscissa(l)); }};
}

TrialMeasure numerical_abscissa_measure() {
  return {.name = "numerical_abscissa",
          .units = "1/time",
          .description = "fastest rate at which the norm of a deviation can grow at once",
          .of = TrialMeasure::Of::loop,
          .of_spectrum = true,
          .value = [](const TrialView& trial, std::size_t l) {
            const auto [r, loop] = trial.loop(l);
            return numerical_abscissa(*r->f, *r->x, 0, loop->members);
          }};
}

TrialMeasure critical_leak_measure() {
  return {.name = "critical_leak",
          .units = "1",
          .description = "smallest leak alpha from which on the loop is stable",
          .of = TrialMeasure::Of::loop,
          .of_spectrum = true,
          .value = [](const TrialView& trial, std::size_t l) {
            const auto& modes = trial.modes(l);
            return modes ? critical_leak(*modes, modes->position(trial.loop(l).loop->controller)) : arma::datum::nan;
          }};
}

TrialMeasure delay_margin_measure() {
  return of_modes(
      "delay_margin", "time",
      "longest conduction delay around the loop that leaves it stable; infinite: any, NaN: it is not stable "
      "without delay",
      delay_margin);
}

TrialMeasure largest_stable_step_euler_measure() {
  return of_modes("largest_stable_step_euler", "time",
                  "steps of Euler's method below this are stable; NaN: the loop is not",
                  [](const CycleModes& modes) { return largest_stable_step_euler(spectrum(modes)); });
}

TrialMeasure largest_stable_step_rk4_measure() {
  return of_modes("largest_stable_step_rk4", "time",
                  "steps of Runge-Kutta 4 below this are stable; NaN: the loop is not",
                  [](const CycleModes& modes) { return largest_stable_step_rk4(spectrum(modes)); });
}

TrialMeasure largest_stable_step_sequential_euler_measure() {
  return of_modes("largest_stable_step_sequential_euler", "time",
                  "steps of sequential Euler below this are stable; NaN: the loop is not",
                  largest_stable_step_sequential_euler);
}

}  // namespace dynvert
