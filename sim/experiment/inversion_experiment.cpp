// The loops of a model without learning: user-defined errors, inverted at each point of a grid of parameters.

#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/experiment/error_signals.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace dynvert {

namespace {

struct Point {
  double alpha = 0, tau_u = 1;
  std::size_t sample = 0;
};

/// A trial of the grid that has been run.
struct PointRow {
  std::size_t number;
  Point point;
  const TransientTrial& trial;
  const TrialView& view;                ///< the trial by itself, with the parameters of its point
  bool linear;                          ///< all of its stages are
  std::vector<std::int64_t> converged;  ///< by loop, in the order of the stages
};

/// What all batches of a model share.
struct Inversion {
  Config config;
  ModelConfig model;
  Network network;
  Feedback feedback;
  std::vector<FeedbackPath> paths;
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
    return model_stages(config, model, network, parameters);
  }
  /// A loop whose source is this layer never settles: its error fluctuates. 0: there is none.
  [[nodiscard]] std::size_t fluctuating_source() const {
    return has_time() && error_signal(config.inversion.signal).fluctuates ? network.depth() : 0;
  }
  [[nodiscard]] bool has_time() const { return solver_kind(model.dynamics.solver).has_trajectory; }

  [[nodiscard]] InputSignals signals(std::size_t first, std::size_t count) const;
  [[nodiscard]] std::vector<Phase> phases(const std::vector<InputSignal>& signals) const;
  [[nodiscard]] TransientBatch batch(std::size_t first, std::size_t count) const;
  [[nodiscard]] Table<PointRow> points() const;
  [[nodiscard]] TraceRow measure(const TransientTrial& trial, const Table<PointRow>& points, Rows& rows) const;
};

/// -e(t) for each column of a batch: what arrives at the controller beside W delta.
InputSignals Inversion::signals(std::size_t first, std::size_t count) const {
  const InversionConfig& options = config.inversion;
  InputSignal error{.amplitude = arma::mat(errors.n_rows, count), .start = options.onset};
  for (std::size_t c = 0; c < count; ++c) error.amplitude.col(c) = -errors.col(point(first + c).sample);
  if (!has_time()) {
    // the steady state is that of the error at its full size
    error.start = 0;
    return std::make_shared<const std::vector<InputSignal>>(1, error);
  }
  std::vector<std::size_t> samples;
  for (std::size_t c = 0; c < count; ++c) samples.push_back(point(first + c).sample);
  return std::make_shared<const std::vector<InputSignal>>(
      error_signal(options.signal).make({config, model.dynamics, std::move(samples), std::move(error)}));
}

std::vector<Phase> Inversion::phases(const std::vector<InputSignal>& signals) const {
  if (!has_time()) return {{.duration = model.dynamics.duration}};
  const std::vector<double> starts = intervals(signals, model.dynamics.duration);
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
                                 .like = stage.circuit.populations()[loop.controller],
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

Table<PointRow> Inversion::points() const {
  using Row = PointRow;
  Table<Row> table(fmt::format("/models/{}/grid", model.name), "trial");
  table.add_number(counter("trial", "number of the inversion, from 0"),
                   [](const Row& row) { return static_cast<double>(row.number); });
  table.add_number({.name = "alpha", .units = "1", .description = "leak of the controllers"},
                   [](const Row& row) { return row.point.alpha; });
  table.add_number({.name = "tau_u", .units = "time", .description = "time constant of the controllers"},
                   [](const Row& row) { return row.point.tau_u; });
  table.add_number({.name = "tau_delta", .units = "time", .description = "time constant of the error populations"},
                   [tau_delta = model.dynamics.tau_delta](const Row&) { return tau_delta; });
  table.add_number(counter("sample", "number of the error and the input"),
                   [](const Row& row) { return static_cast<double>(row.point.sample); });
  for (const auto& [measure, l, of] : measure_columns(config, model)) {
    table.add_number(measure_dataset(*measure, of),
                     [measure = measure, l = l, fluctuating = fluctuating_source()](const Row& row) {
                       const bool known = row.trial.complete() || (row.linear && measure->of_spectrum);
                       // measures of the way to the steady state, which a fluctuating error does not have
                       if (known && measure->needs_trajectory && row.view.loop(l).loop->source == fluctuating)
                         return no_value;
                       return known ? value_or_nan(*measure, row.view, l) : no_value;
                     });
  }
  std::size_t place = 0;
  const auto stages = this->stages(point(0));
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    for (const ControlLoop& loop : stages[stage].loops) {
      table.add_number(steps_dataset(loop.number),
                       [stage](const Row& row) { return static_cast<double>(row.trial.steps(stage)); });
      table.add_number(converged_dataset(loop.number),
                       [i = place++](const Row& row) { return static_cast<double>(row.converged[i]); });
    }
  }
  for (std::size_t l = 1; l < network.depth(); ++l) {
    const Axis axis = layer_axis(l, network.units[l]);
    table.add_axis(axis);
    table.add({.name = fmt::format("credit_{}", l),
               .axes = {axis.name},
               .description = "credit signal of the layer as read out at the end; NaN: there is none"},
              [l, units = network.units[l]](const Row& row, std::vector<double>& values) {
                const arma::mat& delta = row.view.credit()[l];
                for (std::size_t n = 0; n < units; ++n) values.push_back(row.trial.complete() ? delta[n] : no_value);
              });
  }
  return table;
}

