#pragma once

/// The loop that all experiments share: blocks of trials, one after the other, between which the run can be stopped,
/// reports its progress and commits what it has recorded. An experiment says what a block is and what is stored.
///
///     begin, restore;  { run_block; commit, now and then; progress } until all trials are done or the run is stopped;
///     commit, where it was stopped;  end
///
/// Commits are record.commit_interval apart, and further apart where the disk is so slow that they would take more than
/// a twentieth of the time; 0 asks for one after each block. A block that takes long is committed at once, and the next
/// one can then be given up in the middle of a trial.

#include <dynvert/sim/experiment/experiment.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace dynvert {

class BlockExperiment : public Experiment {
 public:
  RunStatus run(Recorder& recorder, const RunControl& control) final;

 protected:
  explicit BlockExperiment(const Config& config)
      : trials_(config.trials), commit_interval_(config.record.commit_interval) {}

  /// Adds the groups, and writes what is known before the first trial.
  virtual void begin(Recorder& recorder) = 0;
  /// Takes the state that the recorder holds. @return trials done; 0: there is none
  virtual std::size_t restore(Recorder& recorder) = 0;
  /// How many trials to run next; more than are left is fine.
  [[nodiscard]] virtual std::size_t block_size(std::size_t trials_done) = 0;
  /// @throws NumericalError  a trial failed with on_divergence = "stop"
  virtual void run_block(Recorder& recorder, std::size_t first, std::size_t count) = 0;
  /// After a block was given up in the middle (Interrupted): forgets what it has left of the trials from `trials` on.
  /// The state to resume from is that of the last commit, which was of these trials.
  virtual void give_up_block(std::size_t /*trials*/) {}
  /// After such an error: the trials up to the one that failed, this included.
  [[nodiscard]] virtual std::size_t trials_done() const = 0;
  /// Hands over everything that belongs to these trials, with the state to resume from, and commits.
  virtual void commit(Recorder& recorder, std::size_t trials) = 0;
  /// The last call: hands over what is left, says how the run has ended, and finishes the recorder.
  /// @param status  "complete" | "interrupted" | "diverged"
  virtual void end(Recorder& recorder, std::size_t trials, const std::string& status) = 0;
  /// of a progress report
  [[nodiscard]] virtual std::vector<std::pair<std::string, double>> losses() const { return {}; }

 private:
  std::size_t trials_;
  double commit_interval_;
};

using Clock = std::chrono::steady_clock;
[[nodiscard]] double seconds_since(Clock::time_point start);

}  // namespace dynvert
