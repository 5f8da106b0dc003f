#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/feedback_setup.hpp>
#include <dynvert/sim/model_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Row-major, as the file has it.
void append_matrix(std::vector<double>& to, const arma::mat& m) {
  for (arma::uword i = 0; i < m.n_rows; ++i) {
    for (arma::uword j = 0; j < m.n_cols; ++j) to.push_back(m(i, j));
  }
}

SolverSettings solver_settings(const DynamicsConfig& dynamics) {
  return {.dt = dynamics.dt,
          .settle_tolerance = dynamics.settle_tolerance,
          .rtol = dynamics.rtol,
          .atol = dynamics.atol,
          .divergence_limit = dynamics.divergence_limit,
          .max_steps = dynamics.max_steps};
}

/// Drops the rows whose first value (a count of trials) is above the limit; rows are in ascending order.
void drop_rows(const GroupSpec& spec, Rows& rows, std::string_view key, double limit) {
  if (rows.count == 0) return;
  const auto column = std::ranges::find(spec.datasets, key, &DatasetSpec::name) - spec.datasets.begin();
  const auto& values = rows.values[static_cast<std::size_t>(column)];
  const auto kept = static_cast<std::size_t>(std::ranges::count_if(values, [&](double v) { return v <= limit; }));
  for (auto& v : rows.values) v.resize(v.size() / rows.count * kept);
  rows.count = kept;
}

}  // namespace

ModelRun::ModelRun(const Config& config, const ModelConfig& model, Network network, const LossEvaluator& loss)
    : config_(config),
      model_(model),
      credit_model_(credit_model(model.credit)),
      solver_kind_(solver_kind(model.dynamics.solver)),
      groups_(model_groups(config, model)),
      rows_(groups_),
      network_(std::move(network)),
      loss_(loss),
      rule_{.eta = config.learning.rate,
            .lambda = config.learning.decay,
            .clip_delta = config.learning.clip_delta,
            .normalise_updates = config.learning.normalise_updates},
      measures_(measure_columns(config, model)),
      recorded_(config.record.trials) {
  std::ranges::sort(recorded_);
  const LoopParameters parameters = loop_parameters(config, model);
  for (Stage& stage : model_stages(model_, network_, parameters)) {
    RightHandSide f(stage.circuit, 1);
    auto phases = stage_phases(stage, model_.dynamics);
    const std::size_t read = read_phase(phases);
    forward_moves_ = forward_moves_ || stage.timing != Stage::Timing::inversion;
    runners_.push_back({.stage = std::move(stage), .f = std::move(f), .phases = std::move(phases), .read = read});
  }
  if (!runners_.empty()) {
    solver_ = solver_kind_.make(solver_settings(model_.dynamics));
    measures_trajectory_ = std::ranges::any_of(measures_, [](const auto& m) { return m.first->needs_trajectory; });
    sample_interval_ = measures_trajectory_ ? model_.dynamics.dt : trace_interval(config, model);
  }
  if (credit_model_.feedback) {
    paths_ = credit_model_.feedback(network_.depth());
    feedback_ = make_feedback(config_, model_, network_);
    for (Runner& runner : runners_) {
      runner.stage.load(network_, feedback_, runner.f);
      if (model_.feedback.kind != "optimised") continue;
      for (const ControlLoop& loop : runner.stage.loops) stabilise(runner, loop);
    }
  }
  record_weights(0);
  record_evaluation();
}

void ModelRun::stabilise(Runner& runner, const ControlLoop& loop) {
  feedback_[loop.number] = stabilised_feedback(model_, runner.stage, loop, runner.f);
  runner.stage.load(network_, feedback_, runner.f);
}

bool ModelRun::is_asked(std::size_t trial) const {
  const RecordConfig& record = config_.record;
  if (record.every > 0 && trial % record.every == 0) return true;
  return std::ranges::binary_search(recorded_, trial);
}

