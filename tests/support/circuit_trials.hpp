#pragma once

/// Trials of one circuit file, one by one: every value that a trial leaves can be seen, and rules are applied as in
/// learning.

#include <dynvert/models/equations/parser.hpp>
#include <dynvert/sim/solvers/batched_solver.hpp>
#include <dynvert/sim/trial/circuit_weights.hpp>
#include <dynvert/sim/trial/datasets.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>
#include <dynvert/sim/trial/trial_runner.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "configure.hpp"
#include "experiment_text.hpp"
#include "temporary_folder.hpp"
#include "text_files.hpp"

namespace dynvert::test {

/// The largest difference of two matrices of one size.
inline double apart(const arma::mat& a, const arma::mat& b) {
  REQUIRE(arma::size(a) == arma::size(b));
  return arma::abs(a - b).max();
}

/// Inputs or targets: normal numbers that the seed decides on.
inline arma::mat shown(unsigned seed, arma::uword rows, arma::uword batch) {
  arma::arma_rng::set_seed(seed);
  return {rows, batch, arma::fill::randn};
}

/// What surrounds the circuit.
struct AroundCircuit {
  std::string keys = "solver = \"euler\"\ndt = 0.125\nduration = 2.0\n";  ///< of [[model]]
  std::string layers = "4, 5, 3";
  std::string network = "activation = \"tanh\"\n";
  double rate = 0.1;
  std::string learning = "";  ///< further lines of [learning]
};

class CircuitTrials {
 public:
  /// @param text  of the circuit file, without its version; matrices M, N and Q need no table
  CircuitTrials(const CircuitTrials&) = delete;
  CircuitTrials& operator=(const CircuitTrials&) = delete;
  ~CircuitTrials() = default;
  explicit CircuitTrials(const std::string& text, const AroundCircuit& around = {})
      : config_(configured(text, around)),
        circuit_(credit_of(config_, model()).circuit),
        network(initial_network(config_)),
        runner_(make()) {
    draw_circuit_weights(config_, model(), *circuit_, network);
    carried = carried_datasets(config_, model()).nothing;
  }

  /// Runs a trial, without its rules. @param x  n_0 x batch, @param t  n_L x batch
  void run(const arma::mat& x, const arma::mat& t) {
    const SolverKind& kind = solver_kind(model().dynamics.solver);
    if (!circuit_->carries_per_sample()) {
      places.resize(x.n_cols);
      std::iota(places.begin(), places.end(), std::size_t{0});
    }
    runner_.show(network, x, t, nullptr);
    TrialCall call{.trial = trial_, .network = network, .feedback = {}};
    call.order = kind.order;
    if (kind.has_trajectory) call.keep = model().dynamics.dt;
    const auto failure = runner_.run(call);
    if (failure) FAIL(describe(trial_, *failure));
  }
  /// Runs a trial, and changes the weights.
  void learn(const arma::mat& x, const arma::mat& t) {
    run(x, t);
    const auto changes = circuit_->changes(trial_++, runner_.activity(), network);
    circuit_->take_moved(runner_.activity().values, network);
    circuit_->apply(changes, network);
    if (!carried.empty()) circuit_->carry(runner_.activity(), places, carried);
  }

  /// A population by its name in equations, or a matrix.
  [[nodiscard]] arma::mat value(const std::string& name) const {
    return runner_.activity().values.now[circuit_->plan().population(parsed(name))];
  }
  arma::mat& matrix(const std::string& name) {
    const CircuitPlan& plan = circuit_->plan();
    return plan.place(plan.matrix(parsed(name))).of(network);
  }
  /// The states of a population in a phase, a matrix for each sample. @param name  in files
  [[nodiscard]] std::vector<arma::mat> path(std::size_t phase, const std::string& name) const {
    const StageRunner& stage = runner_.stage(phase);
    const PopulationIndex p = stage.f().circuit().population(name);
    std::vector<arma::mat> states;
    for (std::size_t k = 0; k < stage.trajectory().samples(); ++k)
      states.push_back(to_matrix(stage.f().layout().view(stage.trajectory().state(k), p)));
    return states;
  }
  [[nodiscard]] const ModelConfig& model() const { return config_.models.front(); }
  [[nodiscard]] const DescribedCircuit& circuit() const { return *circuit_; }
  [[nodiscard]] TrialRunner& runner() { return runner_; }

 private:
  static equations::Name parsed(const std::string& name) {
    const equations::Source source{.text = name, .file = ""};
    return equations::name_of(equations::parse_expression(std::make_shared<equations::Source>(source)));
  }
  static Config configured(const std::string& text, const AroundCircuit& around) {
    const TemporaryFolder folder;
    std::string all = "version = 1\n" + text;
    for (const std::string name : {"M", "N", "Q"}) {
      const std::string table = "[weights." + name + "]";
      const bool is_used = all.find(name + "*") != std::string::npos || all.find(name + "'*") != std::string::npos;
      if (is_used && all.find(table) == std::string::npos)
        all += "\n" + table + "\nkind = \"normal\"\nstandard_deviation = 0.5\n";
    }
    write_text(folder / "own.toml", all);
    return configure(learning_text({.layers = around.layers, .rate = around.rate, .network = around.network}) +
                         around.learning + model_text("own", "circuit = \"own.toml\"\n" + around.keys),
                     {}, folder / "test.toml");
  }
  TrialRunner make() {
    std::vector<Stage> stages = model_stages(config_, model(), network, loop_parameters(config_, model()));
    std::unique_ptr<Solver> solver, settling;
    if (!stages.empty()) {
      const SolverKind& kind = solver_kind(model().dynamics.solver);
      SolverSettings settings = solver_settings(model().dynamics);
      solver = make_reference_solver(kind, settings);
      if (settings.settle_tolerance == 0) settings.settle_tolerance = 1e-6;
      settling = make_reference_solver(kind, settings);
    }
    TrialRunner runner(stage_plans(std::move(stages), model().dynamics), credit_rule(config_, model()),
                       std::move(solver), TrialRunner::Columns::samples);
    runner.set_settling_solver(std::move(settling));
    runner.set_start([this](const TrialCall& call, Activity& activity, Credit& credit) {
      DescribedCircuit::Beginning beginning{
          .trial = call.trial, .evaluates = call.evaluates, .first_sample = call.first_sample};
      if (!call.evaluates && !carried.empty()) {
        beginning.carried = &carried;
        beginning.places = places;
      }
      circuit_->start(call.network, activity, credit, beginning);
    });
    return runner;
  }

  Config config_;
  std::shared_ptr<const DescribedCircuit> circuit_;

 public:
  Network network;
  std::vector<arma::mat> carried;   ///< by trials that learn
  std::vector<std::size_t> places;  ///< of states that each sample has: the samples of the next trial

 private:
  TrialRunner runner_;
  std::size_t trial_ = 0;
};

}  // namespace dynvert::test
