#include <dynvert/models/error.hpp>
#include <dynvert/sim/inspect/trial_inspection.hpp>
#include <dynvert/sim/platform/checksum.hpp>
#include <dynvert/sim/tasks/task.hpp>
#include <dynvert/sim/trial/measures.hpp>
#include <dynvert/sim/trial/model_setup.hpp>
#include <dynvert/sim/trial/trial_runner.hpp>

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

/// The sample that a trial showed, from the files that the run read: of a batch the first. Nothing: they are gone or
/// have changed since, or the run has no such files.
std::optional<Activity> activity_from_data(const RunReader& file, const RecordedModel& model, std::size_t trial) {
  const Config& config = model.experiment();
  const TaskKind& task = task_kind(config.task.kind);
  if (task.drawn() || !file.has("/task/order") || trial >= file.shape("/task/order").front()) return std::nullopt;
  try {
    for (const DataFile& data : task.files(config.task)) {
      const auto sum = file.attribute("/task", data.role + "_sha256");
      if (!sum || *sum != AttributeValue(file_sha256(data.path))) return std::nullopt;
    }
    const Dataset samples = task.make(config).train;
    const std::size_t sample = trial_number(file, "/task/order", file.rows("/task/order", trial, 1).values.front());
    if (sample >= samples.samples()) return std::nullopt;
    arma::mat x, t;
    samples.x.gather({&sample, 1}, x);
    samples.t.gather({&sample, 1}, t);
    return model.activity_of(trial, std::move(x), std::move(t));
  } catch (const IoError&) {
    return std::nullopt;
  }
}

/// The rates that drive the trial: of the sample that it showed, or, where that is not to be had and a linear network
/// does not need it, the recorded error alone.
Activity trial_activity(const RunReader& file, const RecordedModel& model, std::size_t trial, bool forward_moves) {
  if (auto activity = model.activity(trial)) return std::move(*activity);
  if (auto activity = activity_from_data(file, model, trial)) return std::move(*activity);
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
  throw ValueError(
      fmt::format("model {}, trial {}", model.name(), trial),
      "cannot be run again: the file does not hold the sample that it showed, and the data that the run read "
      "are not where they were, or have changed",
      "a trial whose sample is in /task or in unchanged data, or a recorded trial of a linear network");
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

/// What all stages of the model can keep. Nothing: one of them keeps none.
std::optional<double> shared_interval(const RecordedModel& model) {
  const DynamicsConfig& dynamics = model.config().dynamics;
  if (model.stages().empty() || !solver_kind(dynamics.solver).has_trajectory) return std::nullopt;
  double interval = 0;
  for (const Stage& stage : model.stages()) {
    const auto fits = trajectory_interval(stage, stage_phases(stage, dynamics), dynamics);
    if (!fits) return std::nullopt;
    interval = std::max(interval, *fits);
  }
  return interval;
}

TrialRunner make_runner(const RecordedModel& model) {
  const DynamicsConfig& dynamics = model.config().dynamics;
  return {stage_plans({model.stages().begin(), model.stages().end()}, dynamics),
          credit_rule(model.experiment(), model.config()), solver_kind(dynamics.solver).make(solver_settings(dynamics)),
          TrialRunner::Columns::samples};
}

/// Where and when it failed.
std::string text_of(const TrialFailure& failure) {
  if (failure.fault == Fault::not_finite) return fmt::format("{}, {} is not finite", failure.where, failure.what);
  return fmt::format("{}, population {}, at time {:g}", failure.where, failure.what, failure.time);
}

/// What decides how fast the loop is, of the weights alone.
void add_spectra(const RecordedModel& model, TrialInspection::Loop& inspected) {
  constexpr std::size_t most = 1000;  // units; more take seconds
  const auto paths = model.paths();
  const auto path = std::ranges::find(paths, inspected.stability.loop, &FeedbackPath::number);
  if (path == paths.end()) return;
  const Network& network = model.network();
  if (std::max(network.units[path->top], network.units[path->bottom]) > most) return;
  const arma::mat W = network.path(path->bottom, path->top);
  const arma::mat WB = W * model.feedback()[path->number];
  arma::vec singular;
  if (!W.is_finite() || !WB.is_finite() || !arma::svd(singular, W)) return;
  inspected.smallest_singular_value = singular.min();
  arma::cx_vec eigenvalues;
  if (!arma::eig_gen(eigenvalues, WB)) return;
  inspected.eigenvalues.assign(eigenvalues.begin(), eigenvalues.end());
  std::ranges::sort(inspected.eigenvalues, std::ranges::greater(),
                    [](const std::complex<double>& mu) { return std::pair(mu.real(), mu.imag()); });
}

/// Every measure that the model has.
std::vector<TrialInspection::Measured> measure_all(const Config& config, const RecordedModel& model,
                                                   const TrialView& view, bool with_trajectory) {
  Config all = config;
  all.record.measures.clear();
  for (const TrialMeasure& measure : measures()) {
    // what learns is known as it was recorded: a trial that is run again changes nothing
    if (measure.of != TrialMeasure::Of::matrix) all.record.measures.emplace_back(measure.name);
  }
  std::vector<TrialInspection::Measured> measured;
  for (const auto& [measure, l, of] : measure_columns(all, model.config())) {
    if (measure->needs_trajectory && !with_trajectory) continue;
    measured.push_back({measure, l, value_or_nan(*measure, view, l)});
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
  TrialRunner runner = make_runner(model);
  runner.set_seed(config.seed);
  const auto interval = shared_interval(model);
  result.interval = interval.value_or(0);
  runner.show(trial_activity(file, model, trial, runner.forward_moves()), Credit(model.network().depth() + 1));
  const auto failure = runner.run({.trial = trial,
                                   .network = model.network(),
                                   .feedback = model.feedback(),
                                   .learns = trial > 0 || !config.learning.skip_first,
                                   .keep = interval,
                                   .path = trial * config.learning.batch});
  if (failure) {
    if (failure->cause) throw NumericalError(*failure->cause);
    result.diverged = text_of(*failure);
    for (const LoopStability& loop : loops_at_rest(model.stages(), model.network(), model.feedback())) {
      result.loops.push_back({.stability = loop});
    }
  } else {
    const std::vector<StageResult> stages = runner.results(interval.has_value());
    const TrialView view(model.network(), model.paths(), model.feedback(), runner.activity(), runner.credit(), stages);
    result.measures = measure_all(config, model, view, interval.has_value());
    for (const StageResult& r : stages) {
      for (const ControlLoop& loop : r.stage->loops) {
        TrialInspection::Loop inspected{.stability = loop_stability(view.linearised(loop.number))};
        try {
          inspected.converged = converged(view, loop.number);
        } catch (const NumericalError&) {
          inspected.no_steady_state = true;
        }
        result.loops.push_back(std::move(inspected));
      }
    }
  }
  for (TrialInspection::Loop& loop : result.loops) {
    add_spectra(model, loop);
    auto found = findings(loop.stability, model.config().dynamics);
    std::ranges::move(found, std::back_inserter(result.findings));
  }
  return result;
}

}  // namespace dynvert