void ModelRun::show(const arma::mat& x, const arma::mat& t) {
  if (!forward_moves_) return forward(network_, x, t, activity_);
  activity_.x = x;
  activity_.t = t;
  credit_.assign(network_.depth() + 1, {});
}

void ModelRun::run_trial(std::size_t trial, const arma::mat& x, const arma::mat& t) {
  show(x, t);
  const bool traced = !groups_.trace.datasets.empty();
  const bool asked = traced && is_asked(trial);
  const bool spare = traced && kept_unasked_ < config_.record.unsettled_limit;
  const bool keep_trajectory = solver_kind_.has_trajectory && (measures_trajectory_ || asked || spare);

  const auto divergence = assign_credit(trial, keep_trajectory);
  const std::vector<StageResult> stages = results(keep_trajectory);
  const TrialView view(network_, paths_, feedback_, activity_, credit_, stages);
  const TrialView* measured = divergence ? nullptr : &view;
  bool unsettled = false;
  for (Runner& r : runners_) {
    for (std::size_t i = 0; i < r.stage.loops.size(); ++i) {
      try {
        r.converged[i] = divergence ? -1 : (converged(view, r.stage.loops[i].number) ? 1 : 0);
      } catch (const NumericalError&) {
        r.converged[i] = -2;
      }
      unsettled = unsettled || r.converged[i] != 1;
    }
  }
  record_learning(trial, measured);
  if (asked || (spare && unsettled)) {
    record_trace(trial, measured);
    if (!asked) ++kept_unasked_;
  }
  trials_done_ = trial + 1;
  if (divergence) ++diverged_trials_;
  if (divergence && model_.dynamics.on_divergence == "stop") {
    if (divergence->cause) {
      const NumericalError& cause = *divergence->cause;
      throw NumericalError(
          fmt::format("model {}, trial {}, {}: {}", model_.name, trial, divergence->where, cause.object()),
          cause.fault(), cause.remedy());
    }
    throw DivergenceError({.model = model_.name,
                           .trial = trial,
                           .loop = divergence->where,
                           .population = divergence->population,
                           .time = divergence->time,
                           .limit = model_.dynamics.divergence_limit});
  }
  if (!divergence) change_weights(trial);
  if (trials_done_ % config_.record.evaluate_every == 0) record_evaluation();
  if (config_.record.weights_every > 0 && trials_done_ % config_.record.weights_every == 0)
    record_weights(trials_done_);
}

void ModelRun::change_weights(std::size_t trial) {
  const auto plastic = std::ranges::find_if(runners_, [](const Runner& r) { return r.stage.learned != nullptr; });
  if (plastic != runners_.end()) {
    plastic->stage.learned(plastic->f, plastic->x, network_);
  } else if (trial > 0 || !config_.learning.skip_first) {
    learn(rule_, activity_, credit_, network_);
  }
}

std::vector<StageResult> ModelRun::results(bool with_trajectories) {
  std::vector<StageResult> stages;
  for (Runner& r : runners_) {
    stages.push_back({.stage = &r.stage,
                      .f = r.fixed ? &*r.fixed : &r.f,
                      .x = r.fixed ? &r.x_fixed : &r.x_read,
                      .phase = r.phases[r.read],
                      .trajectory = with_trajectories ? &r.trajectory : nullptr,
                      .abscissa = r.abscissa});
  }
  return stages;
}

