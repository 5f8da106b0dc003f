#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/solvers/accelerated_solver.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>
#include <dynvert/sim/trial/circuit_weights.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dynvert {

namespace {

/// Phases that end when they have settled take this tolerance where the configuration sets none.
constexpr double settled_by_default = 1e-6;

/// Drops the rows whose first value (a count of trials) is above the limit; rows are in ascending order.
void drop_rows(const GroupSpec& spec, Rows& rows, std::string_view key, double limit) {
  if (rows.count == 0) return;
  const auto column = std::ranges::find(spec.datasets, key, &DatasetSpec::name) - spec.datasets.begin();
  const auto& values = rows.values[static_cast<std::size_t>(column)];
  const auto kept = static_cast<std::size_t>(std::ranges::count_if(values, [&](double v) { return v <= limit; }));
  for (auto& v : rows.values) v.resize(v.size() / rows.count * kept);
  rows.count = kept;
}

std::vector<double> largest_weights(const Network& network) {
  std::vector<double> largest;
  for (std::size_t l = 1; l <= network.depth(); ++l) largest.push_back(arma::abs(network.W[l]).max());
  return largest;
}

TrialRunner make_runner(const Config& config, const ModelConfig& model, std::vector<Stage> stages,
                        TrialRunner::Start start) {
  std::unique_ptr<Solver> solver, settling;
  if (!stages.empty()) {
    const SolverKind& kind = solver_kind(model.dynamics.solver);
    SolverSettings settings = solver_settings(model.dynamics);
    settings.threads = threads_of_model(config);
    solver = config.fast == "auto" ? make_accelerated_solver(kind, settings) : make_reference_solver(kind, settings);
    if (std::ranges::any_of(stages, &Stage::until_settled)) {
      if (settings.settle_tolerance == 0) settings.settle_tolerance = settled_by_default;
      settling = make_reference_solver(kind, settings);
    }
  }
  TrialRunner runner(stage_plans(std::move(stages), model.dynamics), credit_rule(config, model), std::move(solver),
                     TrialRunner::Columns::samples);
  runner.set_settling_solver(std::move(settling));
  runner.set_seed(config.seed);
  runner.set_start(std::move(start));
  return runner;
}

}  // namespace

ModelTrainer::ModelTrainer(const Config& config, const ModelConfig& model, Network network,
                           const Evaluators& evaluators)
    : config_(config),
      model_(model),
      circuit_(credit_of(config, model).circuit),
      tables_(model_tables(config, model)),
      rows_(tables_),
      network_(std::move(network)),
      evaluators_(evaluators),
      rule_{.eta = config.learning.rate,
            .lambda = config.learning.decay,
            .clip_delta = config.learning.clip_delta,
            .normalise_updates = config.learning.normalise_updates,
            .largest = config.learning.precision == "single" ? 1e29 : 1e290},
      runner_(make_runner(config, model, model_stages(config, model, network_, loop_parameters(config, model)),
                          start_of_trials())),
      abscissa_(runner_.stages()),
      threads_(threads_of_model(config)),
      first_layer_(learns_in_blocks(config, model), config.learning.precision == "single"),
      largest_at_start_(largest_weights(network_)),
      has_trajectory_(solver_kind(model.dynamics.solver).has_trajectory),
      carried_(tables_.carried.nothing) {
  for (std::size_t i = 0; i < runner_.stages(); ++i) {
    first_loop_.push_back(loops_.size());
    loops_.resize(loops_.size() + runner_.stage(i).stage().loops.size());
  }
  const auto measures = measure_columns(config, model);
  if (std::ranges::any_of(measures, [](const auto& m) { return m.measure->of == TrialMeasure::Of::matrix; }))
    reference_ = std::make_unique<const LearningReference>(config, model);
  if (runner_.stages() > 0) {
    follows_ = std::ranges::any_of(measures, [](const auto& m) { return m.measure->needs_trajectory; }) ||
               (circuit_ != nullptr && circuit_->takes_averages());
    sample_interval_ = trace_settings(config, model).sample_interval;
  }
  if (const CreditModel credit = credit_of(config, model).credit; credit.feedback) {
    paths_ = credit.feedback(network_.depth());
    feedback_ = make_feedback(config_, model_, network_);
  }
  if (circuit_ != nullptr) draw_circuit_weights(config_, model_, *circuit_, network_);
  if (!paths_.empty()) {
    for (std::size_t i = 0; i < runner_.stages(); ++i) {
      runner_.stage(i).load(network_, feedback_);
      if (!feedback_kind(model_.feedback.kind).stabilised) continue;
      for (const ControlLoop& loop : runner_.stage(i).stage().loops) stabilise(i, loop);
    }
  }
  if (circuit_ != nullptr && circuit_->has_own_readout())
    evaluation_.emplace(make_runner(config, model, circuit_->evaluation_stages(), start_of_trials()));
  if (evaluation_) evaluation_->set_seed(random_key(config.seed, "noise of evaluations"));
  record_weights();
  record_evaluation();
}

