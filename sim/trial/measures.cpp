#include <dynvert/analysis/trial/registry.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace dynvert {

namespace {

/// A step above this part of the largest stable one is near it.
constexpr double near_limit = 0.75;

LoopMeasure largest_stable_step(const SolverKind& solver) {
  return {.name = fmt::format("largest_stable_step_{}", solver.name),
          .label = fmt::format("largest step, {}", solver.name),
          .units = "time",
          .description = fmt::format("steps of the solver {} below this are stable; NaN: the loop is not", solver.name),
          .value =
              [&solver](const LinearisedLoop& loop) {
                if (solver.largest_stable_step_of_spectrum)
                  return solver.largest_stable_step_of_spectrum(loop.spectrum());
                return loop.modes() ? solver.largest_stable_step(*loop.modes()) : arma::datum::nan;
              },
          .finding = [&solver](double largest, const LoopSetting& setting) -> std::optional<Finding> {
            if (setting.solver != solver.name || !(setting.dt > near_limit * largest)) return std::nullopt;
            return Finding{setting.dt >= largest,
                           fmt::format("largest stable step of {} {:.3g}, dt {:g}", solver.name, largest, setting.dt)};
          }};
}

std::vector<LoopMeasure> all_of_loops() {
  const auto own = loop_measures();
  std::vector<LoopMeasure> all(own.begin(), own.end());
  const auto first = static_cast<std::ptrdiff_t>(all.size());
  for (const SolverKind& solver : solver_kinds()) {
    // noise does not change what is stable: its solver's step is Euler's
    if (solver.largest_stable_step && !solver.takes_noise) all.push_back(largest_stable_step(solver));
  }
  std::sort(all.begin() + first, all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

std::vector<TrialMeasure> all_of_trials() {
  const auto own = trial_measures();
  std::vector<TrialMeasure> all(own.begin(), own.end());
  std::vector<TrialMeasure> stability;
  for (const LoopMeasure& measure : stability_measures()) stability.push_back(of_trial(measure));
  // before what else is measured of loops
  all.insert(std::ranges::find(all, TrialMeasure::Of::loop, &TrialMeasure::of), stability.begin(), stability.end());
  return all;
}

}  // namespace

std::span<const LoopMeasure> stability_measures() {
  static const std::vector<LoopMeasure> all = all_of_loops();
  return all;
}

std::span<const TrialMeasure> measures() {
  static const std::vector<TrialMeasure> all = all_of_trials();
  return all;
}

}  // namespace dynvert
