#include <dynvert/sim/trial/stage_runner.hpp>

#include <algorithm>
#include <limits>

namespace dynvert {

namespace {

/// A column that has diverged shows as NaN from then on, in traces and in credit.
void blank_diverged(const SolverRun& run, const Layout& layout, State& x) {
  for (std::size_t c = 0; c < run.columns.size(); ++c) {
    if (run.columns[c].ending != Ending::diverged) continue;
    layout.scatter(arma::vec(layout.variables(), arma::fill::value(std::numeric_limits<double>::quiet_NaN())), c, x);
  }
}

}  // namespace

std::size_t last_target_phase(const std::vector<Phase>& phases) {
  std::size_t last = phases.size() - 1;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    if (phases[i].target) last = i;
  }
  return last;
}

ReadyStage ready_stage(const Stage& stage, const Network& network, const Feedback& feedback, const Activity& activity,
                       const Credit& credit, MovingWeights weights) {
  const bool stay = weights == MovingWeights::stay;
  RightHandSide f(stay ? stage.circuit.without_plasticity() : stage.circuit, 1);
  stage.load(network, feedback, f);
  stage.begin(network, activity, credit, f);
  State x(f.layout().size());
  return {std::move(f), std::move(x)};
}

void enter_phase(const Stage& stage, const Network& network, const Activity& activity, const Credit& credit,
                 const Phase& phase, ReadyStage& ready) {
  stage.enter(network, activity, credit, phase, ready.f, ready.x);
}

StageRunner::StageRunner(Stage stage, std::vector<Phase> phases)
    : stage_(std::move(stage)), f_(stage_.circuit, 1), phases_(std::move(phases)), read_(last_target_phase(phases_)) {}

void StageRunner::reset() {
  started_ = false;
  finished_ = false;
  run_ = {};
}

void StageRunner::load(const Network& network, const Feedback& feedback) { stage_.load(network, feedback, f_); }

void StageRunner::begin(const Network& network, const Feedback& feedback, const Activity& activity,
                        const Credit& credit) {
  load(network, feedback);
  stage_.begin(network, activity, credit, f_);
  x_.assign(f_.layout().size(), 0.0);
  f_.put_weights(x_);
}

void StageRunner::run(Solver& solver, const Network& network, Activity& activity, Credit& credit,
                      std::optional<double> keep, std::size_t order) {
  run_ = {};
  finished_ = false;
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    const Phase& phase = phases_[i];
    stage_.enter(network, activity, credit, phase, f_, x_);
    // what a switch sets shows from the switch on, so each phase has a trajectory of its own, which is appended
    Trajectory* trajectory = keep ? (i == 0 ? &trajectory_ : &segment_) : nullptr;
    SolverRun run = stage_.circuit.populations().empty()
                        ? SolverRun{.columns = std::vector<ColumnEnd>(f_.layout().columns())}
                        : solver.run(f_, x_, {phase.start, phase.duration}, trajectory, keep.value_or(0));
    if (keep && i > 0) trajectory_.extend(segment_);
    started_ = true;
    run_.steps += run.steps;
    run_.evaluations += run.evaluations;
    for (std::size_t c = 0; c < run_.columns.size(); ++c) {
      const std::size_t steps = run_.columns[c].steps + run.columns[c].steps;
      if (run_.columns[c].ending == Ending::diverged) run.columns[c] = run_.columns[c];
      run.columns[c].steps = steps;
    }
    run_.columns = std::move(run.columns);
    const auto diverged = [](const ColumnEnd& end) { return end.ending == Ending::diverged; };
    if (std::ranges::all_of(run_.columns, diverged)) return;
    blank_diverged(run_, f_.layout(), x_);
    if (i == read_) x_read_ = x_;
  }
  finished_ = true;
  if (stage_.follow) {
    StatePath path;
    if (keep && trajectory_.samples() > 0) {
      path = {trajectory_.samples(), trajectory_.interval(), order,
              [this](std::size_t k) { return trajectory_.state(k); }};
    }
    stage_.follow(network, f_, path, x_read_, activity);
  }
  stage_.read(network, f_, x_read_, activity, credit);
  if (phases_.size() > 1) {
    // measures look at the circuit as it was when credit was read
    State scratch = x_read_;
    stage_.enter(network, activity, credit, phases_[read_], f_, scratch);
  }
  if (!stage_.circuit.plasticity().empty()) fix_weights(network, activity, credit);
}

void StageRunner::fix_weights(const Network& network, const Activity& activity, const Credit& credit) {
  fixed_.emplace(stage_.circuit.without_plasticity(), 1);
  f_.take_weights(x_read_);
  const auto& projections = stage_.circuit.projections();
  for (ProjectionIndex k = 0; k < projections.size(); ++k) {
    if (std::holds_alternative<arma::mat>(projections[k].weights)) fixed_->set_weights(k, f_.weights(k));
  }
  stage_.begin(network, activity, credit, *fixed_);
  // populations come before moving weights in the state
  x_fixed_.assign(x_read_.begin(), x_read_.begin() + static_cast<std::ptrdiff_t>(fixed_->layout().size()));
  stage_.enter(network, activity, credit, phases_[read_], *fixed_, x_fixed_);
}

bool StageRunner::take_learned(Network& network) {
  if (stage_.learned == nullptr) return false;
  stage_.learned(f_, x_, network);
  return true;
}

StageResult StageRunner::result(bool with_trajectory) {
  return {.stage = &stage_,
          .f = fixed_ ? &*fixed_ : &f_,
          .x = fixed_ ? &x_fixed_ : &x_read_,
          .phase = phases_[read_],
          .trajectory = with_trajectory ? &trajectory_ : nullptr};
}

SingleTrial::SingleTrial(const StageRunner& batch, std::size_t column, const Stage& stage, RightHandSide single)
    : f(std::move(single)), x(f.layout().size()) {
  const Layout& layout = batch.f().layout();
  f.layout().scatter(layout.gather(batch.x_read(), column), 0, x);
  result = {.stage = &stage, .f = &f, .x = &x, .phase = batch.read_phase()};
  const Trajectory& all = batch.trajectory();
  if (all.samples() == 0) return;
  trajectory.start(f.layout(), all.time(0), all.interval());
  State sample(f.layout().size());
  for (std::size_t k = 0; k < all.samples(); ++k) {
    f.layout().scatter(layout.gather(all.state(k), column), 0, sample);
    trajectory.append(sample);
  }
  result.trajectory = &trajectory;
}

SingleTrial::SingleTrial(const Stage& stage, RightHandSide single) : f(std::move(single)), x(f.layout().size()) {
  result = {.stage = &stage, .f = &f, .x = &x};
}

}  // namespace dynvert
