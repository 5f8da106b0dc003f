#include <dynvert/analysis/measures.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/solvers/accelerated_solver.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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

std::size_t threads_of_model(const Config& config) {
  return std::max<std::size_t>(1, config.threads / config.models.size());
}

ModelTrainer::ModelTrainer(const Config& config, const ModelConfig& model, Network network,
                           const Evaluators& evaluators)
    : config_(config),
      model_(model),
      credit_model_(credit_model(model.credit)),
      solver_kind_(solver_kind(model.dynamics.solver)),
      groups_(model_groups(config, model)),
      rows_(groups_),
      network_(std::move(network)),
      evaluators_(evaluators),
      rule_{.eta = config.learning.rate,
            .lambda = config.learning.decay,
            .clip_delta = config.learning.clip_delta,
            .normalise_updates = config.learning.normalise_updates,
            .largest = config.learning.precision == "single" ? 1e29 : 1e290},
      measures_(measure_columns(config, model)),
      recorded_(config.record.trials),
      threads_(threads_of_model(config)),
      blocked_(learns_in_blocks(config, model)) {
  std::ranges::sort(recorded_);
  const LoopParameters parameters = loop_parameters(config, model);
  for (Stage& stage : model_stages(model_, network_, parameters)) {
    forward_moves_ = forward_moves_ || stage.timing != Stage::Timing::inversion;
    auto phases = stage_phases(stage, model_.dynamics);
    runners_.push_back({.run = StageRunner(std::move(stage), std::move(phases))});
  }
  if (!runners_.empty()) {
    SolverSettings settings = solver_settings(model_.dynamics);
    settings.threads = threads_;
    solver_ = config.fast == "auto" ? make_accelerated_solver(solver_kind_, settings)
                                    : make_reference_solver(solver_kind_, settings);
    measures_trajectory_ = std::ranges::any_of(measures_, [](const auto& m) { return m.first->needs_trajectory; });
    trace_settings_ = trace_settings(config, model);
  }
  if (credit_model_.feedback) {
    paths_ = credit_model_.feedback(network_.depth());
    feedback_ = make_feedback(config_, model_, network_);
    for (Runner& runner : runners_) {
      runner.run.stage().load(network_, feedback_, runner.run.f());
      if (model_.feedback.kind != "optimised") continue;
      for (const ControlLoop& loop : runner.run.stage().loops) stabilise(runner, loop);
    }
  }
  record_weights(0);
  record_evaluation();
}

void ModelTrainer::stabilise(Runner& runner, const ControlLoop& loop) {
  const Stage& stage = runner.run.stage();
  feedback_[loop.number] = stabilised_feedback(model_, stage, loop, runner.run.f());
  stage.load(network_, feedback_, runner.run.f());
}

bool ModelTrainer::is_asked(std::size_t trial) const {
  const RecordConfig& record = config_.record;
  if (record.every > 0 && trial % record.every == 0) return true;
  return std::ranges::binary_search(recorded_, trial);
}

std::size_t ModelTrainer::automatic_left() const {
  return groups_.trace.datasets.empty() ? 0 : config_.record.unsettled_limit - recorded_automatically_;
}

void ModelTrainer::show(const arma::mat& x, const arma::mat& t) {
  if (block_.size() > 0) {
    activity_.a.resize(network_.depth() + 1);
    block_.drive(activity_.a[1]);
    return forward_driven(network_, x, t, activity_);
  }
  if (!forward_moves_) return forward(network_, x, t, activity_);
  activity_.x = x;
  activity_.t = t;
  credit_.assign(network_.depth() + 1, {});
}

void ModelTrainer::run_trials(std::size_t first, std::span<const arma::mat> x, std::span<const arma::mat> t) {
  if (blocked_ && config_.learning.precision == "single") W_single_ = arma::conv_to<arma::fmat>::from(network_.W[1]);
  try {
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (blocked_ && k % trials_in_block == 0) {
        end_block();
        begin_block(x.subspan(k, std::min(trials_in_block, x.size() - k)));
      }
      run_trial(first + k, x[k], t[k]);
    }
  } catch (...) {
    end_trials();
    throw;
  }
  end_trials();
}

