#pragma once

/// The errors that the loops of [inversion] invert, as functions of time. A kind of error is a function of
/// error_signals.cpp with a line in its list.
///
/// | inversion.signal | error at time t >= onset, e a random vector                                         |
/// |------------------|-------------------------------------------------------------------------------------|
/// | step             | e                                                                                   |
/// | ramp             | e min(1, (t - onset) / rise)                                                        |
/// | noise            | e + noise amplitude xi(t), xi an Ornstein-Uhlenbeck process (input_signal.hpp)      |

#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/sim/config/config.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// The errors of a batch of trials.
struct ErrorBatch {
  const Config& config;
  const DynamicsConfig& dynamics;    ///< of the model
  std::vector<std::size_t> samples;  ///< of each trial, the error that it inverts
  InputSignal step;                  ///< -e from the onset on: what arrives at the controller beside W delta
};

struct ErrorSignal {
  std::string_view name;
  std::string_view summary;                ///< one line for people
  std::vector<std::string> keys = {};      ///< the common keys of [inversion] that it uses
  std::vector<Parameter> parameters = {};  ///< keys of [inversion] that it declares itself
  bool constant = false;                   ///< from its onset on: what a solver that is linear_only takes
  bool fluctuates = false;                 ///< a loop that inverts it never settles
  /// what arrives at the controller, as a sum; of a solver that integrates in time
  std::function<std::vector<InputSignal>(const ErrorBatch&)> make = nullptr;
};

/// In the order in which they are listed to people.
[[nodiscard]] std::span<const ErrorSignal> error_signals();
/// @throws ValueError naming the known signals
[[nodiscard]] const ErrorSignal& error_signal(std::string_view name);

}  // namespace dynvert
