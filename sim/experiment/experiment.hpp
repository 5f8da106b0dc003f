#pragma once

/// What the commands see of experiments: how to make one, run it, say what it will need, and describe it. Which kinds
/// there are is in experiment_kinds.hpp.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/recorder.hpp>
#include <dynvert/sim/record/run_size.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dynvert {

struct ProgressReport {
  std::size_t trials_done = 0;
  std::size_t trials = 0;
  std::size_t first = 0;  ///< trials that an earlier run had done
  double seconds = 0;
  /// name and current train_loss, in the order of the configuration; empty: nothing is learned
  std::vector<std::pair<std::string, double>> loss;
  /// Within a block that takes long: the time that a solver has come to, of so much.
  std::optional<double> time = {}, duration = {};
};

/// How the caller follows a run and ends it.
struct RunControl {
  std::function<void(const ProgressReport&)> progress =
      nullptr;                              ///< called after each block and within long ones, from the caller's thread
  const std::atomic<bool>* stop = nullptr;  ///< set when the run is to end: after the current block, or in a long one

  [[nodiscard]] bool stopped() const { return stop != nullptr && stop->load(); }
};

enum class RunStatus { complete, interrupted };

/// Trials of a model that failed and were skipped.
struct FailedTrials {
  std::string model;
  std::size_t count = 0;
  std::string first;        ///< "trial 3, loop 2: u_2 diverged at time 17.5"; empty: before the run was resumed
  std::string consequence;  ///< " and changed no weights"; empty: none
};

/// Something that can be run into a recorder, whatever the configuration describes.
class Experiment {
 public:
  Experiment() = default;
  virtual ~Experiment() = default;
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  /// Runs all trials into the recorder, or those that are left where the recorder resumes an earlier run of the same
  /// configuration: what it holds in the end is the same, bit for bit.
  /// @throws NumericalError  a trial diverged or failed otherwise with on_divergence = "stop". Everything up to that
  ///                         trial, this included, is then in the recorder, and the recorder's status says "diverged".
  /// @throws ValueError      the samples in the recorder are not those of this experiment
  virtual RunStatus run(Recorder& recorder, const RunControl& control) = 0;
  /// of the models that have any
  [[nodiscard]] virtual std::vector<FailedTrials> failed_trials() const = 0;
};

/// Of the configuration's kind: draws or reads data and weights.
/// @throws ValueError, IoError  what the configuration asks for cannot be had
/// @throws NumericalError       feedback that cannot be stabilised
/// @throws see also reproducible.hpp
[[nodiscard]] std::unique_ptr<Experiment> make_experiment(Config config);

/// Opens and validates what runs open before their first trial (data, weights, feedback) with the functions with which
/// they do, after a first pass in a child process, and keeps nothing. What the configurations of a sweep have in common
/// is opened once. Threads may share it.
class StartCheck {
 public:
  /// @param stabilises  whether feedback is optimised, too: that takes as long as at the start of the run
  explicit StartCheck(bool stabilises) : stabilises_(stabilises) {}
  /// @throws what make_experiment throws
  void check(const Config& config);

 private:
  /// Does a step that none of its key has done; what that one has thrown is thrown again.
  void once(const std::string& key, const std::function<void()>& step);

  bool stabilises_;
  std::mutex mutex_;
  std::map<std::string, std::exception_ptr> done_;  ///< by the key of the step: what it has thrown
};

/// The memory and the file that it needs, without running it.
[[nodiscard]] Estimate estimate(const Config& config);

/// What it will do, for people, a line each.
[[nodiscard]] std::string describe(const Config& config);

}  // namespace dynvert
