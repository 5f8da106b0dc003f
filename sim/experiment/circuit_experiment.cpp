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

Table<CircuitRow> point_table(const UserCircuit& user) {
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
  for (PopulationIndex p = 0; p < user.circuit.populations().size(); ++p) {
    const Population& population = user.circuit.populations()[p];
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

TraceRow measure(const UserCircuit& user, const TransientTrial& trial, const Table<CircuitRow>& points, Rows& rows) {
  const StageRunner& runner = trial.run.stage(0);
  TraceRow row{.converged = trial.failure_flag(), .settling_time = no_value};
  double abscissa = no_value;
  std::optional<SingleTrial> single;
  if (trial.complete()) {
    RightHandSide f(user.circuit, 1);
    f.take_column(runner.f(), trial.column);
    single.emplace(runner, trial.column, runner.stage(), std::move(f));
    try {
      // an input that still moves has no steady state: the flag says that none was reached
      row.converged = 0;
      if (single->f.layout().variables() > max_steady_variables || user.circuit.has_noise()) {
        row.converged = -3;
      } else if (!single->f.has_drives()) {
        const State steady = steady_state(single->f, single->x).x;
        abscissa = spectral_abscissa(single->f, steady, 0);
        row.converged = is_near(single->f.layout(), single->x, steady, user.config.dynamics.settling_band) ? 1 : 0;
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
  const auto shared = std::make_shared<const UserCircuit>(user_circuit(config));
  const SolverKind& kind = solver_kind(d.solver);
  const auto moves = [](const InputConfig& in) { return signal_shape(in.shape) != InputSignal::Shape::step; };
  check_linear_only(d.solver, shared->circuit.is_linear(), std::ranges::none_of(config.circuit.inputs, moves));
  const double interval = config.record.interval > 0 ? config.record.interval : d.dt;
  const Table<CircuitRow> points = point_table(*shared);
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
    plan.trace = trace_table("/models/circuit", first.stages,
                             {.interval = interval,
                              .sample_interval = interval,
                              .populations = config.record.populations,
                              .own = config.record.population});
    plan.attributes.push_back({"dt", d.dt});
    plan.attributes.push_back({"duration", d.duration});
  }
  note_settling_band(d, plan.attributes);
  plan.make_batch = [shared](std::size_t from, std::size_t count) { return shared->batch(from, count); };
  plan.measure = [shared, points](const TransientTrial& trial, Rows& rows) {
    return measure(*shared, trial, points, rows);
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
