#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/inspect/trial_inspection.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

/// The trajectory of a trial that is run again may take this much; beyond it samples are further apart.
constexpr double max_trajectory_bytes = 128e6;

/// The snapshot whose number of trials is nearest, the trial's own where there is one; of several of one number the
/// last, which has the feedback that was optimised for the trial.
RecordedModel::Snapshot nearest_snapshot(const RunReader& file, const RecordedModel& model, std::size_t trial) {
  const std::string dataset = fmt::format("/models/{}/weights/snapshot", model.name());
  const auto snapshots = file.column(dataset);
  RecordedModel::Snapshot nearest = model.before(trial);
  const auto away = [&](std::size_t trials) { return trials > trial ? trials - trial : trial - trials; };
  for (std::size_t row = nearest.row; row < snapshots.size(); ++row) {
    const std::size_t trials = trial_number(file, dataset, snapshots[row]);
    if (away(trials) < away(nearest.trials)) nearest = {.row = row, .trials = trials};
  }
  return nearest;
}

/// The rates that drive the trial: of the sample that it showed, or, where the file does not hold that and a linear
/// network does not need it, the recorded error alone.
Activity trial_activity(const RunReader& file, const RecordedModel& model, std::size_t trial, bool forward_moves) {
  if (auto activity = model.activity(trial)) return std::move(*activity);
  const Network& network = model.network();
  const std::string trace = fmt::format("/models/{}/trace", model.name());
  const std::string s = fmt::format("{}/s_{}", trace, network.depth());
  if (!forward_moves && network.is_linear() && file.has(s) && file.has(trace + "/trial")) {
    const auto trials = file.column(trace + "/trial");
    const auto record = std::ranges::find(trials, static_cast<double>(trial));
    if (record != trials.end()) {
      Activity activity;
      const arma::mat nothing(network.units.front(), 1);
      forward(network, nothing, arma::mat(network.units.back(), 1), activity);
      activity.x = nothing;
      activity.e = arma::vec(file.rows(s, static_cast<std::size_t>(record - trials.begin()), 1).values);
      if (activity.e.n_elem == network.units.back()) return activity;
    }
  }
  throw ValueError(fmt::format("model {}, trial {}", model.name(), trial),
                   "cannot be run again: the file does not hold the sample that it showed",
                   "a trial whose sample is in /task, or a recorded trial of a linear network");
}

/// Time between the samples of a trajectory that fits into memory: a multiple of dt. Nothing: none does.
std::optional<double> trajectory_interval(const Stage& stage, const std::vector<Phase>& phases,
                                          const DynamicsConfig& dynamics) {
  const RightHandSide f(stage.circuit, 1);
  const double end = phases.back().start + phases.back().duration;
  const double bytes = (end / dynamics.dt + 1) * static_cast<double>(f.layout().size() * sizeof(double));
  if (bytes <= max_trajectory_bytes) return dynamics.dt;
  // phases are whole numbers of dt, and not of its multiples
  if (phases.size() > 1) return std::nullopt;
  return dynamics.dt * std::ceil(bytes / max_trajectory_bytes);
}

class Rerun {
 public:
  Rerun(const Config& config, const RecordedModel& model) : config_(config), model_(model) {
    const bool traced = solver_kind(model.config().dynamics.solver).has_trajectory;
    for (const Stage& stage : model.stages()) {
      auto phases = stage_phases(stage, model.config().dynamics);
      const auto fits = traced ? trajectory_interval(stage, phases, model.config().dynamics) : std::nullopt;
      if (fits && interval_) {
        interval_ = std::max(*interval_, *fits);
      } else {
        interval_.reset();
      }
      forward_moves_ = forward_moves_ || stage.timing != Stage::Timing::inversion;
      runners_.emplace_back(stage, std::move(phases));
    }
    if (runners_.empty()) interval_.reset();
  }

  [[nodiscard]] bool forward_moves() const { return forward_moves_; }
  [[nodiscard]] std::optional<double> interval() const { return interval_; }

