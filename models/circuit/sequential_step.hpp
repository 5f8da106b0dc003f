#pragma once

/// Euler steps that move one block of a circuit's state after the other, in place: each population by its right-hand
/// side at the newest values of the others,
///
///     x_p <- x_p + dt/tau_p (-leak_p x_p + sum over q of C_pq f_pq(x_q) + input_p(t))       for p = 0, 1, ..
///
/// and after the populations the plastic weights. Algebraic populations are evaluated anew, at t, before a block that
/// needs them. Where nothing has to be computed between the updates (fixed weights,
/// constant inputs, no gains), any number of steps is one call of the kernel.

#include <dynvert/models/circuit/right_hand_side.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace dynvert {

/// Used by one thread at a time, with any number of evaluators one after the other.
class SequentialStep {
 public:
  /// Fixes the evaluator, the state and the step. Until the next `bind` f and x may not move, nor x be changed by
  /// anybody else, nor f's weights, columns, gains, parameters or drives be replaced, nor its derivative be asked for
  /// at another state.
  void bind(RightHandSide& f, State& x, double dt);
  /// x_b += dt dx_b/dt of the block b alone; of an algebraic population nothing.
  void advance(std::size_t block, double t);
  /// All blocks in their order, for each of the steps first .. first + count - 1; step k begins at start + k dt.
  void advance_all(double start, std::size_t first, std::size_t count);

 private:
  struct Job {
    RightHandSide::Job of_population;
    RowProduct carried;  // what a projection makes of the rate in the pass that moves its source
  };

  void find_carriers();
  void carry(Job& job, ProjectionIndex k);
  void find_algebraic();
  void evaluate_algebraic(std::size_t block, double t);
  void make_schedule();

  RightHandSide* f_ = nullptr;
  State* x_ = nullptr;
  double dt_ = 0;
  std::vector<Job> jobs_;                             // by population
  RightHandSide::Carriers carriers_;                  // by population
  std::vector<std::vector<PopulationIndex>> before_;  // by block: algebraic populations that are evaluated before it
  std::vector<AffineUpdate> schedule_;                // of a step, where it is nothing else
};

}  // namespace dynvert
