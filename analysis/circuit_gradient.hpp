#pragma once

/// The exact gradient of the loss of a described circuit's readout by every matrix (reverse accumulation; Griewank &
/// Walther, Evaluating Derivatives, 2008), summed over the columns of a batch:
///
///     E = 1/2 |t - y|^2,     or  E = - sum t log y  (cross-entropy),     y the readout at the end of its phase
///
/// Backwards through the phases up to that of the readout, as evaluations run them: without rules, all weights fixed.
/// A phase is one of two forms.
///
/// | form       | dE/dM                                                                                             |
/// |------------|---------------------------------------------------------------------------------------------------|
/// | settled    | its end is a root of F(x, M), implicit differentiation: J' lambda = (dE/dx)' with J = dF/dx,      |
/// |            | dE/dM - lambda' dF/dM, one adjoint solve a column (Pineda, Phys. Rev. Lett. 59:2229, 1987)        |
/// | in steps   | the discrete adjoint of its fixed-step scheme: for x_{k+1} = Phi(x_k, M), from the last step back,|
/// |            | x^_k = (dPhi/dx)' x^_{k+1},  M^ += (dPhi/dM)' x^_{k+1}; states are stored at checkpoints          |
/// |            | sqrt(steps) apart and recomputed between them                                                     |
///
/// F, J and Phi are total through algebraic populations, and what the equations of the readout owe to matrices directly
/// is part of it. Where nothing moves what is left is the chain rule: backpropagation.
///
/// | symbol | shape              | meaning                                                    |
/// |--------|--------------------|------------------------------------------------------------|
/// | t, y   | n_L x columns      | target, readout                                            |
/// | x      | units x columns    | what moves                                                 |
/// | M      | rows x columns     | a matrix of the description                                |

#include <dynvert/analysis/step_scheme.hpp>
#include <dynvert/models/program/described_circuit.hpp>
#include <dynvert/models/program/phase_adjoint.hpp>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dynvert {

/// How a circuit's phases are run.
struct PhaseForm {
  std::optional<StepScheme> steps = std::nullopt;  ///< nothing: the solver takes no fixed steps
  double dt = 0;
  bool settles = false;            ///< all phases end at their steady state; else those that are until_settled
  double settle_tolerance = 1e-6;  ///< of those: where the search for the steady state begins
};

class CircuitGradient {
 public:
  /// @throws EquationError, ValueError  a circuit without a readout, or one whose gradient is not defined or known
  CircuitGradient(std::shared_ptr<const DescribedCircuit> circuit, const PhaseForm& form);

  struct Result {
    double loss = 0;                   ///< E
    std::vector<arma::mat> by_matrix;  ///< dE/dM by number of the matrix in the description
  };
  /// @param x, t  stimulus and target, a column a sample
  /// @param near  values of populations near the steady state of the readout's phase; nullptr: not known
  /// @param start  values with which the trial began, where they are not the same in every trial
  /// @throws NumericalError  no steady state, or a singular one
  [[nodiscard]] Result operator()(const Network& network, const arma::mat& x, const arma::mat& t,
                                  const std::vector<arma::mat>* near = nullptr,
                                  const std::vector<arma::mat>* start = nullptr) const;

  /// The phase of the readout, by number.
  [[nodiscard]] std::size_t readout_phase() const noexcept { return readout_phase_; }

 private:
  using Values = std::vector<arma::mat>;  // by population
  struct Entry {
    std::size_t number = 0;                          // in the description
    std::optional<std::size_t> from = std::nullopt;  // entry that it begins from; nothing: the start
    bool settles = false;
    std::size_t steps = 0;
    std::unique_ptr<PhaseAdjoint> phase;
  };
  /// What a phase leaves for the way back.
  struct Passage {
    Values opened, end;
    std::vector<Values> checkpoints;  // every stride steps: what moves
    std::size_t stride = 1;
  };

  void run(const Entry& entry, const Network& network, const Values& before, const Values* near,
           Passage& passage) const;
  void settle(const Entry& entry, const Network& network, Values& values) const;
  void step(const PhaseAdjoint& phase, const Network& network, Values& values) const;
  void go_back(const Entry& entry, const Network& network, const Values& before, const Passage& passage,
               Adjoints& adjoints) const;
  void back_settled(const PhaseAdjoint& phase, const Network& network, const Values& end, Adjoints& adjoints) const;
  void back_steps(const Entry& entry, const Network& network, const Passage& passage, Adjoints& adjoints) const;
  void back_step(const PhaseAdjoint& phase, const Network& network, Values& values, Adjoints& adjoints) const;

  std::shared_ptr<const DescribedCircuit> circuit_;
  PhaseForm form_;
  std::size_t readout_phase_ = 0;
  bool cross_entropy_ = false;
  std::vector<Entry> entries_;  // those that count, in their order; the last is the readout's
  std::optional<PhaseAdjoint> start_;
  SignalValue readout_;
  SignalAdjoint readout_adjoint_;
};

}  // namespace dynvert
