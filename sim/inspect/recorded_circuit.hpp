#pragma once

/// A user-defined circuit of a file, set up again with the weights that the file holds, and the fixed points that its
/// trials ended next to:
///
///     0 = -leak_i x*_i + sum over projections j->i of C_ij f_ij(x*_j) + input_i,
///
/// with the inputs that were on at the end of the trial. Newton's method begins at the recorded end of the trial
/// (steady_state.hpp), so that of several fixed points it is the one that the trial came to. Its spectrum is that of
/// the Jacobian there.

#include <dynvert/analysis/loop_measure.hpp>
#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/experiment/user_circuit.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <complex>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// States of a population, or its rates.
struct UnitValues {
  std::string population;
  std::vector<double> values;  ///< by unit
};

struct FixedPoint {
  std::vector<UnitValues> states, rates;          ///< in the order of the circuit's populations
  std::vector<std::complex<double>> eigenvalues;  ///< 1/time, the slowest first
  std::vector<double> stability;                  ///< of stability_measures(); NaN: of a controller, or not defined
  std::vector<Finding> findings;
};

/// How a trial ended.
struct CircuitTrial {
  std::size_t trial = 0;
  std::vector<UnitValues> end;            ///< states; empty: the trial failed
  bool settled = false;                   ///< it ended within the settling band of its fixed point
  std::optional<FixedPoint> fixed_point;  ///< nothing: `missing` says why
  std::string missing;
};

/// A fixed point that trials ended next to.
struct CommonFixedPoint {
  std::size_t first_trial = 0, trials = 0;  ///< the first of them, and how many
  FixedPoint point;
};

struct FixedPoints {
  std::size_t looked_at = 0;  ///< trials, evenly spaced
  std::size_t without = 0;    ///< of these, trials that have none
  std::string missing;        ///< why the first of these has none
  std::vector<CommonFixedPoint> found;
};

class RecordedCircuit {
 public:
  /// @param file  outlives this. @throws IoError  weights that are not there, not finite, or not as the configuration
  ///              says
  RecordedCircuit(const RunReader& file, const Config& config);

  [[nodiscard]] const UserCircuit& circuit() const noexcept { return user_; }
  [[nodiscard]] CircuitTrial trial(std::size_t trial) const;
  /// Those that trials ended next to; two that differ by less than 1e-6 of their size are one.
  /// @param trials  of the run  @param most  trials that are looked at
  [[nodiscard]] FixedPoints fixed_points(std::size_t trials, std::size_t most) const;

 private:
  /// A trial's circuit at its end.
  struct Ended {
    RightHandSide f;
    State x;       ///< empty: the trial failed
    State steady;  ///< empty: there is none
    std::string missing;
  };
  [[nodiscard]] Ended ended(std::size_t trial) const;
  [[nodiscard]] FixedPoint describe(RightHandSide& f, const State& x) const;
  [[nodiscard]] std::string changing_inputs() const;

  const RunReader& file_;
  UserCircuit user_;
};

}  // namespace dynvert
