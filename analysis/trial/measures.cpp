#include <dynvert/analysis/trial/measure_list.hpp>

#include <array>

namespace dynvert {

std::span<const TrialMeasure> trial_measures() {
  static const std::array measures{
      // how close to the exact inverse
      angle_feedback_measure(),
      angle_ndi_measure(),
      angle_pbp_measure(),
      angle_bp_measure(),
      distance_ndi_measure(),
      distance_pbp_measure(),
      distance_bp_measure(),
      // how stable
      spectral_abscissa_measure(),
      slowest_time_constant_measure(),
      numerical_abscissa_measure(),
      critical_leak_measure(),
      delay_margin_measure(),
      largest_stable_step_euler_measure(),
      largest_stable_step_rk4_measure(),
      largest_stable_step_sequential_euler_measure(),
      // the transient
      settling_time_measure(),
      overshoot_measure(),
      amplification_measure(),
      decay_rate_measure(),
      residual_measure(),
  };
  return measures;
}

}  // namespace dynvert