void ModelTrainer::begin_block(std::span<const arma::mat> x) {
  arma::mat X(x.front().n_rows, x.size(), arma::fill::none);
  for (std::size_t i = 0; i < x.size(); ++i) X.col(i) = x[i];
  if (W_single_.is_empty()) {
    block_.begin(network_.W[1], X);
  } else {
    block_.begin(W_single_, X);
  }
}

void ModelTrainer::end_block() {
  if (W_single_.is_empty()) {
    block_.apply(network_.W[1]);
  } else {
    block_.apply(W_single_);
  }
  block_.end();
}

/// Every number of single precision is one of double precision: W_1 can go there and back without a change.
void ModelTrainer::end_trials() {
  end_block();
  if (W_single_.is_empty()) return;
  std::ranges::copy(W_single_, network_.W[1].begin());
  W_single_.reset();
}

/// Does what looks at the whole network. W_1 is put back afterwards: looking changes no bit of what comes.
template <typename Work>
void ModelTrainer::with_all_changes(const Work& work) {
  if (!W_single_.is_empty()) {
    arma::fmat W = W_single_;
    block_.apply(W);
    std::ranges::copy(W, network_.W[1].begin());
    return work();
  }
  if (block_.done() == 0) return work();
  const arma::mat W = network_.W[1];
  block_.apply(network_.W[1]);
  work();
  // into the same memory: weights that wander leave holes
  network_.W[1] = W;
}

void ModelTrainer::run_trial(std::size_t trial, const arma::mat& x, const arma::mat& t) {
  show(x, t);
  const bool traced = !groups_.trace.datasets.empty();
  const bool asked = traced && is_asked(trial);
  const bool spare = automatic_left() > 0;
  const bool keep_trajectory = solver_kind_.has_trajectory && (measures_trajectory_ || asked);

  const auto divergence = assign_credit(trial, keep_trajectory);
  const std::vector<StageResult> stages = results(keep_trajectory);
  const TrialView view(network_, paths_, feedback_, activity_, credit_, stages);
  const TrialView* measured = divergence ? nullptr : &view;
  bool unsettled = false;
  for (Runner& r : runners_) {
    const auto& loops = r.run.stage().loops;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      try {
        // a solver without a trajectory gives the steady state itself
        const bool settled = !divergence && (!solver_kind_.has_trajectory || converged(view, loops[i].number));
        r.converged[i] = divergence ? -1 : (settled ? 1 : 0);
      } catch (const NumericalError&) {
        r.converged[i] = -2;
      }
      unsettled = unsettled || r.converged[i] != 1;
    }
  }
  record_learning(trial, measured, divergence ? divergence->fault : Fault::none);
  if (asked || (spare && unsettled)) {
    // nobody knows beforehand which trials will not settle: those few are run a second time, for their way
    if (!keep_trajectory) retrace(trial);
    record_trace(trial, measured);
    if (!asked) ++recorded_automatically_;
  }
  trials_done_ = trial + 1;
  if (divergence) {
    ++diverged_trials_;
    if (first_fault_.empty()) first_fault_ = describe(trial, *divergence);
  }
  if (divergence && model_.dynamics.on_divergence == "stop") {
    if (divergence->cause) {
      const NumericalError& cause = *divergence->cause;
      throw NumericalError(
          fmt::format("model {}, trial {}, {}: {}", model_.name, trial, divergence->where, cause.object()),
          cause.fault(), cause.remedy(), cause.kind());
    }
    throw DivergenceError({.model = model_.name,
                           .trial = trial,
                           .loop = divergence->where,
                           .population = divergence->population,
                           .time = divergence->time,
                           .limit = model_.dynamics.divergence_limit});
  }
  change_weights(!divergence && (trial > 0 || !config_.learning.skip_first));
  if (trials_done_ % config_.record.evaluate_every == 0) record_evaluation();
  if (config_.record.weights_every > 0 && trials_done_ % config_.record.weights_every == 0)
    record_weights(trials_done_);
}

void ModelTrainer::change_weights(bool learns) {
  const auto plastic = std::ranges::find_if(runners_, [](const Runner& r) { return r.run.stage().learned != nullptr; });
  if (plastic != runners_.end()) {
    if (learns) plastic->run.stage().learned(plastic->run.f(), plastic->run.x(), network_);
  } else if (learns) {
    learn(rule_, activity_, credit_, network_, block_.size() > 0 ? &block_ : nullptr);
  } else if (block_.size() > 0) {
    block_.skip();
  }
}

