#pragma once

/// Every measure of the program: those of analysis/trial, and for each solver with a limit of stability the largest
/// step with which a loop is stable. Whoever needs a measure by name, or all of them, asks here.

#include <dynvert/analysis/loop_measure.hpp>
#include <dynvert/analysis/trial/measures.hpp>

#include <span>

namespace dynvert {

/// How stable a loop is. Tables, maps, JSON and the report have them in this order.
[[nodiscard]] std::span<const LoopMeasure> stability_measures();

/// What a run can record of each trial: how close to other rules, how stable the loops are, their transients. The
/// columns of a file are in this order.
[[nodiscard]] std::span<const TrialMeasure> measures();

}  // namespace dynvert