Activity column_of(const Activity& activity, std::size_t c) {
  Activity one;
  for (const arma::mat& a : activity.a) one.a.push_back(a.is_empty() ? a : arma::mat(a.col(c)));
  for (const arma::mat& h : activity.h) one.h.push_back(h.is_empty() ? h : arma::mat(h.col(c)));
  one.t = activity.t.col(c);
  one.e = activity.e.col(c);
  return one;
}

TraceRow Inversion::measure(const TransientTrial& trial, const Table<PointRow>& points, Rows& rows) const {
  const Point at = point(trial.number);
  const Activity activity = column_of(trial.run.activity(), trial.column);
  Credit credit;
  for (const arma::mat& delta : trial.run.credit())
    credit.push_back(delta.n_cols > trial.column ? arma::mat(delta.col(trial.column)) : arma::mat());

  // each stage again with the parameters of the point, driven by the error at its full size
  const std::vector<Stage> own = stages(at);
  std::vector<std::unique_ptr<SingleTrial>> singles;
  std::vector<StageResult> results;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const StageRunner& run = trial.run.stage(i);
    // what a trial that failed has not reached
    arma::mat& s = credit[own[i].loops.front().source];
    if (s.is_empty()) s.zeros(network.units[own[i].loops.front().source], 1);
    ReadyStage ready = ready_stage(own[i], network, feedback, activity, credit);
    enter_phase(own[i], network, activity, credit, run.read_phase(), ready);
    if (trial.complete()) {
      singles.push_back(std::make_unique<SingleTrial>(run, trial.column, own[i], std::move(ready.f)));
    } else {
      singles.push_back(std::make_unique<SingleTrial>(own[i], std::move(ready.f)));
    }
    results.push_back(singles.back()->result);
  }
  const TrialView view(network, paths, feedback, activity, credit, results);

  PointRow point{.number = trial.number,
                 .point = at,
                 .trial = trial,
                 .view = view,
                 .linear = std::ranges::all_of(own, [](const Stage& stage) { return stage.circuit.is_linear(); }),
                 .converged = {}};
  TraceRow row{.trial = trial.number, .converged = 1};
  for (const Stage& stage : own) {
    for (const ControlLoop& loop : stage.loops) {
      std::int64_t flag = trial.failure_flag();
      try {
        if (trial.complete()) flag = loop.source == fluctuating_source() ? -3 : (converged(view, loop.number) ? 1 : 0);
      } catch (const NumericalError&) {
        flag = -2;
      }
      point.converged.push_back(flag);
      row.converged = std::min(row.converged, flag);
    }
  }
  points.append(point, rows);
  for (const StageResult& result : results) {
    if (row.converged != 1 || result.trajectory == nullptr) break;
    row.settling_time = std::max(row.settling_time, latest_settling_time(result, view.steady_state(result)));
  }
  return row;
}

void stabilise_loops(const Inversion& inversion, Feedback& feedback) {
  for (const Stage& stage : inversion.stages(inversion.point(0))) {
    StageRunner runner(stage, {{}});
    runner.load(inversion.network, feedback);
    for (const ControlLoop& loop : stage.loops) {
      feedback[loop.number] = stabilised_feedback(inversion.model, stage, loop, runner.f());
    }
  }
}

void check_solver(const Config& config, const ModelConfig& model) {
  const auto is_linear = [](const Stage& stage) { return stage.circuit.is_linear(); };
  check_linear_only(model.dynamics.solver, std::ranges::all_of(stages_of(config, model), is_linear),
                    error_signal(config.inversion.signal).constant);
}

