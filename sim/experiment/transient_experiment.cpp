#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>
#include <dynvert/sim/platform/parallel.hpp>
#include <dynvert/sim/platform/reproducible.hpp>
#include <dynvert/sim/trial/initial_network.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace dynvert {

namespace {

using Clock = std::chrono::steady_clock;

/// A commit may take one part in so many of the time, on a slow disk too.
constexpr double min_share = 20;

/// What the trials have left besides their rows.
GroupSpec plan_state_group(const TransientPlan& plan) {
  GroupSpec group{.path = fmt::format("/models/{}/state", plan.name), .row_dimension = "slot"};
  const auto counter = [&](const char* name, const char* description) {
    group.datasets.push_back({.name = name, .type = ValueType::integer, .description = description});
  };
  counter("slot", "the rows take turns; the attribute slot_committed names the one of the last commit");
  counter("trials", "trials done by then");
  counter("diverged", "trials that diverged or failed otherwise");
  return group;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

std::unique_ptr<Experiment> make_experiment(Config config) {
  if (config.reproducible) require_reproducible_arithmetic();
  if (config.kind == ExperimentKind::learning) return std::make_unique<LearningExperiment>(std::move(config));
  return std::make_unique<TransientExperiment>(config);
}

void check_exact(const std::string& solver, bool linear, bool constant_inputs) {
  if (solver != "exact") return;
  constexpr const char* others = "dopri5, rk4, euler, sequential_euler, rosenbrock4";
  if (!linear) {
    throw ValueError("dynamics.solver", "\"exact\" is for linear circuits, and a rate function or a gain is not linear",
                     others);
  }
  if (!constant_inputs) {
    throw ValueError("dynamics.solver", "\"exact\" is for inputs that are constant but for switches",
                     fmt::format("inputs that are steps, or {}", others));
  }
}

std::size_t batch_size(std::size_t trials, std::size_t state_values, std::size_t samples) {
  constexpr std::size_t max_values = (std::size_t{64} << 20) / sizeof(double);
  return std::clamp<std::size_t>(max_values / std::max<std::size_t>(1, state_values * samples), 1, trials);
}

TransientExperiment::TransientExperiment(const Config& config) : config_(config) {
  if (config_.kind == ExperimentKind::circuit) {
    plans_.push_back(circuit_plan(config_));
  } else {
    const Network network = initial_network(config_);
    for (const ModelConfig& model : config_.models) plans_.push_back(inversion_plan(config_, model, network));
  }
  diverged_.resize(plans_.size());
  records_.resize(plans_.size());
  first_divergence_.resize(plans_.size());
}

std::vector<FailedTrials> TransientExperiment::failed_trials() const {
  std::vector<FailedTrials> failed;
  for (std::size_t m = 0; m < plans_.size(); ++m) {
    if (diverged_[m] > 0) failed.push_back({plans_[m].name, diverged_[m], first_divergence_[m]});
  }
  return failed;
}

bool TransientExperiment::is_asked(std::size_t trial) const {
  const RecordConfig& record = config_.record;
  return (record.every > 0 && trial % record.every == 0) || std::ranges::binary_search(record.trials, trial);
}

Estimate TransientExperiment::estimate() const {
  RunSize size;
  std::size_t asked = 0;
  for (std::size_t k = 0; k < config_.trials; ++k) asked += is_asked(k) ? 1 : 0;
  for (const TransientPlan& plan : plans_) {
    size.add(plan.points, plan.trials, plan.trials);
    size.add_at_once(plan.weights, plan.weights_row.count);
    size.add_state(plan_state_group(plan));
    if (!plan.trace.datasets.empty()) size.add(plan.trace, asked, asked);
    // a batch, its trajectories and the rows made of them
    size.add_memory(3.0 * static_cast<double>(std::min(plan.batch_size, plan.trials) *
                                              (values_in_row(plan.points) + values_in_row(plan.trace))));
  }
  return size.estimate();
}

void TransientExperiment::begin(Recorder& recorder) {
  groups_.clear();
  std::size_t asked = 0;
  for (std::size_t k = 0; k < config_.trials; ++k) asked += is_asked(k) ? 1 : 0;
  for (const TransientPlan& plan : plans_) {
    const std::string path = fmt::format("/models/{}", plan.name);
    RecorderGroups groups;
    groups.points = recorder.add_group(plan.points, plan.trials);
    const std::size_t weights = recorder.add_group(plan.weights, 1);
    if (recorder.rows(weights) == 0) recorder.append(weights, plan.weights_row);
    if (!plan.trace.datasets.empty()) groups.trace = recorder.add_group(plan.trace, asked);
    groups_.push_back(groups);
    for (const auto& [name, value] : plan.attributes) recorder.set_attribute(path, name, value);
    recorder.set_attribute(path, "status", std::string("running"));
    recorder.set_attribute(path, "diverged_trials", std::int64_t{0});
  }
  note_external_files(config_, recorder);
}

void TransientExperiment::run_columns(const TransientPlan& plan, const TransientBatch& batch, Outcome& outcome) const {
  const SolverKind& kind = solver_kind(plan.solver);
  const auto solver = kind.make(plan.settings);
  std::vector<StageRunner> runners;
  for (const StagePlan& stage : batch.stages) runners.emplace_back(stage.stage, stage.phases);
  Activity activity = batch.activity;
  Credit credit = batch.credit;
  bool failed = false;
  try {
    for (StageRunner& runner : runners) {
      runner.begin(plan.network, plan.feedback, activity, credit);
      plan.prepare(batch, runner);
      runner.run(*solver, plan.network, activity, credit,
                 kind.has_trajectory ? &plan.trace_settings.sample_interval : nullptr);
      if (!runner.finished()) break;
    }
  } catch (const NumericalError&) {
    if (batch.count > 1) {
      // which of them it was shows when each runs by itself
      for (std::size_t c = 0; c < batch.count; ++c) run_columns(plan, plan.make_batch(batch.first + c, 1), outcome);
      return;
    }
    failed = true;
  }
  TransientBatch done = batch;
  done.activity = std::move(activity);
  done.credit = std::move(credit);
  for (std::size_t c = 0; c < batch.count; ++c) {
    TransientTrial trial{.batch = done, .column = c, .stages = {}, .failed = failed};
    for (const StageRunner& runner : runners) {
      trial.stages.push_back(&runner);
      if (!runner.started() || trial.diverged) continue;
      const ColumnEnd& end = runner.solver_run().columns[c];
      if (end.ending != Ending::diverged) continue;
      trial.diverged = true;
      ++outcome.diverged;
      if (outcome.first_divergence.empty()) {
        outcome.first_divergence = fmt::format("trial {}: {} left the allowed range at time {:g}", batch.first + c,
                                               runner.f().block_name(end.population), end.time);
      }
    }
    TraceRow row = plan.measure(trial, outcome.points);
    row.trial = batch.first + c;
    if (plan.trace.datasets.empty() || !is_asked(row.trial)) continue;
    append_trace(plan.trace, plan.trace_settings, row, trial.stages, plan.network, done.activity, done.credit, c,
                 outcome.trace);
  }
}

TransientExperiment::Outcome TransientExperiment::run_batch(const TransientPlan& plan, std::size_t first,
                                                            std::size_t count) const {
  Outcome outcome(plan);
  run_columns(plan, plan.make_batch(first, count), outcome);
  return outcome;
}

void TransientExperiment::commit(Recorder& recorder, std::size_t trials) {
  for (std::size_t m = 0; m < plans_.size(); ++m) {
    const GroupSpec spec = plan_state_group(plans_[m]);
    if (!groups_[m].state) groups_[m].state = recorder.add_state(spec);
    Rows row(spec);
    row.count = 1;
    row.values = {{}, {static_cast<double>(trials)}, {static_cast<double>(diverged_[m])}};
    recorder.put_state(*groups_[m].state, row);
  }
  recorder.commit(trials);
}

std::size_t TransientExperiment::restore(Recorder& recorder) {
  const auto trials = recorder.continues();
  if (!trials) return 0;
  for (std::size_t m = 0; m < plans_.size(); ++m) {
    groups_[m].state = recorder.add_state(plan_state_group(plans_[m]));
    const auto state = recorder.state(*groups_[m].state);
    if (!state) return 0;
    diverged_[m] = static_cast<std::size_t>(state->values.at(2).at(0));
    if (!plans_[m].trace.datasets.empty()) records_[m] = recorder.rows(groups_[m].trace);
  }
  return *trials;
}

RunStatus TransientExperiment::run(Recorder& recorder, const Hooks& hooks) {
  begin(recorder);
  const std::size_t before = restore(recorder);
  const auto start = Clock::now();
  auto last_commit = start;
  double seconds_to_commit = 0;
  std::size_t done = before;
  std::string stopped_by;
  const auto stop = [&] { return (hooks.stop != nullptr && hooks.stop->load()) || !stopped_by.empty(); };
  // one batch size for all: the trials that are committed are those that all plans have done
  const std::size_t batch = std::ranges::min_element(plans_, {}, &TransientPlan::batch_size)->batch_size;
  // as many batches at once as there are threads for
  const std::size_t rounds = std::max<std::size_t>(1, config_.threads / plans_.size());
  while (done < config_.trials && !stop()) {
    const std::size_t count = std::min(batch * rounds, config_.trials - done);
    const std::size_t batches = (count + batch - 1) / batch;
    std::vector<std::optional<Outcome>> outcomes(batches * plans_.size());
    parallel_for(outcomes.size(), config_.threads, [&](std::size_t job) {
      const std::size_t first = done + job / plans_.size() * batch;
      outcomes[job] = run_batch(plans_[job % plans_.size()], first, std::min(batch, done + count - first));
    });
    for (std::size_t job = 0; job < outcomes.size(); ++job) {
      const std::size_t m = job % plans_.size();
      Outcome& outcome = *outcomes[job];
      recorder.append(groups_[m].points, outcome.points);
      if (outcome.trace.count > 0) {
        // records are numbered here, where their order is known
        for (double& record : outcome.trace.values[0]) record = static_cast<double>(records_[m]++);
        recorder.append(groups_[m].trace, outcome.trace);
      }
      diverged_[m] += outcome.diverged;
      if (first_divergence_[m].empty()) first_divergence_[m] = outcome.first_divergence;
      if (plans_[m].stop_at_divergence && stopped_by.empty()) stopped_by = outcome.first_divergence;
    }
    done += count;
    if (seconds_since(last_commit) > std::max(config_.record.commit_interval, min_share * seconds_to_commit)) {
      const auto begun = Clock::now();
      commit(recorder, done);
      last_commit = Clock::now();
      seconds_to_commit = seconds_since(begun);
    }
    if (hooks.progress) {
      hooks.progress({.trials_done = done,
                      .trials = config_.trials,
                      .first = before,
                      .seconds = seconds_since(start),
                      .loss = {}});
    }
  }
  const bool complete = done == config_.trials;
  const std::string status = !stopped_by.empty() ? "diverged" : complete ? "complete" : "interrupted";
  if (status == "interrupted") commit(recorder, done);
  for (std::size_t m = 0; m < plans_.size(); ++m) {
    const std::string path = fmt::format("/models/{}", plans_[m].name);
    if (status != "interrupted" && groups_[m].state) recorder.drop_state(*groups_[m].state);
    recorder.set_attribute(path, "status", status);
    recorder.set_attribute(path, "diverged_trials", static_cast<std::int64_t>(diverged_[m]));
  }
  recorder.finish(status, done);
  if (!stopped_by.empty()) {
    throw NumericalError(plans_.front().name, stopped_by,
                         "a smaller dt or another solver, or on_divergence = \"skip\" where the circuit is meant to");
  }
  return complete ? RunStatus::complete : RunStatus::interrupted;
}

}  // namespace dynvert
