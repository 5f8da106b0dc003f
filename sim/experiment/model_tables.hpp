#pragma once

/// What a model that learns records: its tables in the file, from the configuration alone, and the rows that wait.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/hdf5/attribute.hpp>
#include <dynvert/sim/trial/datasets.hpp>
#include <dynvert/sim/trial/loss.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace dynvert {

/// What a trial says of one of its loops.
struct LoopRecord {
  std::size_t steps = 0;
  std::int64_t converged = 0;  ///< as the legend of converged_l has it
  bool restabilised = false;
};

/// A trial before it changes the weights.
struct LearningRow {
  std::size_t trial;
  double squared_error;  ///< |t - y|^2
  Fault fault;
  const TrialView* view;              ///< nullptr: the trial failed
  std::span<const LoopRecord> loops;  ///< in the order of the stages
};

struct EvaluationRow {
  std::size_t trials_done;
  const Score& train;
  const Score& test;  ///< nothing in it where there is no test set
};

/// All that a model carries from trial to trial besides its weights.
struct TrainerCounts {
  std::size_t trials_done = 0;
  std::size_t diverged = 0;                ///< trials that diverged or failed otherwise
  std::size_t recorded_automatically = 0;  ///< traces that were not requested
  std::size_t records = 0;                 ///< rows of trace
  std::size_t snapshots = 0;               ///< rows of weights
  std::size_t last_snapshot = 0;           ///< trials done at the last of them
  double last_loss = 0;                    ///< the train_loss evaluated last
  double largest_loss = 0;                 ///< the largest finite train_loss
};

/// The tables of one model in the file, in this order. No trace: that table is empty.
struct ModelTables {
  Table<LearningRow> learning;
  Table<EvaluationRow> eval;
  Table<WeightsRow> weights;
  Table<TraceRecord> trace;
  std::vector<WeightsDataset> matrices;  ///< of the weights
  CarriedDatasets carried;
  GroupSpec state;  ///< what state_row makes a row of
};
/// Nothing is run or drawn.
[[nodiscard]] ModelTables model_tables(const Config& config, const ModelConfig& model);

/// The attributes of /models/NAME that say how the model was set up.
[[nodiscard]] std::vector<Attribute> model_attributes(const Config& config, const ModelConfig& model);

/// The state of a model between two trials as a row of its group, and back.
[[nodiscard]] GroupSpec state_group(const ModelConfig& model, const Table<WeightsRow>& weights,
                                    std::span<const WeightsDataset> matrices, const CarriedDatasets& carried);
/// @param carried  by DescribedCircuit::carried()
[[nodiscard]] Rows state_row(const ModelTables& tables, const Network& network, const Feedback& feedback,
                             const TrainerCounts& counts, std::span<const arma::mat> carried);
/// The counts of such a row alone.
void put_counts(const ModelTables& tables, const TrainerCounts& counts, Rows& row);
void read_state(const ModelTables& tables, const Rows& row, Network& network, Feedback& feedback, TrainerCounts& counts,
                std::span<arma::mat> carried);

/// Rows that wait, one Rows a table.
struct ModelRows {
  explicit ModelRows(const ModelTables& tables)
      : learning(tables.learning.spec()),
        eval(tables.eval.spec()),
        weights(tables.weights.spec()),
        trace(tables.trace.spec()) {}
  Rows learning, eval, weights, trace;
};

}  // namespace dynvert