void ModelTrainer::restore(const Rows& state) {
  read_state(tables_, state, network_, feedback_, counts_, carried_);
  if (circuit_ != nullptr) circuit_->take_feedback(network_, feedback_);
  // what the constructor recorded of the start is in the file
  rows_ = ModelRows(tables_);
}

std::size_t ModelTrainer::automatic_left() const {
  return tables_.trace.empty() ? 0 : config_.record.unsettled_limit - counts_.recorded_automatically;
}

TrialRunner::Start ModelTrainer::start_of_trials() const {
  if (circuit_ == nullptr) return nullptr;
  return [this](const TrialCall& call, Activity& activity, Credit& credit) {
    DescribedCircuit::Beginning beginning{
        .trial = call.trial, .evaluates = call.evaluates, .first_sample = call.first_sample};
    if (!call.evaluates && !carried_.empty()) {
      beginning.carried = &carried_;
      beginning.places = places_;
    }
    circuit_->start(call.network, activity, credit, beginning);
  };
}

void ModelTrainer::find_places(std::span<const std::vector<std::size_t>> samples, std::size_t k, std::size_t columns) {
  if (carried_.empty()) return;
  if (circuit_->carries_per_sample()) {
    places_ = samples[k];
    return;
  }
  places_.resize(columns);
  std::iota(places_.begin(), places_.end(), std::size_t{0});
}

void ModelTrainer::run_trials(std::size_t first, std::span<const arma::mat> x, std::span<const arma::mat> t,
                              std::span<const std::vector<std::size_t>> samples) {
  first_layer_.begin_trials(network_);
  try {
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (first_layer_.blocked() && k % trials_in_block == 0)
        first_layer_.begin_block(network_, x.subspan(k, std::min(trials_in_block, x.size() - k)));
      find_places(samples, k, x[k].n_cols);
      run_trial(first + k, x[k], t[k]);
    }
  } catch (...) {
    first_layer_.end_trials(network_);
    throw;
  }
  first_layer_.end_trials(network_);
}

void ModelTrainer::run_trial(std::size_t trial, const arma::mat& x, const arma::mat& t) {
  runner_.show(network_, x, t, first_layer_.block());
  const bool requested = !tables_.trace.empty() && is_requested(config_.record, trial);
  const bool keeps = has_trajectory_ && (follows_ || requested);
  const bool learns = trial > 0 || !config_.learning.skip_first;
  TrialCall call{.trial = trial, .network = network_, .feedback = feedback_, .learns = learns};
  call.order = solver_kind(model_.dynamics.solver).order;
  call.path = trial * config_.learning.batch;
  if (keeps) call.keep = sample_interval_;

  const auto failure = run_stages(call);
  const std::vector<StageResult> stages = results(keeps);
  const TrialLearning learning = learning_of_trial(learns);
  const TrialView view(network_, paths_, feedback_, runner_.activity(), runner_.credit(), stages, &learning);
  const TrialView* measured = failure ? nullptr : &view;
  const bool settled = look_at_loops(view, failure.has_value());
  tables_.learning.append({.trial = trial,
                           .squared_error = arma::dot(runner_.activity().e, runner_.activity().e),
                           .fault = failure ? failure->fault : Fault::none,
                           .view = measured,
                           .loops = loops_},
                          rows_.learning);
  if (requested || (!settled && automatic_left() > 0)) {
    // nobody knows beforehand which trials will not settle: those few are run a second time, for their way
    if (!keeps) {
      call.keep = sample_interval_;
      runner_.run_again(call);
    }
    record_trace(trial, measured);
    if (!requested) ++counts_.recorded_automatically;
  }
  counts_.trials_done = trial + 1;
  if (failure) {
    ++counts_.diverged;
    if (first_fault_.empty()) first_fault_ = describe(trial, *failure);
    if (model_.dynamics.on_divergence == "stop") stop(trial, *failure);
  }
  if (!failure && !carried_.empty()) circuit_->carry(runner_.activity(), places_, carried_);
  change_weights(!failure && learns);
  if (counts_.trials_done % config_.record.evaluate_every == 0) record_evaluation();
  if (config_.record.weights_every > 0 && counts_.trials_done % config_.record.weights_every == 0) record_weights();
}

