#pragma once

/// An experiment: one data set, one order of samples, one set of initial weights, and the models that are compared on
/// them. Runs all models trial block by trial block, in parallel over models; what is recorded depends neither on the
/// number of threads nor on the size of the blocks.

#include <dynvert/sim/config.hpp>
#include <dynvert/sim/model_run.hpp>
#include <dynvert/sim/run_size.hpp>
#include <dynvert/sim/sink.hpp>
#include <dynvert/sim/task.hpp>

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

/// Something that can be run into a sink, whatever the configuration describes.
class ExperimentRun {
 public:
  virtual ~ExperimentRun() = default;
  /// @throws NumericalError  a trial diverged or failed otherwise with on_divergence = "stop". Everything up to that
  ///                         trial, this included, is then in the sink, and the sink's status says "diverged".
  virtual RunStatus run(Sink& sink, const Hooks& hooks) = 0;
  /// of the models that have any
  [[nodiscard]] virtual std::vector<FailedTrials> failed_trials() const = 0;
};

/// Of the configuration's kind. @throws see Experiment, and reproducible.hpp
[[nodiscard]] std::unique_ptr<ExperimentRun> make_experiment(Config config);

class Experiment final : public ExperimentRun {
 public:
  /// Draws or reads the data, draws the initial weights, and makes each model's feedback.
  /// @throws ValueError, IoError  what the configuration asks for cannot be had; NumericalError  see ModelRun
  explicit Experiment(Config config);

  /// Runs all trials into the sink, or those that are left where the sink goes on from an earlier run of the same
  /// configuration: what it holds in the end is the same, bit for bit.
  /// @throws ValueError  the samples in the sink are not those of this experiment
  RunStatus run(Sink& sink, const Hooks& hooks) override;

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] std::vector<FailedTrials> failed_trials() const override;

 private:
  struct SinkGroups {
    std::size_t learning = 0, eval = 0, weights = 0, trace = 0;
    std::optional<std::size_t> state = {};
  };
  void begin(Sink& sink);
  void store_samples(Sink& sink);
  [[nodiscard]] std::size_t restore(Sink& sink);
  void store_state(Sink& sink);
  void run_block(std::size_t first, std::size_t count);
  void flush(Sink& sink);
  [[nodiscard]] std::size_t waiting_bytes() const;
  /// Trials from `first` on whose rows may wait in memory together.
  [[nodiscard]] std::size_t longest_block(std::size_t first) const;
  void end(Sink& sink, std::size_t trials, std::string_view status);

  Config config_;
  TaskData data_;
  SampleOrder order_;
  std::unique_ptr<Evaluators> evaluators_;
  std::vector<std::unique_ptr<ModelRun>> models_;
  std::vector<SinkGroups> groups_;
  std::size_t order_group_ = 0;
  std::size_t done_orders_ = 0;  // trials whose order is written
};

}  // namespace dynvert
