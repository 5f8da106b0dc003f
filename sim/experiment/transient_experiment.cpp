#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/completed_run.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>
#include <dynvert/sim/platform/parallel.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace dynvert {

namespace {

/// What the trials have left besides their rows.
GroupSpec plan_state_group(const TransientPlan& plan) {
  return {.path = fmt::format("/models/{}/state", plan.name),
          .row_dimension = "slot",
          .datasets = {slot_dataset(), counter("trials", "trials completed by then"),
                       counter("diverged", "trials that diverged or failed for another reason")}};
}

/// That there is no steady state is what the trial has found. All else has stopped it.
bool is_finding(Fault fault) { return fault == Fault::singular || fault == Fault::no_steady_state; }

}  // namespace

std::int64_t TransientTrial::failure_flag() const { return is_finding(fault) ? -2 : -1; }

std::size_t TransientTrial::steps(std::size_t stage) const {
  return run.stage(stage).started() ? run.stage(stage).solver_run().columns[column].steps : 0;
}

void check_linear_only(const std::string& solver, bool linear, bool constant_inputs) {
  if (!solver_kind(solver).linear_only || (linear && constant_inputs)) return;
  std::vector<std::string_view> names;
  for (const SolverKind& other : solver_kinds()) {
    if (other.has_trajectory && !other.linear_only) names.push_back(other.name);
  }
  const std::string others = fmt::format("{}", fmt::join(names, ", "));
  if (!linear) {
    throw ValueError("dynamics.solver",
                     fmt::format("\"{}\" is for linear circuits, and a rate function or a gain is not linear", solver),
                     others);
  }
  throw ValueError("dynamics.solver", fmt::format("\"{}\" is for inputs that are constant except for switches", solver),
                   fmt::format("inputs that are steps, or {}", others));
}

std::size_t batch_size(std::size_t trials, std::size_t state_values, std::size_t samples) {
  constexpr std::size_t max_values = (std::size_t{64} << 20) / sizeof(double);
  return std::clamp<std::size_t>(max_values / std::max<std::size_t>(1, state_values * samples), 1, trials);
}

TransientExperiment::TransientExperiment(const Config& config, std::vector<TransientPlan> plans)
    : BlockExperiment(config),
      config_(config),
      // one batch size for all: the trials that are committed are those that all plans have done
      batch_size_(std::ranges::min_element(plans, {}, &TransientPlan::batch_size)->batch_size) {
  for (TransientPlan& plan : plans) parts_.push_back({.plan = std::move(plan)});
}

std::vector<FailedTrials> TransientExperiment::failed_trials() const {
  std::vector<FailedTrials> failed;
  for (const Part& part : parts_) {
    if (part.diverged == 0) continue;
    failed.push_back({.model = part.plan.name, .count = part.diverged, .first = part.first_failure, .consequence = {}});
  }
  return failed;
}

Estimate TransientExperiment::estimate() const {
  RunSize size;
  const std::size_t requested = requested_trials(config_.record, config_.trials);
  for (const auto& [plan, points, trace, state, diverged, records, first] : parts_) {
    size.add(plan.points, config_.trials, config_.trials);
    size.add_at_once(plan.weights, plan.weights_row.count);
    size.add_state(plan_state_group(plan));
    if (!plan.trace.empty()) size.add(plan.trace.spec(), requested, requested);
    // a batch, its trajectories and the rows made of them
    size.add_memory(3.0 * static_cast<double>(std::min(plan.batch_size, config_.trials) *
                                              (values_in_row(plan.points) + values_in_row(plan.trace.spec()))));
    size.add_memory(plan.measure_values * static_cast<double>(std::min(config_.threads, config_.trials)));
  }
  return size.estimate();
}

void TransientExperiment::begin(Recorder& recorder) {
  for (Part& part : parts_) {
    const TransientPlan& plan = part.plan;
    const std::string path = fmt::format("/models/{}", plan.name);
    part.points = recorder.add_group(plan.points, config_.trials);
    const std::size_t weights = recorder.add_group(plan.weights, 1);
    if (recorder.rows(weights) == 0) recorder.append(weights, plan.weights_row);
    if (!plan.trace.empty())
      part.trace = recorder.add_group(plan.trace.spec(), requested_trials(config_.record, config_.trials));
    part.state.reset();
    for (const auto& [name, value] : plan.attributes) recorder.set_attribute(path, name, value);
    recorder.set_attribute(path, "status", std::string("running"));
    if (!recorder.continues()) recorder.set_attribute(path, "diverged_trials", std::int64_t{0});
  }
  note_external_files(config_, recorder);
}

std::size_t TransientExperiment::restore(Recorder& recorder) {
  const auto trials = recorder.continues();
  if (!trials) return 0;
  for (Part& part : parts_) {
    part.state = recorder.add_state(plan_state_group(part.plan));
    const auto state = recorder.state(*part.state);
    if (!state && *trials == 0) return 0;
    // none: complete, and to be made longer
    part.diverged =
        state ? static_cast<std::size_t>(state->values.at(2).at(0)) : recorded_failures(recorder, part.plan.name);
    if (!part.plan.trace.empty()) part.records = recorder.rows(part.trace);
  }
  return *trials;
}

