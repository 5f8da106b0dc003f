// The loops of a model without learning: errors of one's own, inverted at each point of a grid of parameters.

#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace dynvert {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Point {
  double alpha = 0, tau_u = 1;
  std::size_t sample = 0;
};

/// What all batches of a model share.
struct Inversion {
  Config config;
  ModelConfig model;
  Network network;
  Feedback feedback;
  std::vector<FeedbackPath> paths;
  std::vector<std::pair<const TrialMeasure*, std::size_t>> measures;
  arma::mat inputs, errors;  ///< a column a sample

  /// alpha is the slowest axis of the grid, the sample the fastest.
  [[nodiscard]] Point point(std::size_t trial) const {
    const InversionConfig& grid = config.inversion;
    Point point{.alpha = model.alpha, .tau_u = model.dynamics.tau_u, .sample = trial % grid.samples};
    const std::size_t place = trial / grid.samples;
    const std::size_t ratios = std::max<std::size_t>(1, grid.ratio.size());
    if (!grid.ratio.empty()) point.tau_u = grid.ratio[place % ratios] * model.dynamics.tau_delta;
    if (!grid.alpha.empty()) point.alpha = grid.alpha[place / ratios];
    return point;
  }
  [[nodiscard]] std::vector<Stage> stages(const Point& point) const {
    LoopParameters parameters = loop_parameters(config, model);
    parameters.alpha = point.alpha;
    parameters.tau_u = point.tau_u;
    return model_stages(model, network, parameters);
  }
  [[nodiscard]] bool has_time() const { return solver_kind(model.dynamics.solver).has_trajectory; }

  [[nodiscard]] InputSignals signals(std::size_t first, std::size_t count) const;
  [[nodiscard]] std::vector<Phase> phases(const std::vector<InputSignal>& signals) const;
  [[nodiscard]] TransientBatch batch(std::size_t first, std::size_t count) const;
  [[nodiscard]] GroupSpec points() const;
  [[nodiscard]] TraceRow measure(const TransientTrial& trial, Rows& rows) const;
};

/// -e(t) for each column of a batch: what arrives at the controller beside W delta.
InputSignals Inversion::signals(std::size_t first, std::size_t count) const {
  const InversionConfig& options = config.inversion;
  InputSignal error{.amplitude = arma::mat(errors.n_rows, count), .start = options.onset};
  for (std::size_t c = 0; c < count; ++c) error.amplitude.col(c) = -errors.col(point(first + c).sample);
  // the steady state is that of the error at its full size
  if (!has_time()) error.start = 0;
  if (has_time() && options.signal == "ramp") {
    error.shape = InputSignal::Shape::ramp;
    error.rise = options.rise;
  }
  auto signals = std::make_shared<std::vector<InputSignal>>(1, error);
  if (!has_time() || options.signal != "noise") return signals;

  InputSignal noise = error;
  noise.shape = InputSignal::Shape::noise;
  noise.spacing = model.dynamics.dt;
  noise.amplitude.fill(-options.noise * options.amplitude);
  const auto knots = static_cast<std::size_t>((model.dynamics.duration - options.onset) / noise.spacing) + 2;
  std::vector<arma::mat> xi;
  for (std::size_t c = 0; c < count; ++c) {
    // the same fluctuations at every point of the grid
    RandomStream random(config.seed, fmt::format("noise of error {}", point(first + c).sample));
    xi.push_back(ornstein_uhlenbeck(random, errors.n_rows, knots, noise.spacing, options.noise_tau));
  }
  noise.knots = std::make_shared<const std::vector<arma::mat>>(std::move(xi));
  signals->push_back(std::move(noise));
  return signals;
}

std::vector<Phase> Inversion::phases(const std::vector<InputSignal>& signals) const {
  if (!has_time()) return {{.duration = model.dynamics.duration}};
  const std::vector<double> starts = stretches(signals, model.dynamics.duration);
  std::vector<Phase> phases;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const double end = i + 1 < starts.size() ? starts[i + 1] : model.dynamics.duration;
    phases.push_back({.start = starts[i], .duration = end - starts[i]});
  }
  return phases;
}

