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
  if (credit_model_.loops) {
    solver_ = solver_kind_.make(solver_settings(model_.dynamics));
    for (Loop& loop : credit_model_.loops(network_, loop_parameters(model_))) {
      RightHandSide f(loop.circuit, 1);
      runners_.push_back({.loop = std::move(loop), .f = std::move(f), .x = {}, .trajectory = {}, .run = {}});
    }
    measures_trajectory_ = std::ranges::any_of(measures_, [](const auto& m) { return m.first->needs_trajectory; });
    sample_interval_ = measures_trajectory_ ? model_.dynamics.dt : trace_interval(config, model);
  }
  if (credit_model_.uses_feedback) {
    feedback_ = make_feedback(config_, model_, network_);
    if (model_.feedback.kind == "optimised") {
      for (Runner& runner : runners_) stabilise(runner);
    }
  }
  record_weights(0);
  record_evaluation();
}

void ModelRun::stabilise(Runner& runner) {
  runner.loop.load(network_, feedback_, runner.f);
  feedback_[runner.loop.layer] = stabilised_feedback(model_, runner.loop, runner.f);
  runner.loop.load(network_, feedback_, runner.f);
}

bool ModelRun::is_recorded(std::size_t trial) const {
  const RecordConfig& record = config_.record;
  if (record.every > 0 && trial % record.every == 0) return true;
  return std::ranges::binary_search(recorded_, trial);
}

void ModelRun::run_trial(std::size_t trial, const arma::mat& x, const arma::mat& t) {
  forward(network_, x, t, activity_);
  const bool traced = !groups_.trace.datasets.empty();
  const bool asked = traced && is_recorded(trial);
  const bool spare = traced && kept_unasked_ < config_.record.unsettled_limit;

  const auto divergence = assign_credit(measures_trajectory_ || asked || spare);
  std::vector<LoopResult> results;
  for (Runner& r : runners_) {
    const bool has_trajectory = solver_kind_.has_trajectory && (measures_trajectory_ || asked || spare);
    results.push_back({&r.loop, &r.f, &r.x, has_trajectory ? &r.trajectory : nullptr, r.abscissa});
  }
  const TrialView view(network_, feedback_, activity_, credit_, results);
  const TrialView* measured = divergence ? nullptr : &view;
  for (Runner& r : runners_) {
    try {
      r.converged = divergence ? -1 : (converged(view, r.loop.layer) ? 1 : 0);
    } catch (const NumericalError&) {
      r.converged = -2;
    }
  }
  record_learning(trial, measured);
  const bool unsettled = std::ranges::any_of(runners_, [](const Runner& r) { return r.converged != 1; });
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
  if (!divergence && !(trial == 0 && config_.learning.skip_first)) learn(rule_, activity_, credit_, network_);
  if (trials_done_ % config_.record.evaluate_every == 0) record_evaluation();
  if (config_.record.weights_every > 0 && trials_done_ % config_.record.weights_every == 0)
    record_weights(trials_done_);
}

std::optional<ModelRun::Divergence> ModelRun::assign_credit(bool keep_trajectory) {
  for (Runner& r : runners_) {
    r.ran = false;
    r.restabilised = false;
    r.abscissa.reset();
    r.run = {};
  }
  if (!activity_.e.is_finite()) return Divergence{"forward pass", "the output error", 0};
  const std::size_t depth = network_.depth();
  if (credit_model_.assign) {
    credit_model_.assign(network_, feedback_, activity_, credit_);
  } else {
    credit_.resize(depth + 1);
    credit_[depth] = activity_.e;
    for (Runner& r : runners_) {
      try {
        if (auto divergence = run_loop(r, keep_trajectory)) return divergence;
      } catch (const NumericalError& error) {
        return Divergence{.where = r.loop.name, .population = {}, .time = 0, .cause = error};
      }
    }
  }
  for (std::size_t l = 1; l < depth; ++l) {
    if (!credit_[l].is_finite()) return Divergence{"credit assignment", fmt::format("delta_{}", l), 0};
  }
  return std::nullopt;
}