std::optional<TrialFailure> ModelTrainer::run_stages(const TrialCall& call) {
  std::ranges::fill(loops_, LoopRecord());
  std::ranges::fill(abscissa_, std::nullopt);
  TrialCall prepared = call;
  if (model_.feedback.restabilise) prepared.prepare = [this](std::size_t stage) { restabilise(stage); };
  if (auto failure = runner_.run(prepared)) return failure;
  if (has_own_rules()) {
    changes_ = circuit_->changes(call.trial, runner_.activity(), network_);
    if (changes_.is_finite()) return std::nullopt;
  } else if (can_learn(rule_, runner_.activity(), runner_.credit())) {
    return std::nullopt;
  }
  return TrialFailure{.where = "weight change",
                      .what = {},
                      .time = 0,
                      .fault = Fault::update,
                      .cause = NumericalError("weights", "would not be finite after the trial",
                                              "a smaller learning.rate, or clip_delta", Fault::update)};
}

std::string ModelTrainer::growth_of_weights() {
  // weights that start small grow tenfold by learning what they should
  constexpr double orders_of_magnitude = 100;
  std::vector<double> now;
  first_layer_.with_all_changes(network_, [&] { now = largest_weights(network_); });
  // since the start, not since the trial before: that costs trials nothing, and weights that begin to grow without
  // bound are far from it when a loop gives way
  std::string growth;
  double most = orders_of_magnitude;
  for (std::size_t l = 1; l <= now.size(); ++l) {
    const double before = largest_at_start_[l - 1];
    if (!(before > 0) || now[l - 1] / before < most) continue;
    most = now[l - 1] / before;
    growth = fmt::format("the largest weight of W{} has grown from {:.2g} to {:.2g}", l, before, now[l - 1]);
  }
  return growth;
}

void ModelTrainer::stop(std::size_t trial, const TrialFailure& failure) {
  constexpr const char* learn_less = "a smaller learning.rate, or clip_delta";
  const std::string model = fmt::format("model {}, trial {}, {}", model_.name, trial, failure.where);
  const std::string growth = growth_of_weights();
  // the likely cause comes first
  const std::string because = growth.empty() ? "" : fmt::format("{}: {}", learn_less, growth);
  const auto remedies = [&](const std::string& others) {
    return because.empty() ? others : fmt::format("{}. Else {}", because, others);
  };
  if (failure.cause) {
    const NumericalError& cause = *failure.cause;
    throw NumericalError(fmt::format("{}: {}", model, cause.object()), cause.fault(),
                         cause.kind() == Fault::update && !because.empty() ? because : remedies(cause.remedy()),
                         cause.kind());
  }
  if (failure.fault == Fault::not_finite) {
    // an input is at fault by itself; all else that is not finite is made of weights
    const std::string remedy = failure.where == "input" ? "data that are finite numbers" : learn_less;
    throw NumericalError(model, fmt::format("{} is not finite", failure.what),
                         failure.where == "input" || because.empty() ? remedy : because, failure.fault);
  }
  const DivergenceError divergence({.model = model_.name,
                                    .trial = trial,
                                    .loop = failure.where,
                                    .population = failure.what,
                                    .time = failure.time,
                                    .limit = model_.dynamics.divergence_limit});
  if (because.empty()) throw DivergenceError(divergence);
  throw NumericalError(divergence.object(), divergence.fault(), remedies(divergence.remedy()), divergence.kind());
}

