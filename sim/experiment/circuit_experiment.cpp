// A user-defined circuit: [[population]], [[projection]], [[input]].

#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/circuit/input_signal.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/experiment/projection_kinds.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>
#include <dynvert/sim/experiment/user_circuit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace dynvert {

namespace {

/// A trial of the circuit that has been run.
struct CircuitRow {
  const TransientTrial& trial;
  const SingleTrial* single;  ///< nullptr: the trial failed
  std::int64_t converged;
  double abscissa;
};

/// What all batches share.
struct CircuitTrials : UserCircuit {
  [[nodiscard]] std::vector<Phase> phases() const;
  [[nodiscard]] TransientBatch batch(std::size_t first, std::size_t count) const;
  [[nodiscard]] Table<CircuitRow> points() const;
  [[nodiscard]] TraceRow measure(const TransientTrial& trial, const Table<CircuitRow>& points, Rows& rows) const;
};

/// Every switch of an input ends a phase.
std::vector<Phase> CircuitTrials::phases() const {
  const double duration = config.dynamics.duration;
  if (!has_time()) return {{.duration = duration}};
  std::vector<InputSignal> all;
  for (PopulationIndex p = 0; p < config.populations.size(); ++p) {
    const InputSignals of_population = signals(p, 0, 0);
    all.insert(all.end(), of_population->begin(), of_population->end());
  }
  std::vector<double> switches = intervals(all, duration);
  switches.push_back(duration);
  std::vector<Phase> phases;
  for (std::size_t i = 1; i < switches.size(); ++i) {
    phases.push_back({.start = switches[i - 1], .duration = switches[i] - switches[i - 1]});
  }
  return phases;
}

TransientBatch CircuitTrials::batch(std::size_t first, std::size_t count) const {
  TransientBatch batch{.first = first, .count = count, .stages = {}, .activity = {}, .credit = {}};
  Stage stage;
  stage.name = "circuit";
  stage.timing = Stage::Timing::schedule;
  stage.circuit = circuit;
  std::vector<InputSignals> inputs;
  for (PopulationIndex p = 0; p < config.populations.size(); ++p) {
    inputs.push_back(signals(p, first, count));
    if (inputs.back()->empty()) continue;
    stage.derived.push_back({.name = "input_" + config.populations[p].name,
                             .role = "external_input",
                             .like = stage.circuit.populations()[p],
                             .description = "sum of the inputs to the population",
                             .value = [in = inputs.back()](const DerivedSignal::Sample& at) {
                               const std::size_t column[]{at.column};
                               arma::vec value(in->front().amplitude.n_rows);
                               sum_signals(*in, at.phase.start, at.phase.start + at.phase.duration, at.time, column,
                                           {value.memptr(), value.n_elem, 1, value.n_elem});
                               return value;
                             }});
  }
  stage.load = [](const Network&, const Feedback&, RightHandSide&) {};
  stage.begin = [count](const Network&, const Activity&, const Credit&, RightHandSide& f) { f.set_columns(count); };
  stage.enter = [self = *this, inputs, first](const Network&, const Activity&, const Credit&, const Phase& phase,
                                              RightHandSide& f, State& x) {
    if (phase.start == 0) self.set_initial_state(f, first, x);
    for (PopulationIndex p = 0; p < inputs.size(); ++p) {
      set_input(f, p, inputs[p], phase.start, phase.start + phase.duration);
    }
  };
  stage.read = [](const Network&, const RightHandSide&, const State&, Activity&, Credit&) {};
  batch.stages.push_back({std::move(stage), phases()});
  return batch;
}

Table<CircuitRow> CircuitTrials::points() const {
  using Row = CircuitRow;
  Table<Row> table("/models/circuit/grid", "trial");
  table.add_number(counter("trial", "number of the trial, from 0"),
                   [](const Row& row) { return static_cast<double>(row.trial.number); });
  table.add_number(counter("steps", "steps of the solver; Newton iterations of fixed_point"),
                   [](const Row& row) { return static_cast<double>(row.trial.steps(0)); });
  DatasetSpec converged = converged_flag("converged",
                                         "whether every population ended within settling_band (2 % by default) of its "
                                         "steady state");
  converged.legend = fmt::format(
      "1 yes, 0 no, -1 the trial failed, -2 there is no unique steady state, -3 not computed: more than {} variables, "
      "or white noise, which keeps all in motion",
      max_steady_variables);
  table.add_number(converged, [](const Row& row) { return static_cast<double>(row.converged); });
  table.add_number({.name = "spectral_abscissa",
                    .units = "1/time",
                    .description = "largest real part of the circuit's spectrum at the steady state that is nearest to "
                                   "its end; NaN: there is none, or an input is still changing"},
                   [](const Row& row) { return row.abscissa; });
  for (PopulationIndex p = 0; p < circuit.populations().size(); ++p) {
    const Population& population = circuit.populations()[p];
    const Axis axis = unit_axis(population);
    table.add_axis(axis);
    table.add({.name = "end_" + population.name,
               .axes = {axis.name},
               .description = "state of the population at the end",
               .attributes = role_attributes(population)},
              [p, units = population.units](const Row& row, std::vector<double>& values) {
                if (row.single == nullptr) {
                  values.insert(values.end(), units, no_value);
                  return;
                }
                const SingleTrial& at = *row.single;
                const auto end = at.f.layout().view(std::span<const double>(at.x), p).column(0);
                values.insert(values.end(), end.begin(), end.end());
              });
  }
  return table;
}

/// Whether each population of the column is within the band around the steady state, relative to the largest of them.
bool is_near(const Layout& layout, const State& x, const State& steady, double band) {
  double size = 0;
  for (std::size_t p = 0; p < layout.populations(); ++p) {
    for (const double v : layout.view(std::span<const double>(steady), p).column(0)) size = std::max(size, std::abs(v));
  }
  for (std::size_t p = 0; p < layout.populations(); ++p) {
    const arma::vec end = to_matrix(layout.view(std::span<const double>(x), p)).col(0);
    const arma::vec target = to_matrix(layout.view(std::span<const double>(steady), p)).col(0);
    // a population whose steady state is zero is measured by the size of the others
    if (!(arma::norm(end - target) <= band * std::max(arma::norm(target), band * size))) return false;
  }
  return true;
}

TraceRow CircuitTrials::measure(const TransientTrial& trial, const Table<CircuitRow>& points, Rows& rows) const {
  const StageRunner& runner = trial.run.stage(0);
  TraceRow row{.converged = trial.failure_flag(), .settling_time = no_value};
  double abscissa = no_value;
  std::optional<SingleTrial> single;
  if (trial.complete()) {
    RightHandSide f(circuit, 1);
    f.take_column(runner.f(), trial.column);
    single.emplace(runner, trial.column, runner.stage(), std::move(f));
    try {
      // an input that still moves has no steady state: the flag says that none was reached
      row.converged = 0;
      if (single->f.layout().variables() > max_steady_variables || circuit.has_noise()) {
        row.converged = -3;
      } else if (!single->f.has_drives()) {
        const State steady = steady_state(single->f, single->x).x;
        abscissa = spectral_abscissa(single->f, steady, 0);
        row.converged = is_near(single->f.layout(), single->x, steady, config.dynamics.settling_band) ? 1 : 0;
      }
    } catch (const NumericalError&) {
      row.converged = -2;
    }
  }
  points.append(
      {.trial = trial, .single = single ? &*single : nullptr, .converged = row.converged, .abscissa = abscissa}, rows);
  return row;
}

/// Each matrix over the units of its target and of its source, each number c of a one-to-one projection.
void describe_weights(const UserCircuit& user, GroupSpec& group, Rows& row) {
  group = {.path = "/models/circuit/weights", .row_dimension = "snapshot"};
  group.datasets.push_back(counter("snapshot", "trials completed by then"));
  std::vector<std::vector<double>> values{{0}};
  const auto& populations = user.circuit.populations();
  const auto use = [&](const Axis& axis) {
    if (std::ranges::find(group.axes, axis.name, &Axis::name) == group.axes.end()) group.axes.push_back(axis);
    return axis.name;
  };
  for (const Projection& p : user.circuit.projections()) {
    DatasetSpec dataset{
        .name = p.name,
        .description = "weights of the projection",
        .attributes = {
            {"role", "weights"}, {"target", populations[p.target].name}, {"source", populations[p.source].name}}};
    values.emplace_back();
    if (const auto* matrix = std::get_if<arma::mat>(&p.weights)) {
      // an axis of its own, for a projection of a population onto itself has it twice
      Axis source = unit_axis(populations[p.source]);
      source.name = "source_" + populations[p.source].name;
      dataset.axes = {use(unit_axis(populations[p.target])), use(source)};
      append_row_major(values.back(), *matrix);
    } else {
      dataset.description = "weight of the one-to-one projection";
      values.back().push_back(std::get<double>(p.weights));
    }
    group.datasets.push_back(std::move(dataset));
  }
  row = Rows(group);
  row.values = std::move(values);
  row.count = 1;
}

TransientPlan circuit_plan(const Config& config) {
  const DynamicsConfig& d = config.circuit.dynamics;
  const auto shared = std::make_shared<const CircuitTrials>(CircuitTrials{user_circuit(config)});
  const SolverKind& kind = solver_kind(d.solver);
  const auto moves = [](const InputConfig& in) { return signal_shape(in.shape) != InputSignal::Shape::step; };
  check_linear_only(d.solver, shared->circuit.is_linear(), std::ranges::none_of(config.circuit.inputs, moves));
  const double interval = config.record.interval > 0 ? config.record.interval : d.dt;
  const Table<CircuitRow> points = shared->points();
  TransientPlan plan{.name = "circuit",
                     .solver = d.solver,
                     .settings = solver_settings(d),
                     .network = Network(),
                     .feedback = {},
                     .points = points.spec(),
                     .weights = {},
                     .weights_row = Rows(GroupSpec{}),
                     .trace = {},
                     .attributes = {{"solver", d.solver}},
                     .stop_at_divergence = d.on_divergence == "stop"};
  describe_weights(*shared, plan.weights, plan.weights_row);
  const TransientBatch first = shared->batch(0, 1);
  const std::size_t values = RightHandSide(shared->circuit, 1).layout().size();
  if (values <= max_steady_variables) plan.measure_values = 4.0 * static_cast<double>(values * values);
  plan.batch_size = batch_size(config.trials, values, static_cast<std::size_t>(d.duration / interval) + 1);
  if (kind.has_trajectory) {
    plan.sample_interval = interval;
    plan.trace =
        trace_table("/models/circuit", first.stages,
                    {.interval = interval, .sample_interval = interval, .populations = config.record.populations});
    plan.attributes.push_back({"dt", d.dt});
    plan.attributes.push_back({"duration", d.duration});
  }
  note_settling_band(d, plan.attributes);
  plan.make_batch = [shared](std::size_t from, std::size_t count) { return shared->batch(from, count); };
  plan.measure = [shared, points](const TransientTrial& trial, Rows& rows) {
    return shared->measure(trial, points, rows);
  };
  return plan;
}

std::unique_ptr<TransientExperiment> make_circuit_experiment(const Config& config) {
  std::vector<TransientPlan> plans;
  plans.push_back(circuit_plan(config));
  return std::make_unique<TransientExperiment>(config, std::move(plans));
}

std::vector<StartStep> steps_of_circuit(const Config& config) {
  return {{.key = step_key(config, {"population.", "projection.", "input.", "dynamics.", "record."}),
           .run = [&config] { static_cast<void>(circuit_plan(config)); }}};
}

std::string description_of_circuit(const Config& config) {
  std::string text;
  for (const PopulationConfig& p : config.circuit.populations)
    text += fmt::format("  population {}: {} units, tau {:g}, {}\n", p.name, p.units, p.tau, p.rate);
  for (const ProjectionConfig& p : config.circuit.projections) {
    text +=
        fmt::format("  projection {}: {} to {}, {}, transmits {}\n", p.name, p.source, p.target, p.kind, p.transmits);
  }
  return text + fmt::format("  trials    {}{}\n", config.trials, solver_description(config.circuit.dynamics));
}

std::vector<ExternalFile> files_of_circuit(const Config& config) {
  std::vector<ExternalFile> files;
  for (const ProjectionConfig& p : config.circuit.projections) {
    if (projection_kind(p.kind).reads_file) files.push_back({"/models/circuit", p.name, p.path});
  }
  return files;
}

}  // namespace

ExperimentType circuit_type() {
  return {.kind = ExperimentKind::circuit,
          .make = [](const Config& config) -> std::unique_ptr<Experiment> { return make_circuit_experiment(config); },
          .start_steps = &steps_of_circuit,
          .estimate = [](const Config& config) { return make_circuit_experiment(config)->estimate(); },
          .describe = &description_of_circuit,
          .external_files = &files_of_circuit};
}

}  // namespace dynvert
