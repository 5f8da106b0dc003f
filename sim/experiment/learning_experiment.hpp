#pragma once

/// Models that learn: one data set, one order of samples, one set of initial weights, and the models that are compared
/// on them. Runs all models block of trials by block, in parallel over models; what is recorded depends neither on the
/// number of threads nor on the size of the blocks.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/experiment/run_control.hpp>
#include <dynvert/sim/experiment/task_tables.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// How many rows the tables of a model will have; snapshots at restabilisations come on top.
struct RowCounts {
  std::size_t evaluations, snapshots;
  std::size_t records;    ///< requested
  std::size_t automatic;  ///< at most
};
[[nodiscard]] RowCounts expected_rows(const Config& config, const ModelTables& tables);

/// Bytes of rows that a block may add to those that wait; a single trial may have more.
inline constexpr std::size_t max_in_block = std::size_t{16} << 20;

/// The most trials of a block, and about the most bytes of their samples, which are laid out before it begins.
inline constexpr std::size_t max_trials_in_block = 4096, block_bytes = 16'000'000;
/// Bytes of the samples of a trial.
[[nodiscard]] std::size_t trial_bytes(const Config& config);

class LearningExperiment final : public BlockExperiment {
 public:
  /// Draws or reads the data, draws the initial weights, and makes each model's feedback.
  /// @throws ValueError, IoError  what the configuration asks for cannot be had; NumericalError  see ModelTrainer
  explicit LearningExperiment(Config config);

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] std::vector<FailedTrials> failed_trials() const override;
  [[nodiscard]] static Estimate estimate(const Config& config);

 protected:
  void begin(Recorder& recorder) override;
  [[nodiscard]] std::size_t restore(Recorder& recorder) override;
  [[nodiscard]] std::size_t block_size(std::size_t trials_done) override;
  void run_block(Recorder& recorder, std::size_t first, std::size_t count) override;
  void give_up_block(std::size_t trials) override;
  [[nodiscard]] std::size_t trials_done() const override;
  void commit(Recorder& recorder, std::size_t trials) override;
  void end(Recorder& recorder, std::size_t trials, const std::string& status) override;
  [[nodiscard]] std::vector<std::pair<std::string, double>> losses() const override;

 private:
  /// The numbers by which the recorder names the groups of a model.
  struct RecorderGroups {
    std::size_t learning = 0, eval = 0, weights = 0, trace = 0;
    std::optional<std::size_t> state = {};
  };
  void run_trials(std::size_t first, std::size_t count);
  void store_state(Recorder& recorder);
  void flush_models(Recorder& recorder);
  /// The order of the trials below `trials` too.
  void flush(Recorder& recorder, std::size_t trials);
  [[nodiscard]] std::size_t waiting_bytes() const;
  /// Trials from `first` on whose rows may wait in memory together.
  [[nodiscard]] std::size_t longest_block(std::size_t first) const;

  Config config_;
  TaskData data_;
  SampleOrder order_, recorded_order_;
  std::unique_ptr<Evaluators> evaluators_;
  std::vector<std::unique_ptr<ModelTrainer>> models_;
  std::vector<RecorderGroups> groups_;
  Table<OrderRow> order_table_;
  std::size_t order_group_ = 0;
  std::size_t done_orders_ = 0;  // trials whose order is written
  std::size_t unit_ = 1;         // blocks are whole multiples of it
  std::size_t next_block_ = 1;   // trials that should take the time of a block
};

}  // namespace dynvert