bool ModelTrainer::look_at_loops(const TrialView& view, bool failed) {
  bool all_settled = true;
  for (std::size_t i = 0; i < runner_.stages(); ++i) {
    const auto& loops = runner_.stage(i).stage().loops;
    for (std::size_t k = 0; k < loops.size(); ++k) {
      LoopRecord& record = loops_[first_loop_[i] + k];
      record.steps = runner_.stage(i).solver_run().steps;
      try {
        // a solver without a trajectory gives the steady state itself
        const bool settled = !failed && (!has_trajectory_ || converged(view, loops[k].number));
        record.converged = failed ? -1 : (settled ? 1 : 0);
      } catch (const NumericalError&) {
        record.converged = -2;
      }
      all_settled = all_settled && record.converged == 1;
    }
  }
  return all_settled;
}

void ModelTrainer::change_weights(bool learns) {
  if (has_own_rules() && learns) {
    circuit_->take_moved(runner_.activity().values, network_);
    circuit_->apply(changes_, network_);
    circuit_->take_feedback(network_, feedback_);
  }
  // weights that move within the trial have learned there
  for (std::size_t i = 0; i < runner_.stages(); ++i) {
    if (runner_.stage(i).stage().learned == nullptr) continue;
    if (learns) runner_.stage(i).take_learned(network_);
    return;
  }
  if (has_own_rules()) return;
  OnlineBlock* const block = first_layer_.block();
  if (learns) {
    learn(rule_, runner_.activity(), runner_.credit(), network_, block);
  } else if (block != nullptr) {
    block->skip();
  }
}

std::vector<arma::mat> ModelTrainer::changes_by_matrix(bool learns) {
  const auto& matrices = reference_->matrices();
  std::vector<arma::mat> changes(matrices.size());
  if (!learns) return changes;
  const auto add = [&](std::size_t m, const arma::mat& change) {
    if (changes[m].is_empty())
      changes[m] = change;
    else
      changes[m] += change;
  };
  const auto add_difference = [&](std::size_t m, const arma::mat& moved) {
    add(m, arma::mat(moved - matrices[m].place.of(network_)));
  };
  if (has_own_rules()) {
    const auto of = [&](std::size_t number) {
      const auto m = std::ranges::find(matrices, number, &LearningReference::Matrix::number);
      return static_cast<std::size_t>(m - matrices.begin());
    };
    for (const auto& [number, moved] : runner_.activity().values.weights) add_difference(of(number), moved);
    for (std::size_t i = 0; i < circuit_->rules().size(); ++i) {
      if (!changes_.of_rules[i].is_empty()) add(of(circuit_->rules()[i].matrix()), changes_.of_rules[i]);
    }
    return changes;
  }
  // weights that move within the trial
  for (std::size_t i = 0; i < runner_.stages(); ++i) {
    if (runner_.stage(i).stage().learned == nullptr) continue;
    Network learned = network_;
    runner_.stage(i).take_learned(learned);
    for (std::size_t m = 0; m < matrices.size(); ++m) add_difference(m, matrices[m].place.of(learned));
    return changes;
  }
  // on weights of zero that do not decay, so that the change is what is left
  Network change = empty_network(config_);
  LearningRule rule = rule_;
  rule.lambda = 0;
  Credit credit = runner_.credit();
  learn(rule, runner_.activity(), credit, change);
  for (std::size_t m = 0; m < matrices.size(); ++m) changes[m] = matrices[m].place.of(change);
  return changes;
}

TrialLearning ModelTrainer::learning_of_trial(bool learns) {
  if (reference_ == nullptr) return {};
  const bool moves = runner_.forward_moves();
  // with the weights of the first layer, which a block may hold
  const auto with_weights = [this](const auto& of) {
    std::vector<arma::mat> result;
    first_layer_.with_all_changes(network_, [&] { result = of(); });
    return result;
  };
  return {.eta = rule_.eta,
          .changes = [this, learns] { return changes_by_matrix(learns); },
          .gradient =
              [this, moves, with_weights] {
                return with_weights([&] { return reference_->gradient(network_, runner_.activity(), moves); });
              },
          .gauss_newton =
              [this, moves, with_weights] {
                return with_weights([&] { return reference_->gauss_newton(network_, runner_.activity(), moves); });
              }};
}

std::vector<StageResult> ModelTrainer::results(bool with_trajectories) {
  std::vector<StageResult> stages = runner_.results(with_trajectories);
  for (std::size_t i = 0; i < stages.size(); ++i) stages[i].abscissa = abscissa_[i];
  return stages;
}