std::optional<ModelRun::Divergence> ModelRun::assign_credit(std::size_t trial, bool keep_trajectory) {
  for (Runner& r : runners_) {
    r.started = false;
    r.restabilised.assign(r.stage.loops.size(), false);
    r.converged.assign(r.stage.loops.size(), 0);
    r.abscissa.reset();
    r.run = {};
  }
  const std::size_t depth = network_.depth();
  if (!forward_moves_) {
    if (!activity_.e.is_finite()) return Divergence{"forward pass", "the output error", 0};
    credit_.resize(depth + 1);
    credit_[depth] = activity_.e;
  }
  if (credit_model_.assign) {
    credit_model_.assign(network_, feedback_, activity_, credit_);
  } else {
    for (Runner& r : runners_) {
      try {
        if (auto divergence = run_stage(r, trial, keep_trajectory)) return divergence;
      } catch (const NumericalError& error) {
        return Divergence{.where = r.stage.name, .population = {}, .time = 0, .cause = error};
      }
    }
  }
  for (std::size_t l = 1; l <= depth; ++l) {
    if (!credit_[l].is_finite()) return Divergence{"credit assignment", fmt::format("delta_{}", l), 0};
  }
  return std::nullopt;
}

void ModelRun::restabilise(Runner& r) {
  for (std::size_t i = 0; i < r.stage.loops.size(); ++i) {
    const ControlLoop& loop = r.stage.loops[i];
    const double abscissa = spectral_abscissa(r.f, r.x, 0, loop.members);
    // a nonlinear loop has another spectrum at the end of the trial
    if (r.stage.loops.size() == 1 && r.f.circuit().is_linear()) r.abscissa = abscissa;
    if (abscissa <= 0) continue;
    r.restabilised[i] = true;
    stabilise(r, loop);
    r.abscissa.reset();
    record_weights(trials_done_);
  }
}

std::optional<ModelRun::Divergence> ModelRun::run_stage(Runner& r, std::size_t trial, bool keep_trajectory) {
  r.stage.load(network_, feedback_, r.f);
  r.stage.begin(network_, activity_, credit_, r.f);
  r.x.assign(r.f.layout().size(), 0.0);
  if (model_.feedback.restabilise) restabilise(r);
  const bool learns = trial > 0 || !config_.learning.skip_first;
  for (std::size_t i = 0; i < r.stage.circuit.plasticity().size(); ++i) {
    r.f.plasticity(i).rate = learns ? config_.learning.rate : 0;
    r.f.plasticity(i).decay = learns ? config_.learning.decay : 0;
  }
  r.f.put_weights(r.x);
  for (std::size_t i = 0; i < r.phases.size(); ++i) {
    const Phase& phase = r.phases[i];
    r.stage.enter(network_, activity_, credit_, phase, r.f, r.x);
    // what a switch sets shows from the switch on, so each phase has a trajectory of its own, which is appended
    Trajectory* trajectory = keep_trajectory ? (i == 0 ? &r.trajectory : &segment_) : nullptr;
    const SolverRun run = solver_->run(r.f, r.x, {phase.start, phase.duration}, trajectory, sample_interval_);
    if (keep_trajectory && i > 0) r.trajectory.extend(segment_);
    r.started = true;
    r.run.columns = run.columns;
    r.run.steps += run.steps;
    r.run.evaluations += run.evaluations;
    if (const ColumnEnd* end = run.diverged()) {
      return Divergence{r.stage.name, r.f.block_name(end->population), end->time};
    }
    if (i == r.read) r.x_read = r.x;
  }
  r.stage.read(network_, r.f, r.x_read, activity_, credit_);
  if (r.phases.size() > 1) {
    // measures look at the circuit as it was when credit was read
    State scratch = r.x_read;
    r.stage.enter(network_, activity_, credit_, r.phases[r.read], r.f, scratch);
  }
  if (!r.stage.circuit.plasticity().empty()) fix_weights(r);
  return std::nullopt;
}

void ModelRun::fix_weights(Runner& r) {
  r.fixed.emplace(r.stage.circuit.without_plasticity(), 1);
  r.f.take_weights(r.x_read);
  const auto& projections = r.stage.circuit.projections();
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    if (std::holds_alternative<arma::mat>(projections[k].weights)) r.fixed->set_weights(k, r.f.weights(k));
  }
  r.stage.begin(network_, activity_, credit_, *r.fixed);
  // populations come before moving weights in the state
  r.x_fixed.assign(r.x_read.begin(), r.x_read.begin() + static_cast<std::ptrdiff_t>(r.fixed->layout().size()));
  r.stage.enter(network_, activity_, credit_, r.phases[r.read], *r.fixed, r.x_fixed);
}

