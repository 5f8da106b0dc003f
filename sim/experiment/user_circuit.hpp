#pragma once

/// A user-defined circuit ([[population]], [[projection]], [[input]]) set up from its configuration: what an experiment
/// runs (circuit_experiment.cpp), a program steps (circuit_simulation.hpp), and `inspect` and the report look at again.

#include <dynvert/models/circuit/circuit.hpp>
#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace dynvert {

/// The weights of a projection, units of the target x units of the source.
using WeightsOf = std::function<Weights(const ProjectionConfig&, std::size_t rows, std::size_t columns)>;

/// What all batches of trials share.
struct UserCircuit {
  CircuitConfig config;
  std::uint64_t seed = 0;
  Circuit circuit;

  [[nodiscard]] bool has_time() const;
  /// the inputs of a population in these trials
  [[nodiscard]] InputSignals signals(PopulationIndex p, std::size_t first, std::size_t count) const;
  /// Every switch of an input ends a phase.
  [[nodiscard]] std::vector<Phase> phases() const;
  void set_initial_state(const RightHandSide& f, std::size_t first, State& x) const;
  /// Gives the only column of f the inputs that it has in a phase of a trial.
  void set_inputs(RightHandSide& f, std::size_t trial, const Phase& phase) const;
  [[nodiscard]] TransientBatch batch(std::size_t first, std::size_t count) const;
};

/// With the weights that the configuration describes. @throws IoError, ValueError  a file of weights
[[nodiscard]] UserCircuit user_circuit(const Config& config);
/// With others, such as those of a file.
[[nodiscard]] UserCircuit user_circuit(const Config& config, const WeightsOf& weights);

/// Whether each population of the column is within the band around the steady state, relative to the largest of them.
[[nodiscard]] bool is_near(const Layout& layout, const State& x, const State& steady, double band);

}  // namespace dynvert