TransientBatch Inversion::batch(std::size_t first, std::size_t count) const {
  TransientBatch batch{.first = first, .count = count, .stages = {}, .activity = {}, .credit = {}};
  arma::mat x(inputs.n_rows, count);
  arma::mat e(errors.n_rows, count);
  for (std::size_t c = 0; c < count; ++c) {
    x.col(c) = inputs.col(point(first + c).sample);
    e.col(c) = errors.col(point(first + c).sample);
  }
  const std::size_t depth = network.depth();
  forward(network, x, arma::mat(network.units[depth], count), batch.activity);
  batch.activity.t = batch.activity.h[depth] + e;
  batch.activity.e = e;
  batch.credit.assign(depth + 1, arma::mat());
  batch.credit[depth] = e;

  const InputSignals signals = this->signals(first, count);
  bool shown = false;
  for (Stage& stage : stages(point(first))) {
    std::vector<Phase> phases{{.duration = model.dynamics.duration}};
    const ControlLoop& loop = stage.loops.front();
    if (loop.source == depth) {
      phases = this->phases(*signals);
      stage.enter = [enter = stage.enter, signals, u = loop.controller](const Network& n, const Activity& activity,
                                                                        const Credit& credit, const Phase& phase,
                                                                        RightHandSide& f, State& state) {
        enter(n, activity, credit, phase, f, state);
        set_input(f, u, signals, phase.start, phase.start + phase.duration);
      };
      // the loops of all layers see the same error: it is shown once
      if (!shown) {
        stage.derived.push_back({.name = "e",
                                 .role = "output_error",
                                 .population = loop.controller,
                                 .description = "the error that drives the loops, in time",
                                 .value = [signals](const DerivedSignal::Sample& at) {
                                   const std::size_t column[]{at.column};
                                   arma::vec value(signals->front().amplitude.n_rows);
                                   sum_signals(*signals, at.phase.start, at.phase.start + at.phase.duration, at.time,
                                               column, {value.memptr(), value.n_elem, 1, value.n_elem});
                                   return arma::vec(-value);
                                 }});
        shown = true;
      }
    }
    batch.stages.push_back({std::move(stage), std::move(phases)});
  }
  return batch;
}

GroupSpec Inversion::points() const {
  GroupSpec group{.path = fmt::format("/models/{}/grid", model.name), .row_dimension = "trial"};
  const auto real = [&](const char* name, const char* units, const char* description) {
    group.datasets.push_back({.name = name, .units = units, .description = description});
  };
  group.datasets.push_back(counter("trial", "number of the inversion, from 0"));
  real("alpha", "1", "leak of the controllers");
  real("tau_u", "time", "time constant of the controllers");
  real("tau_delta", "time", "time constant of the error populations");
  group.datasets.push_back(counter("sample", "number of the error and the input"));
  for (const auto& [measure, l] : measures) {
    group.datasets.push_back({.name = fmt::format("{}_{}", measure->name, l),
                              .units = std::string(measure->units),
                              .description = std::string(measure->description)});
  }
  for (const Stage& stage : stages(point(0))) {
    for (const ControlLoop& loop : stage.loops) {
      group.datasets.push_back(
          counter(fmt::format("steps_{}", loop.number), "steps of the solver; Newton iterations of fixed_point"));
      auto flag =
          counter(fmt::format("converged_{}", loop.number), "whether the loop was within 2 % of its steady state");
      flag.legend = converged_legend;
      group.datasets.push_back(std::move(flag));
    }
  }
  for (std::size_t l = 1; l < network.depth(); ++l) {
    group.axes.push_back(layer_axis(l, network.units[l]));
    group.datasets.push_back({.name = fmt::format("credit_{}", l),
                              .axes = {group.axes.back().name},
                              .description = "credit signal of the layer as read out at the end; NaN: there is none"});
  }
  return group;
}

