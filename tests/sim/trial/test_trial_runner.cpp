#include <dynvert/models/random.hpp>
#include <dynvert/sim/trial/model_setup.hpp>
#include <dynvert/sim/trial/trial_runner.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace dynvert;
using Columns = TrialRunner::Columns;

namespace {

/// A solver that leaves the state as it is and ends as the test says: the column given, in the run given.
class Script final : public Solver {
 public:
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
  Script(std::size_t diverges_in, std::size_t column, std::size_t throws_in = never)
      : diverges_in_(diverges_in), column_(column), throws_in_(throws_in) {}

  SolverRun run(RightHandSide& f, State& x, const Segment& segment, Trajectory* trajectory, double interval) override {
    if (runs_ == throws_in_) throw NumericalError("the solver", "found nothing", "another one", Fault::no_steady_state);
    if (trajectory != nullptr) {
      trajectory->start(f.layout(), segment.start, interval);
      trajectory->append(x);
    }
    SolverRun result{.columns = std::vector<ColumnEnd>(f.layout().columns()), .steps = 1};
    if (runs_++ == diverges_in_) result.columns[column_] = {.ending = Ending::diverged, .time = 2, .population = 1};
    return result;
  }

 private:
  std::size_t runs_ = 0, diverges_in_, column_, throws_in_;
};

struct Problem {
  Network network{{3, 4, 4, 2}, {"linear", "linear", "linear"}, false};
  Feedback feedback = Feedback(4);
  arma::mat x, t;

  explicit Problem(std::size_t columns) {
    RandomStream random(5, "trial runner");
    for (std::size_t l = 1; l <= 3; ++l) network.W[l] = random.normal(network.units[l], network.units[l - 1]);
    for (std::size_t l = 2; l <= 3; ++l) feedback[l] = random.normal(network.units[l - 1], network.units[l]);
    x = random.normal(3, columns);
    t = random.normal(2, columns);
  }
  /// Loops of layers 3 and 2, each with two phases.
  [[nodiscard]] TrialRunner runner(std::unique_ptr<Solver> solver, Columns columns) const {
    std::vector<StagePlan> plans;
    for (Stage& stage : credit_model("sequential_inversion").stages(network, {}))
      plans.push_back({std::move(stage), {{.duration = 1}, {.start = 1, .duration = 1}}});
    return {std::move(plans), nullptr, std::move(solver), columns};
  }
  [[nodiscard]] std::optional<TrialFailure> run(TrialRunner& runner, TrialCall* prepared = nullptr) const {
    Activity activity;
    forward(network, x, t, activity);
    Credit credit(4);
    credit[3] = activity.e;
    runner.show(activity, credit);
    TrialCall call{.trial = 3, .network = network, .feedback = feedback};
    return runner.run(prepared != nullptr ? *prepared : call);
  }
};

}  // namespace

TEST_CASE("a sample that diverges fails its trial, a trial that diverges leaves the others of its batch alone") {
  const Problem problem(3);
  SECTION("samples") {
    TrialRunner runner = problem.runner(std::make_unique<Script>(0, 1), Columns::samples);
    const auto failure = problem.run(runner);
    REQUIRE(failure);
    CHECK(failure->where == "loop 3");
    CHECK(failure->fault == Fault::diverged);
    CHECK(failure->time == 2);
    CHECK_FALSE(failure->cause);
    CHECK(describe(3, *failure) == "trial 3, loop 3: " + failure->what + " diverged at time 2");
    CHECK(runner.stage(0).started());
    CHECK_FALSE(runner.stage(1).started());
  }
  SECTION("trials") {
    TrialRunner runner = problem.runner(std::make_unique<Script>(2, 1), Columns::trials);
    CHECK_FALSE(problem.run(runner));
    CHECK(runner.stage(1).finished());
    CHECK_FALSE(runner.diverged(0));
    CHECK_FALSE(runner.diverged(2));
    REQUIRE(runner.diverged(1));
    CHECK(runner.diverged(1)->where == "loop 2");
    // its credit is missing, that of the others is not
    CHECK_FALSE(runner.credit()[1].col(1).is_finite());
    CHECK(runner.credit()[1].cols(arma::uvec{0, 2}).is_finite());
  }
}

TEST_CASE("a solver that finds nothing is reported with its reason, also when the trial is run again") {
  const Problem problem(1);
  // the second phase of the first loop
  TrialRunner runner = problem.runner(std::make_unique<Script>(Script::never, 0, 1), Columns::samples);
  const auto failure = problem.run(runner);
  REQUIRE(failure);
  CHECK(failure->fault == Fault::no_steady_state);
  REQUIRE(failure->cause);
  CHECK(describe(3, *failure) == "trial 3, loop 3: the solver: found nothing");
  // it fails there once more, and says no more about it
  CHECK_NOTHROW(runner.run_again({.trial = 3, .network = problem.network, .feedback = problem.feedback, .keep = 0.5}));
}

TEST_CASE("inputs and errors that are not finite end a trial before its loops run") {
  Problem problem(2);
  TrialRunner runner = problem.runner(std::make_unique<Script>(Script::never, 0), Columns::samples);
  CHECK_FALSE(problem.run(runner));
  problem.t(0, 1) = std::numeric_limits<double>::infinity();
  const auto failure = problem.run(runner);
  REQUIRE(failure);
  CHECK(failure->where == "input");
  CHECK(failure->fault == Fault::not_finite);
  CHECK_FALSE(runner.stage(0).started());
}

TEST_CASE("stages are prepared in their order, when they have weights and columns") {
  const Problem problem(2);
  TrialRunner runner = problem.runner(std::make_unique<Script>(Script::never, 0), Columns::trials);
  std::vector<std::size_t> prepared;
  TrialCall call{.trial = 0, .network = problem.network, .feedback = problem.feedback};
  call.prepare = [&](std::size_t stage) {
    prepared.push_back(stage);
    CHECK(runner.stage(stage).f().layout().columns() == 2);
  };
  CHECK_FALSE(problem.run(runner, &call));
  CHECK(prepared == std::vector<std::size_t>{0, 1});
}
