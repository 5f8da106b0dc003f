#pragma once

/// The measures of this floor. Each solver adds the largest step with which it is stable: sim/trial/measures.hpp has
/// them all.

#include <dynvert/analysis/loop_measure.hpp>
#include <dynvert/analysis/trial/measures.hpp>

#include <span>

namespace dynvert {

/// Stability of a loop, at the state where credit was read or at rest.
[[nodiscard]] std::span<const LoopMeasure> loop_measures();
/// What else is measured of a trial.
[[nodiscard]] std::span<const TrialMeasure> trial_measures();

/// A stability measure as a measure of each trial's loops.
[[nodiscard]] TrialMeasure of_trial(const LoopMeasure& measure);

}  // namespace dynvert