Activity column_of(const Activity& activity, std::size_t c) {
  Activity one;
  for (const arma::mat& a : activity.a) one.a.push_back(a.is_empty() ? a : arma::mat(a.col(c)));
  for (const arma::mat& h : activity.h) one.h.push_back(h.is_empty() ? h : arma::mat(h.col(c)));
  one.t = activity.t.col(c);
  one.e = activity.e.col(c);
  return one;
}

TraceRow Inversion::measure(const TransientTrial& trial, Rows& rows) const {
  const std::size_t number = trial.batch.first + trial.column;
  const Point at = point(number);
  const bool complete = !trial.diverged && !trial.failed;
  const Activity activity = column_of(trial.batch.activity, trial.column);
  Credit credit;
  for (const arma::mat& delta : trial.batch.credit)
    credit.push_back(delta.n_cols > trial.column ? arma::mat(delta.col(trial.column)) : arma::mat());

  // each stage again with the parameters of the point, driven by the error at its full size
  const std::vector<Stage> own = stages(at);
  std::vector<std::unique_ptr<SingleTrial>> singles;
  std::vector<StageResult> results;
  for (std::size_t i = 0; i < own.size(); ++i) {
    // what a trial that failed did not come to
    arma::mat& s = credit[own[i].loops.front().source];
    if (s.is_empty()) s.zeros(network.units[own[i].loops.front().source], 1);
    RightHandSide f(own[i].circuit, 1);
    State x(f.layout().size());
    own[i].load(network, feedback, f);
    own[i].begin(network, activity, credit, f);
    own[i].enter(network, activity, credit, trial.stages[i]->read_phase(), f, x);
    if (complete) {
      singles.push_back(std::make_unique<SingleTrial>(*trial.stages[i], trial.column, own[i], std::move(f)));
    } else {
      singles.push_back(std::make_unique<SingleTrial>(own[i], std::move(f)));
    }
    results.push_back(singles.back()->result);
  }
  const auto is_linear = [](const Stage& stage) { return stage.circuit.is_linear(); };
  const bool linear = std::ranges::all_of(own, is_linear);
  const TrialView view(network, paths, feedback, activity, credit, results);

  std::size_t column = 0;
  const auto put = [&](double value) { rows.values[column++].push_back(value); };
  put(static_cast<double>(number));
  put(at.alpha);
  put(at.tau_u);
  put(model.dynamics.tau_delta);
  put(static_cast<double>(at.sample));
  for (const auto& [quantity, l] : measures) {
    double value = nan;
    try {
      if (complete || (linear && quantity->of_spectrum)) value = quantity->value(view, l);
    } catch (const NumericalError&) {
      // what the measure refers to does not exist at this point (no unique steady state): NaN says so
    }
    put(value);
  }
  TraceRow row{.trial = number, .converged = 1};
  for (std::size_t i = 0; i < own.size(); ++i) {
    const StageRunner& runner = *trial.stages[i];
    for (const ControlLoop& loop : own[i].loops) {
      std::int64_t flag = trial.diverged ? -1 : -2;
      try {
        if (complete) flag = converged(view, loop.number) ? 1 : 0;
      } catch (const NumericalError&) {
        flag = -2;
      }
      put(runner.started() ? static_cast<double>(runner.solver_run().columns[trial.column].steps) : 0);
      put(static_cast<double>(flag));
      row.converged = std::min(row.converged, flag);
    }
  }
  for (std::size_t l = 1; l < network.depth(); ++l) {
    const arma::mat& delta = credit[l];
    for (std::size_t n = 0; n < network.units[l]; ++n) rows.values[column].push_back(complete ? delta[n] : nan);
    ++column;
  }
  ++rows.count;
  for (const StageResult& result : results) {
    if (row.converged != 1 || result.trajectory == nullptr) break;
    row.settling_time = std::max(row.settling_time, latest_settling_time(result, view.steady_state(result)));
  }
  return row;
}