void ModelRun::record_learning(std::size_t trial, const TrialView* view) {
  Rows& rows = rows_.learning;
  std::size_t column = 0;
  const auto put = [&](double value) { rows.values[column++].push_back(value); };
  put(static_cast<double>(trial));
  put(arma::dot(activity_.e, activity_.e));
  for (const auto& [measure, l] : measures_) {
    double value = nan;
    try {
      if (view != nullptr) value = measure->value(*view, l);
    } catch (const NumericalError&) {
      // what the measure refers to does not exist for these weights (no unique steady state): NaN says so
    }
    put(value);
  }
  for (const Runner& r : runners_) {
    for (std::size_t i = 0; i < r.stage.loops.size(); ++i) {
      put(static_cast<double>(r.run.steps));
      put(static_cast<double>(r.converged[i]));
      if (model_.feedback.restabilise) put(r.restabilised[i] ? 1 : 0);
    }
  }
  ++rows.count;
}

void ModelRun::record_evaluation() {
  last_loss_ = loss_.train_loss(network_);
  if (std::isfinite(last_loss_)) largest_loss_ = std::max(largest_loss_, last_loss_);
  Rows& rows = rows_.eval;
  rows.values[0].push_back(static_cast<double>(trials_done_));
  rows.values[1].push_back(last_loss_);
  rows.values[2].push_back(nan);
  ++rows.count;
}

void ModelRun::record_weights(std::size_t trials_done) {
  Rows& rows = rows_.weights;
  std::size_t column = 0;
  rows.values[column++].push_back(static_cast<double>(trials_done));
  for (std::size_t l = 1; l <= network_.depth(); ++l) {
    append_matrix(rows.values[column++], network_.W[l]);
    if (network_.bias) append_matrix(rows.values[column++], network_.b[l]);
  }
  for (const FeedbackPath& path : paths_) append_matrix(rows.values[column++], feedback_[path.number]);
  ++rows.count;
  last_snapshot_ = trials_done;
}

void ModelRun::record_trace(std::size_t trial, const TrialView* view) {
  Rows& rows = rows_.trace;
  std::size_t column = 0;
  const auto put = [&](double value) { rows.values[column++].push_back(value); };
  put(static_cast<double>(records_++));
  put(static_cast<double>(trial));
  const std::vector<StageResult> stages = results(true);
  double latest = 0;
  std::int64_t worst = 1;
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    const Runner& r = runners_[i];
    record_states(r, column);
    if (r.stage.timing == Stage::Timing::inversion) {
      for (const ControlLoop& loop : r.stage.loops) {
        const arma::mat& s = credit_[loop.source];
        for (arma::uword n = 0; n < network_.units[loop.source]; ++n) {
          rows.values[column].push_back(r.started ? s(n, 0) : nan);
        }
        ++column;
      }
    }
    record_derived(r, column);
    for (const std::int64_t flag : r.converged) worst = std::min(worst, flag);
    if (!r.stage.loops.empty()) latest = std::max(latest, settled_at(r, stages[i], view));
  }
  put(static_cast<double>(worst));
  put(worst == 1 ? latest : nan);
  ++rows.count;
}