TransientPlan inversion_plan(const Config& config, const ModelConfig& model, const Network& network) {
  const std::size_t samples = config.inversion.samples;
  const auto shared = std::make_shared<Inversion>(Inversion{
      .config = config,
      .model = model,
      .network = network,
      .feedback = make_feedback(config, model, network),
      .paths = credit_of(config, model).credit.feedback(network.depth()),
      .inputs = RandomStream(config.seed, "inputs").normal(network.units.front(), samples),
      .errors =
          config.inversion.amplitude * RandomStream(config.seed, "errors").normal(network.units.back(), samples)});
  // at the model's own alpha and tau_u: one B for the whole grid
  if (feedback_kind(model.feedback.kind).stabilised) stabilise_loops(*shared, shared->feedback);

  const SolverKind& kind = solver_kind(model.dynamics.solver);
  const TraceSettings traced = trace_settings(config, model);
  const Table<PointRow> points = shared->points();
  const Table<WeightsRow> weights = weights_table(config, model);
  TransientPlan plan{.name = model.name,
                     .solver = model.dynamics.solver,
                     .settings = solver_settings(model.dynamics),
                     .network = network,
                     .feedback = shared->feedback,
                     .points = points.spec(),
                     .weights = weights.spec(),
                     .weights_row = Rows(weights.spec()),
                     .trace = {},
                     .attributes = {}};
  check_solver(config, model);
  const TransientBatch first = shared->batch(0, 1);
  if (kind.has_trajectory) {
    plan.sample_interval = traced.sample_interval;
    plan.trace = trace_table(fmt::format("/models/{}", model.name), first.stages, traced);
  }
  std::size_t values = 0;
  for (const StagePlan& stage : first.stages) values += RightHandSide(stage.stage.circuit, 1).layout().size();
  plan.batch_size =
      batch_size(config.trials, values, static_cast<std::size_t>(model.dynamics.duration / traced.sample_interval) + 1);

  weights.append({.trials_done = 0, .network = network, .feedback = shared->feedback}, plan.weights_row);
  plan.attributes = {{"credit", model.credit},
                     {"feedback", model.feedback.kind},
                     {"transfer", model.dynamics.transfer},
                     {"solver", model.dynamics.solver},
                     {"alpha", model.alpha},
                     {"tau_delta", model.dynamics.tau_delta},
                     {"tau_u", model.dynamics.tau_u}};
  if (kind.has_trajectory) {
    plan.attributes.push_back({"dt", model.dynamics.dt});
    plan.attributes.push_back({"duration", model.dynamics.duration});
    plan.attributes.push_back({"signal", config.inversion.signal});
  }
  note_settling_band(model.dynamics, plan.attributes);
  plan.make_batch = [shared](std::size_t from, std::size_t count) { return shared->batch(from, count); };
  plan.prepare = [shared](std::size_t begin, std::size_t count, StageRunner& runner) {
    for (const ControlLoop& loop : runner.stage().loops) {
      for (std::size_t c = 0; c < count; ++c) {
        const Point at = shared->point(begin + c);
        runner.f().leak(loop.controller)[c] = at.alpha;
        runner.f().tau(loop.controller)[c] = at.tau_u;
      }
    }
  };
  plan.measure = [shared, points](const TransientTrial& trial, Rows& rows) {
    return shared->measure(trial, points, rows);
  };
  return plan;
}

std::unique_ptr<TransientExperiment> make_inversion_experiment(const Config& config) {
  const Network network = initial_network(config);
  std::vector<TransientPlan> plans;
  for (const ModelConfig& model : config.models) plans.push_back(inversion_plan(config, model, network));
  return std::make_unique<TransientExperiment>(config, std::move(plans));
}

std::vector<StartStep> steps_of_inversion(const Config& config) {
  std::vector<StartStep> steps = network_steps(config);
  const auto optimised = [](const ModelConfig& model) { return feedback_kind(model.feedback.kind).stabilised; };
  for (const ModelConfig& model : config.models) {
    steps.push_back({.key = fmt::format("solver {} {} {} {}", model.credit, model.dynamics.solver,
                                        model.dynamics.transfer, config.inversion.signal) +
                            step_key(config, {"network."}),
                     .run = [&config, &model] { check_solver(config, model); }});
  }
  if (std::ranges::any_of(config.models, optimised)) {
    steps.push_back({.key = config.resolved,
                     .run = [&config] { static_cast<void>(make_inversion_experiment(config)); },
                     .stabilises = true});
  }
  return steps;
}

/// Numbers of the grid, or the model's own.
std::string axis_text(const std::vector<double>& values) {
  return values.empty() ? "the models' own" : fmt::format("{:g}", fmt::join(values, ", "));
}

std::string description_of_inversion(const Config& config) {
  std::string text = network_line(config);
  text += fmt::format("  inversion {} of {} errors\n", config.inversion.signal, config.inversion.samples);
  text += fmt::format("  alpha     {}\n", axis_text(config.inversion.alpha));
  text += fmt::format("  ratio     {}\n", axis_text(config.inversion.ratio));
  text += fmt::format("  trials    {} per model\n", config.trials);
  for (const ModelConfig& model : config.models) text += model_line(config, model, "");
  return text;
}

}  // namespace

ExperimentType inversion_type() {
  return {.kind = ExperimentKind::inversion,
          .has_models = true,
          .make = [](const Config& config) -> std::unique_ptr<Experiment> { return make_inversion_experiment(config); },
          .start_steps = &steps_of_inversion,
          .estimate = [](const Config& config) { return make_inversion_experiment(config)->estimate(); },
          .describe = &description_of_inversion,
          .external_files = &model_files};
}

}  // namespace dynvert
