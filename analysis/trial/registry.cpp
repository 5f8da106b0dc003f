#include <dynvert/analysis/trial/registry.hpp>

#include <array>

// A new measure is one line here: NAME stands for NAME_measure(), which its file defines.
// clang-format off
// how stable a loop is
#define DYNVERT_LOOP_MEASURES(measure) \
  measure(spectral_abscissa)           \
  measure(slowest_time_constant)       \
  measure(numerical_abscissa)          \
  measure(critical_leak)               \
  measure(delay_margin)

// how close to the exact inverse, what learns against the gradient, then the transient
#define DYNVERT_TRIAL_MEASURES(measure) \
  measure(angle_feedback)               \
  measure(angle_ndi)                    \
  measure(angle_pbp)                    \
  measure(angle_bp)                     \
  measure(distance_ndi)                 \
  measure(distance_pbp)                 \
  measure(distance_bp)                  \
  measure(angle_gradient)               \
  measure(ratio_gradient)               \
  measure(angle_gauss_newton)           \
  measure(settling_time)                \
  measure(overshoot)                    \
  measure(amplification)                \
  measure(decay_rate)                   \
  measure(residual)
// clang-format on

namespace dynvert {

#define DYNVERT_DECLARE(name) LoopMeasure name##_measure();
DYNVERT_LOOP_MEASURES(DYNVERT_DECLARE)
#undef DYNVERT_DECLARE
#define DYNVERT_DECLARE(name) TrialMeasure name##_measure();
DYNVERT_TRIAL_MEASURES(DYNVERT_DECLARE)
#undef DYNVERT_DECLARE

#define DYNVERT_ENTRY(name) name##_measure(),

std::span<const LoopMeasure> loop_measures() {
  static const std::array measures{DYNVERT_LOOP_MEASURES(DYNVERT_ENTRY)};
  return measures;
}

std::span<const TrialMeasure> trial_measures() {
  static const std::array measures{DYNVERT_TRIAL_MEASURES(DYNVERT_ENTRY)};
  return measures;
}

#undef DYNVERT_ENTRY

TrialMeasure of_trial(const LoopMeasure& measure) {
  return {
      .name = measure.name,
      .label = measure.label,
      .units = measure.units,
      .description = measure.description,
      .of = TrialMeasure::Of::loop,
      .of_spectrum = true,
      .summary = measure.summary,
      .unstable_above = measure.unstable_above,
      .value = [value = measure.value](const TrialView& trial, std::size_t l) { return value(trial.linearised(l)); }};
}

}  // namespace dynvert