void ModelRun::record_states(const Runner& r, std::size_t& column) {
  const Trajectory& trajectory = r.trajectory;
  const auto stride = static_cast<std::size_t>(std::llround(trace_interval(config_, model_) / sample_interval_));
  const std::size_t samples = std::ranges::find(groups_.trace.axes, time_name(r.stage), &Axis::name)->values.size();
  for (std::size_t block = 0; block < r.f.layout().populations(); ++block) {
    if (!is_recorded(config_, r.stage, r.f, block)) continue;
    auto& values = rows_.trace.values[column++];
    const std::size_t units = r.f.layout().units(block);
    const auto layers = block_layers(r.stage, block);
    for (std::size_t k = 0; k < samples; ++k) {
      // a trial that has diverged in an earlier phase has no samples of the later ones
      if (!r.started || k * stride >= trajectory.samples()) {
        values.insert(values.end(), units, nan);
        continue;
      }
      // of a batch, its first sample
      const auto x = trajectory.layout().view(trajectory.state(k * stride), block).column(0);
      if (layers.size() < 2) {
        values.insert(values.end(), x.begin(), x.end());
      } else {
        const std::size_t n = network_.units[layers[0]];
        append_matrix(values, arma::mat(const_cast<double*>(x.data()), n, units / n, false, true));
      }
    }
  }
}

void ModelRun::record_derived(const Runner& r, std::size_t& column) {
  if (r.stage.timing != Stage::Timing::schedule) return;
  const Trajectory& trajectory = r.trajectory;
  const double interval = trace_interval(config_, model_);
  const auto stride = static_cast<std::size_t>(std::llround(interval / sample_interval_));
  const auto& time = std::ranges::find(groups_.trace.axes, time_name(r.stage), &Axis::name)->values;
  const std::size_t first = column;
  column += r.stage.derived.size() + 2;
  for (std::size_t k = 0; k < time.size(); ++k) {
    // what a switch sets shows from the switch on; half an interval of tolerance for rounded times
    std::size_t now = 0;
    while (now + 1 < r.phases.size() && r.phases[now + 1].start <= time[k] + 0.5 * sample_interval_) ++now;
    const Phase& phase = r.phases[now];
    for (std::size_t i = 0; i < r.stage.derived.size(); ++i) {
      const DerivedSignal& signal = r.stage.derived[i];
      auto& values = rows_.trace.values[first + i];
      if (!r.started || k * stride >= trajectory.samples()) {
        values.insert(values.end(), network_.units[signal.layer], nan);
        continue;
      }
      const arma::vec value = signal.value(network_, activity_, phase, r.f, trajectory.state(k * stride), 0);
      values.insert(values.end(), value.begin(), value.end());
    }
    rows_.trace.values[column - 2].push_back(phase.stimulus ? 1 : 0);
    rows_.trace.values[column - 1].push_back(phase.target ? 1 : 0);
  }
}

double ModelRun::settled_at(const Runner& r, const StageResult& result, const TrialView* view) const {
  if (view == nullptr || std::ranges::any_of(r.converged, [](std::int64_t c) { return c != 1; })) return nan;
  double latest = 0;
  for (const ControlLoop& loop : r.stage.loops) {
    for (const auto& readout : loop.readouts) {
      const auto x_inf = result.f->layout().view(std::span<const double>(view->steady_state(result)), readout.first);
      const arma::vec target(x_inf.column(0).data(), x_inf.units);
      const auto time = settling_time(r.trajectory, readout.first, 0, target, settling_band, result.phase.start,
                                      result.phase.start + result.phase.duration);
      latest = std::max(latest, time.value_or(nan));
    }
  }
  return latest;
}

void ModelRun::finish() {
  if (last_snapshot_ != trials_done_) record_weights(trials_done_);
}

void ModelRun::truncate(std::size_t trials) {
  if (trials_done_ <= trials) return;
  const auto limit = static_cast<double>(trials);
  drop_rows(groups_.learning, rows_.learning, "trial", limit - 1);
  drop_rows(groups_.eval, rows_.eval, "evaluation", limit);
  drop_rows(groups_.weights, rows_.weights, "snapshot", limit);
  if (!groups_.trace.datasets.empty()) drop_rows(groups_.trace, rows_.trace, "trial", limit - 1);
}

}  // namespace dynvert