void TransientExperiment::run_columns(const TransientPlan& plan, std::size_t first, std::size_t count,
                                      Outcome& outcome) const {
  TransientBatch batch = plan.make_batch(first, count);
  TrialRunner runner(std::move(batch.stages), nullptr, solver_kind(plan.solver).make(plan.settings),
                     TrialRunner::Columns::trials);
  runner.show(std::move(batch.activity), std::move(batch.credit));
  runner.set_seed(config_.seed);
  TrialCall call{
      .trial = first, .network = plan.network, .feedback = plan.feedback, .keep = plan.sample_interval, .path = first};
  if (plan.prepare) call.prepare = [&](std::size_t stage) { plan.prepare(first, count, runner.stage(stage)); };
  const std::optional<TrialFailure> failed = runner.run(call);
  if (failed && count > 1) {
    // which of them it was shows when each runs by itself
    for (std::size_t c = 0; c < count; ++c) run_columns(plan, first + c, 1, outcome);
    return;
  }
  const auto stages = runner.stage_list();
  for (std::size_t c = 0; c < count; ++c) {
    const std::optional<TrialFailure> failure = failed ? failed : runner.diverged(c);
    if (failure && !is_finding(failure->fault)) {
      ++outcome.diverged;
      if (!outcome.first_failure) outcome.first_failure = failure_of(first + c, *failure);
    }
    const TransientTrial trial{
        .run = runner, .number = first + c, .column = c, .fault = failure ? failure->fault : Fault::none};
    TraceRow row = plan.measure(trial, outcome.points);
    row.trial = trial.number;
    if (plan.trace.empty() || !is_requested(config_.record, row.trial)) continue;
    plan.trace.append({.row = row,
                       .stages = stages,
                       .network = plan.network,
                       .activity = runner.activity(),
                       .credit = runner.credit(),
                       .column = c},
                      outcome.trace);
  }
}

TransientExperiment::Failure TransientExperiment::failure_of(std::size_t trial, const TrialFailure& failure) {
  if (failure.cause)
    return {describe(trial, failure),
            failure.cause->remedy() + "; or on_divergence = \"skip\" to continue without such trials"};
  return {fmt::format("trial {}: {} left the allowed range at time {:g}", trial, failure.what, failure.time),
          "a smaller dt or another solver, or on_divergence = \"skip\" if the circuit is meant to diverge"};
}

TransientExperiment::Outcome TransientExperiment::run_batch(const TransientPlan& plan, std::size_t first,
                                                            std::size_t count) const {
  Outcome outcome(plan);
  run_columns(plan, first, count, outcome);
  return outcome;
}

std::size_t TransientExperiment::block_size(std::size_t) {
  // as many batches at once as there are threads for
  return batch_size_ * std::max<std::size_t>(1, config_.threads / parts_.size());
}

void TransientExperiment::run_block(Recorder& recorder, std::size_t first, std::size_t count) {
  const std::size_t batches = (count + batch_size_ - 1) / batch_size_;
  std::vector<std::optional<Outcome>> outcomes(batches * parts_.size());
  parallel_for(outcomes.size(), config_.threads, [&](std::size_t job) {
    const std::size_t begin = first + job / parts_.size() * batch_size_;
    outcomes[job] = run_batch(parts_[job % parts_.size()].plan, begin, std::min(batch_size_, first + count - begin));
  });
  std::optional<Failure> stopped_by;
  for (std::size_t job = 0; job < outcomes.size(); ++job) {
    Part& part = parts_[job % parts_.size()];
    record(recorder, part, *outcomes[job]);
    if (part.plan.stop_at_divergence && !stopped_by) stopped_by = outcomes[job]->first_failure;
  }
  trials_done_ = first + count;
  if (stopped_by) throw NumericalError(parts_.front().plan.name, stopped_by->text, stopped_by->remedy);
}

void TransientExperiment::record(Recorder& recorder, Part& part, Outcome& outcome) {
  recorder.append(part.points, outcome.points);
  if (outcome.trace.count > 0) {
    // records are numbered here, where their order is known
    for (double& record : outcome.trace.values[0]) record = static_cast<double>(part.records++);
    recorder.append(part.trace, outcome.trace);
  }
  part.diverged += outcome.diverged;
  if (part.first_failure.empty() && outcome.first_failure) part.first_failure = outcome.first_failure->text;
}

void TransientExperiment::commit(Recorder& recorder, std::size_t trials) {
  for (Part& part : parts_) {
    const GroupSpec spec = plan_state_group(part.plan);
    if (!part.state) part.state = recorder.add_state(spec);
    Rows row(spec);
    row.count = 1;
    row.values = {{}, {static_cast<double>(trials)}, {static_cast<double>(part.diverged)}};
    recorder.put_state(*part.state, row);
  }
  recorder.commit(trials);
}

void TransientExperiment::end(Recorder& recorder, std::size_t trials, const std::string& status) {
  for (const Part& part : parts_) {
    const std::string path = fmt::format("/models/{}", part.plan.name);
    if (status != "interrupted" && part.state) recorder.drop_state(*part.state);
    recorder.set_attribute(path, "status", status);
    recorder.set_attribute(path, "diverged_trials", static_cast<std::int64_t>(part.diverged));
  }
  recorder.finish(status, trials);
}

}  // namespace dynvert