  /// @return where and when it diverged; empty: it did not
  std::string run(Activity activity, std::size_t trial) {
    activity_ = std::move(activity);
    const Network& network = model_.network();
    credit_.assign(network.depth() + 1, {});
    if (!forward_moves_) credit_.back() = activity_.e;
    const CreditModel& credit = credit_model(model_.config().credit);
    if (credit.assign) {
      credit.assign(network, model_.feedback(), activity_, model_.config().parameters, credit_);
      return {};
    }
    const auto solver = solver_kind(model_.config().dynamics.solver).make(solver_settings(model_.config().dynamics));
    for (StageRunner& runner : runners_) {
      runner.begin(network, model_.feedback(), activity_, credit_);
      const bool learns = trial > 0 || !config_.learning.skip_first;
      for (std::size_t i = 0; i < runner.stage().circuit.plasticity().size(); ++i) {
        runner.f().plasticity(i).rate = learns ? config_.learning.rate : 0;
        runner.f().plasticity(i).decay = learns ? config_.learning.decay : 0;
      }
      runner.run(*solver, network, activity_, credit_, interval_ ? &*interval_ : nullptr);
      if (const ColumnEnd* end = runner.solver_run().diverged()) {
        return fmt::format("{}, population {}, at time {:g}", runner.stage().name,
                           runner.f().block_name(end->population), end->time);
      }
    }
    return {};
  }

  [[nodiscard]] const Activity& activity() const { return activity_; }
  [[nodiscard]] const Credit& credit() const { return credit_; }
  [[nodiscard]] std::vector<StageResult> results() {
    std::vector<StageResult> results;
    for (StageRunner& runner : runners_) results.push_back(runner.result(interval_.has_value()));
    return results;
  }

 private:
  const Config& config_;
  const RecordedModel& model_;
  std::vector<StageRunner> runners_;
  std::optional<double> interval_ = 0;
  bool forward_moves_ = false;
  Activity activity_;
  Credit credit_;
};

/// Every measure that the model has.
std::vector<TrialInspection::Measured> measure_all(const Config& config, const RecordedModel& model,
                                                   const TrialView& view, bool with_trajectory) {
  Config all = config;
  all.record.measures.clear();
  for (const TrialMeasure& measure : trial_measures()) all.record.measures.emplace_back(measure.name);
  std::vector<TrialInspection::Measured> measured;
  for (const auto& [measure, l] : measure_columns(all, model.config())) {
    if (measure->needs_trajectory && !with_trajectory) continue;
    double value = std::numeric_limits<double>::quiet_NaN();
    try {
      value = measure->value(view, l);
    } catch (const NumericalError&) {
      // what it refers to does not exist for these weights (no unique steady state)
    }
    measured.push_back({measure, l, value});
  }
  return measured;
}

}  // namespace

TrialInspection inspect_trial(const RunReader& file, const Config& config, RecordedModel& model, std::size_t trial) {
  TrialInspection result;
  result.trial = trial;
  result.snapshot = nearest_snapshot(file, model, trial);
  result.trials_away = result.snapshot.trials > trial ? result.snapshot.trials - trial : trial - result.snapshot.trials;
  result.batch = config.learning.batch > 1;
  model.load(result.snapshot);
  Rerun rerun(config, model);
  result.diverged = rerun.run(trial_activity(file, model, trial, rerun.forward_moves()), trial);
  result.interval = rerun.interval().value_or(0);
  if (!result.diverged.empty()) {
    for (const LoopStability& loop : loops_at_rest(model.stages(), model.network(), model.feedback())) {
      result.loops.push_back({.stability = loop});
    }
  } else {
    const std::vector<StageResult> stages = rerun.results();
    const TrialView view(model.network(), model.paths(), model.feedback(), rerun.activity(), rerun.credit(), stages);
    result.measures = measure_all(config, model, view, rerun.interval().has_value());
    for (const StageResult& r : stages) {
      for (const ControlLoop& loop : r.stage->loops) {
        TrialInspection::Loop inspected{.stability = loop_stability(*r.f, *r.x, loop)};
        try {
          inspected.converged = converged(view, loop.number);
        } catch (const NumericalError&) {
          inspected.no_steady_state = true;
        }
        result.loops.push_back(std::move(inspected));
      }
    }
  }
  for (const TrialInspection::Loop& loop : result.loops) {
    auto found = findings(loop.stability, model.config().dynamics);
    std::ranges::move(found, std::back_inserter(result.findings));
  }
  return result;
}

}  // namespace dynvert
