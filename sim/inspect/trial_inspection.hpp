#pragma once

/// One trial of a recorded model, run again: the circuits that the file's configuration says, with the weights of a
/// snapshot and the sample that the trial showed. Where that snapshot is the trial's own, the numbers are those of the
/// run; otherwise they are of the same sample under weights some trials away, and `trials_away` says how many.

#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/sim/inspect/recorded_model.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>

#include <complex>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

struct TrialInspection {
  struct Measured {
    const TrialMeasure* measure = nullptr;
    std::size_t l = 0;  ///< NAME_l
    double value = 0;   ///< NaN: not defined
  };
  struct Loop {
    LoopStability stability;  ///< at the state where credit was read
    bool converged = false;
    bool no_steady_state = false;  ///< none that is unique
    // why it is slow: without leak, a mode of u decays as fast as its eigenvalue of W B is far from 0. W and B are the
    // weights that the loop passes, without the slopes of rate functions; empty: they are too large
    std::optional<double> smallest_singular_value = std::nullopt;  ///< of W
    std::vector<std::complex<double>> eigenvalues = {};            ///< of W B, the nearest to instability first
  };

  std::size_t trial = 0;
  RecordedModel::Snapshot snapshot;
  std::size_t trials_away = 0;  ///< 0: the weights that the trial had
  bool batch = false;           ///< the trial showed a batch, of which this is the first sample
  double interval = 0;          ///< time between the samples of the trajectory; 0: there is none
  std::string diverged;         ///< where and when; empty: it did not
  std::vector<Measured> measures;
  std::vector<Loop> loops;
  std::vector<Finding> findings;
};

/// @param config  of the file
/// @param model   of it; loads the nearest snapshot
/// @throws ValueError  the file does not hold what it takes, with the reason
[[nodiscard]] TrialInspection inspect_trial(const RunReader& file, const Config& config, RecordedModel& model,
                                            std::size_t trial);

}  // namespace dynvert
