#include <dynvert/sim/trial/trial_runner.hpp>

#include <fmt/format.h>

#include <numeric>
#include <utility>

namespace dynvert {

std::string describe(std::size_t trial, const TrialFailure& failure) {
  const std::string where = fmt::format("trial {}, {}", trial, failure.where);
  if (failure.cause) return fmt::format("{}: {}: {}", where, failure.cause->object(), failure.cause->fault());
  if (failure.fault == Fault::not_finite) return fmt::format("{}: {} is not finite", where, failure.what);
  return fmt::format("{}: {} diverged at time {:g}", where, failure.what, failure.time);
}

TrialRunner::TrialRunner(std::vector<StagePlan> stages, Assign assign, std::unique_ptr<Solver> solver, Columns columns)
    : assign_(std::move(assign)), solver_(std::move(solver)), columns_(columns) {
  stages_.reserve(stages.size());
  for (StagePlan& plan : stages) {
    forward_moves_ = forward_moves_ || plan.stage.timing != Stage::Timing::inversion;
    stages_.emplace_back(std::move(plan.stage), std::move(plan.phases));
  }
}

void TrialRunner::show(const Network& network, const arma::mat& x, const arma::mat& t, const OnlineBlock* block) {
  if (block != nullptr) {
    activity_.a.resize(network.depth() + 1);
    block->drive(activity_.a[1]);
    return forward_driven(network, x, t, activity_);
  }
  if (!forward_moves_) return forward(network, x, t, activity_);
  activity_.x = x;
  activity_.t = t;
  credit_.assign(network.depth() + 1, {});
}

void TrialRunner::show(Activity activity, Credit credit) {
  activity_ = std::move(activity);
  credit_ = std::move(credit);
}

std::optional<TrialFailure> TrialRunner::check_shown() const {
  const arma::mat& shown = forward_moves_ ? activity_.x : activity_.h[0];
  if (!shown.is_finite() || !activity_.t.is_finite())
    return TrialFailure{"input", "an input or a target", 0, Fault::not_finite};
  if (!forward_moves_ && !activity_.e.is_finite())
    return TrialFailure{"forward pass", "the output error", 0, Fault::not_finite};
  return std::nullopt;
}

std::optional<TrialFailure> TrialRunner::run(const TrialCall& call) {
  for (StageRunner& stage : stages_) stage.reset();
  if (columns_ == Columns::trials) return run_stages(call);

  if (auto failure = check_shown()) return failure;
  const std::size_t depth = call.network.depth();
  if (!forward_moves_) {
    credit_.resize(depth + 1);
    credit_[depth] = activity_.e;
  }
  try {
    if (start_) start_(call, activity_, credit_);
  } catch (const NumericalError& error) {
    return TrialFailure{.where = "start", .what = {}, .time = 0, .fault = error.kind(), .cause = error};
  }
  if (assign_) {
    assign_(call.network, call.feedback, activity_, credit_);
  } else if (auto failure = run_stages(call)) {
    return failure;
  }
  for (std::size_t l = 1; l <= depth; ++l) {
    if (!credit_[l].is_finite())
      return TrialFailure{"credit assignment", fmt::format("delta_{}", l), 0, Fault::not_finite};
  }
  return std::nullopt;
}

void TrialRunner::start_stage(std::size_t i, const TrialCall& call) {
  StageRunner& stage = stages_[i];
  stage.begin(call.network, call.feedback, activity_, credit_);
  if (call.prepare) call.prepare(i);
  if (stage.stage().circuit.has_noise()) {
    std::vector<std::uint64_t> paths(stage.f().layout().columns());
    std::iota(paths.begin(), paths.end(), call.path);
    stage.f().set_noise(seed_, paths);
  }
  const auto& plasticity = stage.stage().circuit.plasticity();
  for (std::size_t k = 0; k < plasticity.size(); ++k) {
    stage.f().plasticity(k).rate = call.learns ? plasticity[k].rate : 0;
    stage.f().plasticity(k).decay = call.learns ? plasticity[k].decay : 0;
  }
}

Solver& TrialRunner::solver_of(const StageRunner& stage) {
  return stage.stage().until_settled && settling_ ? *settling_ : *solver_;
}

std::optional<TrialFailure> TrialRunner::run_stages(const TrialCall& call) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    StageRunner& stage = stages_[i];
    try {
      start_stage(i, call);
      stage.run(solver_of(stage), call.network, activity_, credit_, call.keep, call.order);
    } catch (const NumericalError& error) {
      return TrialFailure{.where = stage.stage().name, .what = {}, .time = 0, .fault = error.kind(), .cause = error};
    }
    if (columns_ == Columns::trials) {
      if (!stage.finished()) break;
    } else if (const ColumnEnd* end = stage.solver_run().diverged()) {
      return TrialFailure{stage.stage().name, stage.f().block_name(end->population), end->time};
    }
  }
  return std::nullopt;
}

void TrialRunner::run_again(const TrialCall& call) {
  try {
    if (start_) start_(call, activity_, credit_);
    for (std::size_t i = 0; i < stages_.size() && stages_[i].started(); ++i) {
      start_stage(i, call);
      stages_[i].run(solver_of(stages_[i]), call.network, activity_, credit_, call.keep, call.order);
      if (!stages_[i].finished()) return;
    }
  } catch (const NumericalError&) {
    // a trial that failed in a later phase fails there again: the trajectory ends with the phase before
  }
}

std::optional<TrialFailure> TrialRunner::diverged(std::size_t column) const {
  for (const StageRunner& stage : stages_) {
    if (!stage.started()) return std::nullopt;
    const ColumnEnd& end = stage.solver_run().columns[column];
    if (end.ending != Ending::diverged) continue;
    return TrialFailure{stage.stage().name, stage.f().block_name(end.population), end.time};
  }
  return std::nullopt;
}

std::vector<const StageRunner*> TrialRunner::stage_list() const {
  std::vector<const StageRunner*> list;
  for (const StageRunner& stage : stages_) list.push_back(&stage);
  return list;
}

std::vector<StageResult> TrialRunner::results(bool with_trajectories) {
  std::vector<StageResult> results;
  for (StageRunner& stage : stages_) results.push_back(stage.result(with_trajectories));
  return results;
}

}  // namespace dynvert
