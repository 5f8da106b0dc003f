// What every kind of feedback, of initial weights, of projection and of error must have, without being named.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/experiment/error_signals.hpp>
#include <dynvert/sim/experiment/projection_kinds.hpp>
#include <dynvert/sim/registry.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/initial_network.hpp>

#include <catch2/catch.hpp>

#include <algorithm>

using namespace dynvert;

namespace {

/// A network of different sizes, so that a matrix of another shape is seen.
Config config_of_kinds() {
  Config config;
  config.seed = 3;
  config.network.layers = {5, 4, 3, 2};
  config.network.activation = {"tanh", "tanh"};
  config.network.bias = true;
  return config;
}

/// The keys by which the configuration knows the kind are those that the kind says.
template <typename Kind>
void check_choice(const std::vector<Choice>& choices, const Kind& kind) {
  const Choice* const choice = find_choice(choices, kind.name);
  REQUIRE(choice != nullptr);
  CHECK(choice->summary == kind.summary);
  CHECK_FALSE(choice->summary.empty());
  CHECK(choice->keys == kind.keys);
}

}  // namespace

TEST_CASE("every kind of feedback makes a matrix for each path, the same each time") {
  const Config config = config_of_kinds();
  const Network network = initial_network(config);
  const ConfigRegistry registry = config_registry();
  CHECK(registry.feedback_kinds.size() == feedback_kinds().size());
  for (const FeedbackKind& kind : feedback_kinds()) {
    CAPTURE(kind.name);
    check_choice(registry.feedback_kinds, kind);
    CHECK(kind.reads_file == uses(find_choice(registry.feedback_kinds, kind.name), "path"));
    CHECK(kind.stabilised == uses(find_choice(registry.feedback_kinds, kind.name), "margin"));
    if (kind.reads_file) continue;  // see "weights are read as NumPy shows them"
    for (const CreditModel& credit : credit_models()) {
      if (!credit.feedback) continue;
      CAPTURE(credit.name);
      ModelConfig model;
      model.name = "m";
      model.credit = credit.name;
      model.feedback.kind = kind.name;
      const Feedback first = make_feedback(config, model, network), second = make_feedback(config, model, network);
      for (const FeedbackPath& path : credit.feedback(network.depth())) {
        const arma::mat& B = first[path.number];
        CHECK(B.n_rows == network.units[path.bottom]);
        CHECK(B.n_cols == network.units[path.top]);
        CHECK(B.is_finite());
        CHECK(arma::abs(B).max() > 0);
        CHECK(arma::approx_equal(B, second[path.number], "absdiff", 0));
      }
    }
  }
  CHECK_THROWS_WITH(feedback_kind("nothing"), Catch::Contains("optimised"));
}

TEST_CASE("every kind of initial weights fills in all layers, as a function of the seed") {
  Config config = config_of_kinds();
  const ConfigRegistry registry = config_registry();
  CHECK(registry.inits.size() == init_kinds().size());
  for (const InitKind& kind : init_kinds()) {
    CAPTURE(kind.name);
    check_choice(registry.inits, kind);
    CHECK(kind.reads_file == uses(find_choice(registry.inits, kind.name), "path"));
    if (kind.reads_file) continue;
    config.network.init.kind = kind.name;
    const Network network = initial_network(config), same = initial_network(config);
    Config other = config;
    ++other.seed;
    const Network another = initial_network(other);
    for (std::size_t l = 1; l <= network.depth(); ++l) {
      CHECK(network.W[l].n_rows == network.units[l]);
      CHECK(network.W[l].n_cols == network.units[l - 1]);
      CHECK(arma::abs(network.W[l]).max() > 0);
      CHECK(network.b[l].n_elem == network.units[l]);
      CHECK(arma::approx_equal(network.W[l], same.W[l], "absdiff", 0));
      CHECK_FALSE(arma::approx_equal(network.W[l], another.W[l], "absdiff", 0));
    }
  }
  CHECK_THROWS_WITH(init_kind("nothing"), Catch::Contains("orthogonal"));
}

TEST_CASE("every kind of projection makes weights of the populations' sizes") {
  const ConfigRegistry registry = config_registry();
  CHECK(registry.projections.size() == projection_kinds().size());
  for (const ProjectionKind& kind : projection_kinds()) {
    CAPTURE(kind.name);
    check_choice(registry.projections, kind);
    CHECK(find_choice(registry.projections, kind.name)->one_to_one == kind.one_to_one);
    CHECK(kind.reads_file == uses(find_choice(registry.projections, kind.name), "path"));
    if (kind.reads_file) continue;
    const ProjectionConfig p{.name = "p", .kind = std::string(kind.name), .matrix = {{1, 2, 3}, {4, 5, 6}}};
    const Weights weights = kind.make(p, 2, 3, 7);
    REQUIRE(std::holds_alternative<double>(weights) == kind.one_to_one);
    if (kind.one_to_one) continue;
    const auto& matrix = std::get<arma::mat>(weights);
    CHECK(matrix.n_rows == 2);
    CHECK(matrix.n_cols == 3);
    CHECK(arma::approx_equal(matrix, std::get<arma::mat>(kind.make(p, 2, 3, 7)), "absdiff", 0));
  }
  for (const TransmissionKind& kind : transmission_kinds()) check_choice(registry.transmissions, kind);
}

TEST_CASE("every error signal begins at its onset, and is constant if it says so") {
  Config config = config_of_kinds();
  config.inversion.onset = 2;
  DynamicsConfig dynamics;
  dynamics.dt = 0.25;
  dynamics.duration = 30;
  const ConfigRegistry registry = config_registry();
  CHECK(registry.error_signals.size() == error_signals().size());
  const std::vector<std::size_t> trials{0, 1};
  for (const ErrorSignal& kind : error_signals()) {
    CAPTURE(kind.name);
    check_choice(registry.error_signals, kind);
    const InputSignal step{.amplitude = arma::mat{{1, -2}, {3, 4}, {5, 6}}, .start = config.inversion.onset};
    const std::vector<InputSignal> signals = kind.make({config, dynamics, {0, 1}, step});
    REQUIRE_FALSE(signals.empty());
    const auto value = [&](double t) {
      arma::mat sum(3, 2);
      sum_signals(signals, t, t + dynamics.dt, t, trials, MatrixView{sum.memptr(), 3, 2, 3});
      return sum;
    };
    CHECK(value(1).is_zero());
    const double onset = config.inversion.onset;
    const auto is_constant = [&](const InputSignal& signal) { return signal.is_constant(onset, onset + dynamics.dt); };
    CHECK(std::ranges::all_of(signals, is_constant) == kind.constant);
    // without fluctuations the error ends at its full size
    CHECK(arma::approx_equal(value(25), step.amplitude, "absdiff", 0) == !kind.fluctuates);
  }
}