void stabilise_loops(const Inversion& inversion, Feedback& feedback) {
  for (const Stage& stage : inversion.stages(inversion.point(0))) {
    RightHandSide f(stage.circuit, 1);
    stage.load(inversion.network, feedback, f);
    for (const ControlLoop& loop : stage.loops) {
      feedback[loop.number] = stabilised_feedback(inversion.model, stage, loop, f);
    }
  }
}

}  // namespace

TransientPlan inversion_plan(const Config& config, const ModelConfig& model, const Network& network) {
  const std::size_t samples = config.inversion.samples;
  const auto shared = std::make_shared<Inversion>(Inversion{
      .config = config,
      .model = model,
      .network = network,
      .feedback = make_feedback(config, model, network),
      .paths = credit_model(model.credit).feedback(network.depth()),
      .measures = measure_columns(config, model),
      .inputs = RandomStream(config.seed, "inputs").normal(network.units.front(), samples),
      .errors =
          config.inversion.amplitude * RandomStream(config.seed, "errors").normal(network.units.back(), samples)});
  // at the model's own alpha and tau_u: one B for the whole grid
  if (model.feedback.kind == "optimised") stabilise_loops(*shared, shared->feedback);

  const SolverKind& kind = solver_kind(model.dynamics.solver);
  TransientPlan plan{.name = model.name,
                     .solver = model.dynamics.solver,
                     .settings = solver_settings(model.dynamics),
                     .trials = config.trials,
                     .network = network,
                     .feedback = shared->feedback,
                     .trace_settings = trace_settings(config, model),
                     .points = shared->points(),
                     .weights = weights_group(config, model),
                     .trace = {},
                     .weights_row = Rows(GroupSpec{}),
                     .attributes = {}};
  const TransientBatch first = shared->batch(0, 1);
  const auto is_linear = [](const StagePlan& s) { return s.stage.circuit.is_linear(); };
  check_exact(model.dynamics.solver, std::ranges::all_of(first.stages, is_linear), config.inversion.signal == "step");
  if (kind.has_trajectory)
    plan.trace = trace_group(fmt::format("/models/{}", model.name), first.stages, plan.trace_settings);
  std::size_t values = 0;
  for (const StagePlan& stage : first.stages) values += RightHandSide(stage.stage.circuit, 1).layout().size();
  plan.batch_size =
      batch_size(config.trials, values,
                 static_cast<std::size_t>(model.dynamics.duration / plan.trace_settings.sample_interval) + 1);

  plan.weights_row = Rows(plan.weights);
  plan.weights_row.values[0].push_back(0);
  append_weights(network, shared->paths, shared->feedback, plan.weights_row);
  plan.weights_row.count = 1;
  plan.attributes = {{"credit", model.credit},
                     {"feedback", model.feedback.kind},
                     {"transfer", model.dynamics.transfer},
                     {"solver", model.dynamics.solver},
                     {"alpha", model.alpha},
                     {"tau_delta", model.dynamics.tau_delta},
                     {"tau_u", model.dynamics.tau_u}};
  if (kind.has_trajectory) {
    plan.attributes.emplace_back("dt", model.dynamics.dt);
    plan.attributes.emplace_back("duration", model.dynamics.duration);
    plan.attributes.emplace_back("signal", config.inversion.signal);
  }
  plan.make_batch = [shared](std::size_t from, std::size_t count) { return shared->batch(from, count); };
  plan.prepare = [shared](const TransientBatch& batch, StageRunner& runner) {
    for (const ControlLoop& loop : runner.stage().loops) {
      for (std::size_t c = 0; c < batch.count; ++c) {
        const Point at = shared->point(batch.first + c);
        runner.f().leak(loop.controller)[c] = at.alpha;
        runner.f().tau(loop.controller)[c] = at.tau_u;
      }
    }
  };
  plan.measure = [shared](const TransientTrial& trial, Rows& rows) { return shared->measure(trial, rows); };
  return plan;
}

}  // namespace dynvert