std::vector<StageResult> ModelTrainer::results(bool with_trajectories) {
  std::vector<StageResult> stages;
  for (Runner& r : runners_) {
    stages.push_back(r.run.result(with_trajectories));
    stages.back().abscissa = r.abscissa;
  }
  return stages;
}

std::optional<ModelTrainer::Divergence> ModelTrainer::assign_credit(std::size_t trial, bool keep_trajectory) {
  for (Runner& r : runners_) {
    const std::size_t loops = r.run.stage().loops.size();
    r.run.reset();
    r.restabilised.assign(loops, false);
    r.converged.assign(loops, 0);
    r.abscissa.reset();
  }
  const std::size_t depth = network_.depth();
  const arma::mat& shown = forward_moves_ ? activity_.x : activity_.h[0];
  if (!shown.is_finite() || !activity_.t.is_finite())
    return Divergence{"input", "an input or a target", 0, Fault::not_finite};
  if (!forward_moves_) {
    if (!activity_.e.is_finite()) return Divergence{"forward pass", "the output error", 0, Fault::not_finite};
    credit_.resize(depth + 1);
    credit_[depth] = activity_.e;
  }
  if (credit_model_.assign) {
    credit_model_.assign(network_, feedback_, activity_, model_.parameters, credit_);
  } else {
    for (Runner& r : runners_) {
      try {
        if (auto divergence = run_stage(r, trial, keep_trajectory)) return divergence;
      } catch (const NumericalError& error) {
        return Divergence{
            .where = r.run.stage().name, .population = {}, .time = 0, .fault = error.kind(), .cause = error};
      }
    }
  }
  for (std::size_t l = 1; l <= depth; ++l) {
    if (!credit_[l].is_finite())
      return Divergence{"credit assignment", fmt::format("delta_{}", l), 0, Fault::not_finite};
  }
  if (!can_learn(rule_, activity_, credit_)) {
    return Divergence{.where = "weight change",
                      .population = {},
                      .time = 0,
                      .fault = Fault::update,
                      .cause = NumericalError("weights", "would not be finite after the trial",
                                              "a smaller learning.rate, or clip_delta", Fault::update)};
  }
  return std::nullopt;
}

void ModelTrainer::restabilise(Runner& r) {
  const Stage& stage = r.run.stage();
  for (std::size_t i = 0; i < stage.loops.size(); ++i) {
    const ControlLoop& loop = stage.loops[i];
    const double abscissa = spectral_abscissa(r.run.f(), r.run.x(), 0, loop.members);
    // a nonlinear loop has another spectrum at the end of the trial
    if (stage.loops.size() == 1 && stage.circuit.is_linear()) r.abscissa = abscissa;
    if (abscissa <= 0) continue;
    r.restabilised[i] = true;
    stabilise(r, loop);
    r.abscissa.reset();
    record_weights(trials_done_);
  }
}

void ModelTrainer::set_plasticity(Runner& r, std::size_t trial) const {
  const bool learns = trial > 0 || !config_.learning.skip_first;
  for (std::size_t i = 0; i < r.run.stage().circuit.plasticity().size(); ++i) {
    r.run.f().plasticity(i).rate = learns ? config_.learning.rate : 0;
    r.run.f().plasticity(i).decay = learns ? config_.learning.decay : 0;
  }
}

std::optional<ModelTrainer::Divergence> ModelTrainer::run_stage(Runner& r, std::size_t trial, bool keep_trajectory) {
  StageRunner& run = r.run;
  run.begin(network_, feedback_, activity_, credit_);
  if (model_.feedback.restabilise) restabilise(r);
  set_plasticity(r, trial);
  run.run(*solver_, network_, activity_, credit_, keep_trajectory ? &trace_settings_.sample_interval : nullptr);
  if (const ColumnEnd* end = run.solver_run().diverged()) {
    return Divergence{run.stage().name, run.f().block_name(end->population), end->time};
  }
  return std::nullopt;
}