void ModelTrainer::stabilise(std::size_t i, const ControlLoop& loop) {
  StageRunner& stage = runner_.stage(i);
  feedback_[loop.number] = stabilised_feedback(model_, stage.stage(), loop, stage.f());
  if (circuit_ != nullptr) circuit_->put_feedback(feedback_, network_);
  stage.load(network_, feedback_);
}

void ModelTrainer::restabilise(std::size_t i) {
  StageRunner& run = runner_.stage(i);
  const Stage& stage = run.stage();
  for (std::size_t k = 0; k < stage.loops.size(); ++k) {
    const ControlLoop& loop = stage.loops[k];
    const double abscissa = spectral_abscissa(run.f(), run.x(), 0, loop.members);
    // a nonlinear loop has another spectrum at the end of the trial
    if (stage.loops.size() == 1 && stage.circuit.is_linear()) abscissa_[i] = abscissa;
    if (abscissa <= 0) continue;
    loops_[first_loop_[i] + k].restabilised = true;
    stabilise(i, loop);
    abscissa_[i].reset();
    record_weights();
  }
}

void ModelTrainer::record_evaluation() {
  Score train, test;
  first_layer_.with_all_changes(network_, [&] {
    const auto score = [&](const LossEvaluator& evaluator) {
      return evaluation_ ? score_of_readout(evaluator) : evaluator.score(network_, threads_);
    };
    train = score(evaluators_.train);
    if (evaluators_.test) test = score(*evaluators_.test);
  });
  counts_.last_loss = train.loss;
  if (std::isfinite(train.loss)) counts_.largest_loss = std::max(counts_.largest_loss, train.loss);
  tables_.eval.append({.trials_done = counts_.trials_done, .train = train, .test = test}, rows_.eval);
}

Score ModelTrainer::score_of_readout(const LossEvaluator& evaluator) {
  const auto output = [&](const arma::mat& x, const arma::mat& t, std::size_t first) -> std::optional<arma::mat> {
    evaluation_->show(network_, x, t, nullptr);
    TrialCall call{.network = network_,
                   .feedback = feedback_,
                   .learns = false,
                   .path = first,
                   .evaluates = true,
                   .first_sample = first};
    if (circuit_->averages_readout() && has_trajectory_) {
      call.keep = sample_interval_;
      call.order = solver_kind(model_.dynamics.solver).order;
    }
    if (evaluation_->run(call)) return std::nullopt;
    return arma::mat(t - evaluation_->activity().e);
  };
  const bool entropy = circuit_->plan().description().readout.loss == "cross_entropy";
  return evaluator.score(output, entropy ? cross_entropy : squared_error);
}

void ModelTrainer::record_weights() {
  first_layer_.with_all_changes(network_, [&] {
    tables_.weights.append({.trials_done = counts_.trials_done, .network = network_, .feedback = feedback_},
                           rows_.weights);
  });
  ++counts_.snapshots;
  counts_.last_snapshot = counts_.trials_done;
}

void ModelTrainer::record_trace(std::size_t trial, const TrialView* view) {
  TraceRow row{.record = counts_.records++, .trial = trial, .converged = 1};
  for (const LoopRecord& loop : loops_) row.converged = std::min(row.converged, loop.converged);
  if (row.converged == 1 && view != nullptr) {
    for (const StageResult& result : results(true)) {
      if (result.stage->loops.empty()) continue;
      row.settling_time = std::max(row.settling_time, latest_settling_time(result, view->steady_state(result)));
    }
  }
  const auto stages = runner_.stage_list();
  tables_.trace.append({.row = row,
                        .stages = stages,
                        .network = network_,
                        .activity = runner_.activity(),
                        .credit = runner_.credit(),
                        .column = 0},  // of a batch, its first sample
                       rows_.trace);
}

void ModelTrainer::finish() {
  if (counts_.last_snapshot != counts_.trials_done) record_weights();
}

void ModelTrainer::truncate(std::size_t trials) {
  if (counts_.trials_done < trials) return;
  const auto limit = static_cast<double>(trials);
  drop_rows(tables_.learning.spec(), rows_.learning, "trial", limit - 1);
  drop_rows(tables_.eval.spec(), rows_.eval, "evaluation", limit);
  drop_rows(tables_.weights.spec(), rows_.weights, "snapshot", limit);
  if (!tables_.trace.empty()) drop_rows(tables_.trace.spec(), rows_.trace, "trial", limit - 1);
}

}  // namespace dynvert
