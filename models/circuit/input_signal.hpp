#pragma once

/// Signals: what arrives at a population from outside, as functions of time, A a factor for each unit and trial.
///
/// | shape | value at start <= t < stop; 0 elsewhere                                              |
/// |-------|--------------------------------------------------------------------------------------|
/// | step  | A                                                                                    |
/// | ramp  | A min(1, (t - start) / rise)                                                         |
/// | sine  | A sin(2 pi (t - start) / period)                                                     |
/// | noise | A xi(t), xi an Ornstein-Uhlenbeck process of mean 0, variance 1, correlation time tau |
///
/// xi is drawn at the knots start + k spacing by the process's own transition (Gillespie, Phys. Rev. E 54, 1996),
///
///     xi_{k+1} = rho xi_k + sqrt(1 - rho^2) N(0,1),   rho = exp(-spacing / tau),   xi_0 ~ N(0,1),
///
/// so that moments and correlations at the knots are exact, and joined by straight lines: a function of time that every
/// solver sees alike, whatever its steps. Between knots the variance is below 1, at worst (1 + rho) / 2.
///
/// | symbol              | shape          | meaning                       | units |
/// |---------------------|----------------|-------------------------------|-------|
/// | A                   | units x trials | amplitude                     | 1     |
/// | start, stop         |                | when it is on                 | time  |
/// | rise, period, tau   |                | of ramp, sine, noise          | time  |
/// | spacing             |                | of the knots                  | time  |

#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/circuit/state.hpp>
#include <dynvert/models/parameter.hpp>
#include <dynvert/models/random.hpp>

#include <armadillo>

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace dynvert {

struct InputSignal {
  enum class Shape { step, ramp, sine, noise };
  Shape shape = Shape::step;
  arma::mat amplitude{};  ///< units x trials; one column: the same for all trials
  double start = 0;
  double stop = std::numeric_limits<double>::infinity();
  double rise = 0;       ///< ramp; 0: a step
  double period = 1;     ///< sine
  double noise_tau = 1;  ///< noise: correlation time of the process that the knots were drawn from
  double spacing = 1;    ///< noise: of the knots
  /// noise: units x knots of each trial
  std::shared_ptr<const std::vector<arma::mat>> knots = nullptr;

  /// Takes the parameters that its shape declares, defaults where there are no values.
  void take(const ParameterValues& parameters);
  /// When it changes its form: start, end of the rise, stop. In order; those that are finite.
  [[nodiscard]] std::vector<double> switches() const;
  /// Whether it is on in an interval of time that none of its switches divides.
  [[nodiscard]] bool is_on(double begin, double end) const;
  /// Whether it is constant there.
  [[nodiscard]] bool is_constant(double begin, double end) const;
  /// Adds the value at t, as if on, to the input of the trials.
  /// @param trials  of each column of the input, @param input  units x columns
  void add(double t, std::span<const std::size_t> trials, const MatrixView& input) const;
};

struct SignalShape {
  std::string_view name;
  std::string_view summary;
  std::vector<Parameter> parameters = {};  ///< "rise", "period", "noise_tau"
};

/// In the order of the enumeration.
[[nodiscard]] std::span<const SignalShape> signal_shapes();
/// @throws ValueError naming the shapes
[[nodiscard]] InputSignal::Shape signal_shape(std::string_view name);

/// Ornstein-Uhlenbeck at knots. @return units x knots
[[nodiscard]] arma::mat ornstein_uhlenbeck(RandomStream& random, std::size_t units, std::size_t knots, double spacing,
                                           double tau);

/// The intervals into which the signals' switches divide the time from 0 to `duration`: their starts, from 0 on.
[[nodiscard]] std::vector<double> intervals(std::span<const InputSignal> signals, double duration);

using InputSignals = std::shared_ptr<const std::vector<InputSignal>>;

/// The sum of those that are on, units x trials.
void sum_signals(const std::vector<InputSignal>& signals, double begin, double end, double t,
                 std::span<const std::size_t> trials, const MatrixView& input);

/// Makes the signals the input of a population for an interval of time that none of their switches divides: as a
/// constant where they are constant, else as a drive. The columns of f are the trials 0, 1, ..
void set_input(RightHandSide& f, PopulationIndex population, const InputSignals& signals, double begin, double end);

}  // namespace dynvert