std::optional<ModelRun::Divergence> ModelRun::run_loop(Runner& r, bool keep_trajectory) {
  r.loop.load(network_, feedback_, r.f);
  r.loop.drive(network_, activity_, credit_, r.f);
  r.x.assign(r.f.layout().size(), 0.0);
  if (model_.feedback.restabilise) {
    const double abscissa = spectral_abscissa(r.f, r.x, 0);
    r.restabilised = abscissa > 0;
    // a nonlinear loop has another spectrum at the end of the trial
    if (r.f.circuit().is_linear()) r.abscissa = abscissa;
    if (r.restabilised) {
      stabilise(r);
      r.abscissa.reset();
      record_weights(trials_done_);
    }
  }
  Trajectory* trajectory = keep_trajectory && solver_kind_.has_trajectory ? &r.trajectory : nullptr;
  r.run = solver_->run(r.f, r.x, {.start = 0, .duration = model_.dynamics.duration}, trajectory, sample_interval_);
  r.ran = true;
  if (const ColumnEnd* end = r.run.diverged()) {
    return Divergence{r.loop.name, r.loop.circuit.populations()[end->population].name, end->time};
  }
  r.loop.read(network_, activity_, r.f, r.x, credit_);
  return std::nullopt;
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
    put(static_cast<double>(r.run.steps));
    put(static_cast<double>(r.converged));
    if (model_.feedback.restabilise) put(r.restabilised ? 1 : 0);
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
  if (credit_model_.uses_feedback) {
    for (std::size_t l = 2; l <= network_.depth(); ++l) append_matrix(rows.values[column++], feedback_[l]);
  }
  ++rows.count;
  last_snapshot_ = trials_done;
}

void ModelRun::record_trace(std::size_t trial, const TrialView* view) {
  Rows& rows = rows_.trace;
  std::size_t column = 0;
  const auto put = [&](double value) { rows.values[column++].push_back(value); };
  put(static_cast<double>(records_++));
  put(static_cast<double>(trial));
  const auto& time = groups_.trace.axes.front().values;
  const double interval = trace_interval(config_, model_);
  double latest = 0;
  std::int64_t worst = 1;
  for (const Runner& r : runners_) {
    const Trajectory& trajectory = r.trajectory;
    const auto stride = static_cast<std::size_t>(std::llround(interval / sample_interval_));
    for (PopulationIndex p = 0; p < r.loop.circuit.populations().size(); ++p) {
      if (!is_recorded_population(config_, r.loop.circuit.populations()[p].name)) continue;
      auto& values = rows.values[column++];
      if (!r.ran) {
        values.insert(values.end(), time.size() * r.loop.circuit.populations()[p].units, nan);
        continue;
      }
      for (std::size_t k = 0; k < time.size(); ++k) {
        // of a batch, its first sample
        const auto x = trajectory.layout().view(trajectory.state(k * stride), p).column(0);
        values.insert(values.end(), x.begin(), x.end());
      }
    }
    for (const double v : std::as_const(r.f).input(r.loop.controller).column(0)) {
      rows.values[column].push_back(r.ran ? -v : nan);
    }
    ++column;
    worst = std::min(worst, r.converged);
    latest = std::max(latest, settled_at(r, view));
  }
  put(static_cast<double>(worst));
  put(worst == 1 ? latest : nan);
  ++rows.count;
}

double ModelRun::settled_at(const Runner& r, const TrialView* view) {
  if (view == nullptr || r.converged != 1) return nan;
  const auto x_inf = r.f.layout().view(std::span<const double>(view->steady_state(r.loop.layer)), r.loop.readout);
  const arma::vec target(x_inf.column(0).data(), x_inf.units);
  return settling_time(r.trajectory, r.loop.readout, 0, target, settling_band).value_or(nan);
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
