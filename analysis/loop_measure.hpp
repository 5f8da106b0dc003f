#pragma once

/// A stability measure of a control loop, as a value: the registries hold these, and trials, maps, `inspect`, the
/// report and the tests go over them. The measure itself is a function of a linearised loop (linearised_loop.hpp).

#include <dynvert/analysis/linearised_loop.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dynvert {

/// What a table with one line a model shows of a measure: a statistic over trials and layers, or loops.
enum class OverTrials { nothing, median, largest };

/// How a loop is run. Times in the unit of the time constants.
struct LoopSetting {
  double alpha = 0;              ///< leak of the controller
  double tau_u = 0;              ///< its time constant
  std::string_view solver = {};  ///< name
  double dt = 0;
  std::optional<double> duration = std::nullopt;  ///< nothing: the solver gives a steady state and no path to it
  double settling_band = 0;                       ///< within which it has settled, relative to its steady state
};

/// What a person should know of a loop: it is not stable, or so near to it that a run suffers.
struct Finding {
  bool unstable = false;  ///< false: near it, or slow
  std::string text;       ///< "critical leak 0.01, alpha 0.015"
};

struct LoopMeasure {
  std::string name;         ///< the dataset is NAME_l
  std::string label;        ///< heading of a table
  std::string units;        ///< "1": none
  std::string description;  ///< one line
  /// it needs the right-hand side of the circuit: the reduced form (cycle.hpp) is not enough
  bool needs_circuit = false;
  bool depends_on_leak = true;  ///< on the controller's leak; false: a map over that would show the same everywhere
  OverTrials summary = OverTrials::nothing;
  std::optional<double> unstable_above = std::nullopt;  ///< a loop whose value is above this is not stable
  /// NaN: not defined for this loop. @throws NumericalError  weights that are not finite
  std::function<double(const LinearisedLoop&)> value = nullptr;
  /// what the value means for a run; nullptr: never anything
  std::function<std::optional<Finding>(double value, const LoopSetting&)> finding = nullptr;
};

}  // namespace dynvert