std::string ModelTrainer::describe(std::size_t trial, const Divergence& divergence) const {
  if (divergence.cause) {
    return fmt::format("trial {}, {}: {}: {}", trial, divergence.where, divergence.cause->object(),
                       divergence.cause->fault());
  }
  if (divergence.fault == Fault::not_finite)
    return fmt::format("trial {}, {}: {} is not finite", trial, divergence.where, divergence.population);
  return fmt::format("trial {}, {}: {} diverged at time {:g}", trial, divergence.where, divergence.population,
                     divergence.time);
}

void ModelTrainer::record_learning(std::size_t trial, const TrialView* view, Fault fault) {
  Rows& rows = rows_.learning;
  std::size_t column = 0;
  const auto put = [&](double value) { rows.values[column++].push_back(value); };
  put(static_cast<double>(trial));
  put(arma::dot(activity_.e, activity_.e));
  put(static_cast<double>(fault));
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
    for (std::size_t i = 0; i < r.run.stage().loops.size(); ++i) {
      put(static_cast<double>(r.run.solver_run().steps));
      put(static_cast<double>(r.converged[i]));
      if (model_.feedback.restabilise) put(r.restabilised[i] ? 1 : 0);
    }
  }
  ++rows.count;
}

void ModelTrainer::record_evaluation() {
  Score train, test;
  with_all_changes([&] {
    train = evaluators_.train.score(network_, threads_);
    if (evaluators_.test) test = evaluators_.test->score(network_, threads_);
  });
  last_loss_ = train.loss;
  if (std::isfinite(last_loss_)) largest_loss_ = std::max(largest_loss_, last_loss_);
  Rows& rows = rows_.eval;
  std::size_t column = 0;
  const auto put = [&](double value) { rows.values[column++].push_back(value); };
  put(static_cast<double>(trials_done_));
  put(last_loss_);
  put(nan);
  if (train.accuracy) put(*train.accuracy);
  if (evaluators_.test) {
    put(test.loss);
    if (test.accuracy) put(*test.accuracy);
  }
  ++rows.count;
}

void ModelTrainer::record_weights(std::size_t trials_done) {
  Rows& rows = rows_.weights;
  rows.values[0].push_back(static_cast<double>(trials_done));
  with_all_changes([&] { append_weights(network_, paths_, feedback_, rows); });
  ++rows.count;
  ++snapshots_;
  last_snapshot_ = trials_done;
}

/// Runs the loops of the trial once more, the same way, and keeps their trajectories.
void ModelTrainer::retrace(std::size_t trial) {
  for (Runner& r : runners_) {
    if (!r.run.started()) return;
    r.run.begin(network_, feedback_, activity_, credit_);
    set_plasticity(r, trial);
    r.run.run(*solver_, network_, activity_, credit_, &trace_settings_.sample_interval);
    if (!r.run.finished()) return;
  }
}

void ModelTrainer::record_trace(std::size_t trial, const TrialView* view) {
  TraceRow row{.record = records_++, .trial = trial, .converged = 1};
  std::vector<const StageRunner*> stages;
  for (const Runner& r : runners_) {
    stages.push_back(&r.run);
    for (const std::int64_t flag : r.converged) row.converged = std::min(row.converged, flag);
  }
  if (row.converged == 1 && view != nullptr) {
    for (const StageResult& result : results(true)) {
      if (result.stage->loops.empty()) continue;
      row.settling_time = std::max(row.settling_time, latest_settling_time(result, view->steady_state(result)));
    }
  }
  // of a batch, its first sample
  append_trace(groups_.trace, trace_settings_, row, stages, network_, activity_, credit_, 0, rows_.trace);
}

void ModelTrainer::finish() {
  if (last_snapshot_ != trials_done_) record_weights(trials_done_);
}

void ModelTrainer::truncate(std::size_t trials) {
  if (trials_done_ <= trials) return;
  const auto limit = static_cast<double>(trials);
  drop_rows(groups_.learning, rows_.learning, "trial", limit - 1);
  drop_rows(groups_.eval, rows_.eval, "evaluation", limit);
  drop_rows(groups_.weights, rows_.weights, "snapshot", limit);
  if (!groups_.trace.datasets.empty()) drop_rows(groups_.trace, rows_.trace, "trial", limit - 1);
}

}  // namespace dynvert
