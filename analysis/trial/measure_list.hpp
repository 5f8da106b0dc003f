#pragma once

/// The functions that trial_measures.cpp registers.

#include <dynvert/analysis/trial/measures.hpp>

namespace dynvert {

// trial_distances.cpp
[[nodiscard]] TrialMeasure angle_feedback_measure();
[[nodiscard]] TrialMeasure angle_ndi_measure();
[[nodiscard]] TrialMeasure angle_pbp_measure();
[[nodiscard]] TrialMeasure angle_bp_measure();
[[nodiscard]] TrialMeasure distance_ndi_measure();
[[nodiscard]] TrialMeasure distance_pbp_measure();
[[nodiscard]] TrialMeasure distance_bp_measure();

// trial_stability.cpp
[[nodiscard]] TrialMeasure spectral_abscissa_measure();
[[nodiscard]] TrialMeasure slowest_time_constant_measure();
[[nodiscard]] TrialMeasure numerical_abscissa_measure();
[[nodiscard]] TrialMeasure critical_leak_measure();
[[nodiscard]] TrialMeasure delay_margin_measure();
[[nodiscard]] TrialMeasure largest_stable_step_euler_measure();
[[nodiscard]] TrialMeasure largest_stable_step_rk4_measure();
[[nodiscard]] TrialMeasure largest_stable_step_sequential_euler_measure();

// trial_transients.cpp
[[nodiscard]] TrialMeasure settling_time_measure();
[[nodiscard]] TrialMeasure overshoot_measure();
[[nodiscard]] TrialMeasure amplification_measure();
[[nodiscard]] TrialMeasure decay_rate_measure();
[[nodiscard]] TrialMeasure residual_measure();

}  // namespace dynvert
