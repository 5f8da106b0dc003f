#pragma once

/// An experiment: one data set, one order of samples, one set of initial weights, and the models that are compared on
/// them. Runs all models trial block by trial block, in parallel over models; what is recorded depends neither on the
/// number of threads nor on the size of the blocks.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/record/recorder.hpp>
#include <dynvert/sim/record/run_size.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

struct ProgressReport {
  std::size_t trials_done = 0;
  std::size_t trials = 0;
  std::size_t first = 0;  ///< trials that an earlier run had done
  double seconds = 0;
  /// name and current train_loss, in the order of the configuration
  std::vector<std::pair<std::string, double>> loss;
};

struct Hooks {
  std::function<void(const ProgressReport&)> progress;  ///< called now and then, from the thread that called run
  const std::atomic<bool>* stop = nullptr;              ///< set by whoever wants the run to end after the current block
};

enum class RunStatus { complete, interrupted };

[[nodiscard]] Estimate estimate(const Config& config);

/// Trials of a model that failed and were skipped.
struct FailedTrials {
  std::string model;
  std::size_t count = 0;
  std::string first;  ///< "trial 3, loop 2: u_2 diverged at time 17.5"; empty: before the run was gone on with
};

/// Something that can be run into a recorder, whatever the configuration describes.
class Experiment {
 public:
  virtual ~Experiment() = default;
  /// @throws NumericalError  a trial diverged or failed otherwise with on_divergence = "stop". Everything up to that
  ///                         trial, this included, is then in the recorder, and the recorder's status says "diverged".
  virtual RunStatus run(Recorder& recorder, const Hooks& hooks) = 0;
  /// of the models that have any
  [[nodiscard]] virtual std::vector<FailedTrials> failed_trials() const = 0;
};

/// Of the configuration's kind. @throws see LearningExperiment, and reproducible.hpp
[[nodiscard]] std::unique_ptr<Experiment> make_experiment(Config config);

class LearningExperiment final : public Experiment {
 public:
  /// Draws or reads the data, draws the initial weights, and makes each model's feedback.
  /// @throws ValueError, IoError  what the configuration asks for cannot be had; NumericalError  see ModelTrainer
  explicit LearningExperiment(Config config);

  /// Runs all trials into the recorder, or those that are left where the recorder goes on from an earlier run of the
  /// same configuration: what it holds in the end is the same, bit for bit.
  /// @throws ValueError  the samples in the recorder are not those of this experiment
  RunStatus run(Recorder& recorder, const Hooks& hooks) override;

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] std::vector<FailedTrials> failed_trials() const override;

 private:
  struct RecorderGroups {
    std::size_t learning = 0, eval = 0, weights = 0, trace = 0;
    std::optional<std::size_t> state = {};
  };
  void begin(Recorder& recorder);
  void store_samples(Recorder& recorder);
  [[nodiscard]] std::size_t restore(Recorder& recorder);
  void store_state(Recorder& recorder);
  void run_block(std::size_t first, std::size_t count);
  void flush(Recorder& recorder);
  [[nodiscard]] std::size_t waiting_bytes() const;
  /// Trials from `first` on whose rows may wait in memory together.
  [[nodiscard]] std::size_t longest_block(std::size_t first) const;
  void end(Recorder& recorder, std::size_t trials, std::string_view status);

  Config config_;
  TaskData data_;
  SampleOrder order_;
  std::unique_ptr<Evaluators> evaluators_;
  std::vector<std::unique_ptr<ModelTrainer>> models_;
  std::vector<RecorderGroups> groups_;
  std::size_t order_group_ = 0;
  std::size_t done_orders_ = 0;  // trials whose order is written
};

}  // namespace dynvert
