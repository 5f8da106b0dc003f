#pragma once

/// A user-defined circuit: what [[population]], [[projection]] and [[input]] describe, ready to be run trial by trial
/// (circuit_experiment.cpp) or step by step (circuit_simulation.hpp).

#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/sim/config/config.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynvert {

struct UserCircuit {
  CircuitConfig config;
  std::uint64_t seed = 0;
  Circuit circuit;

  [[nodiscard]] bool has_time() const;
  /// The inputs of a population in these trials. Noise is drawn for the duration of a trial.
  [[nodiscard]] InputSignals signals(PopulationIndex p, std::size_t first, std::size_t count) const;
  /// @param first  number of the trial that is column 0, @param x  of the layout of f
  void set_initial_state(const RightHandSide& f, std::size_t first, State& x) const;
};

/// Draws or reads the weights. @throws ValueError, IoError  what is asked for cannot be had
[[nodiscard]] UserCircuit user_circuit(const Config& config);

}  // namespace dynvert
