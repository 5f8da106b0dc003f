// Steady states and spectra of the models of dynamic inversion against algebra and against each other.

#include <dynvert/analysis/cycle.hpp>
#include <dynvert/analysis/spectrum.hpp>
#include <dynvert/analysis/stabilise.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/credit/dynamic_forward.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>

using namespace dynvert;

namespace {

struct Case {
  Network network;
  Feedback feedback;
  Activity activity;
  Credit credit;
};

Case make_case(const std::string& model, const std::vector<std::size_t>& units, const std::string& g, double scale) {
  std::vector<std::string> activation(units.size() - 2, g);
  activation.emplace_back("linear");
  Case c{.network = Network(units, activation, true), .feedback = {}, .activity = {}, .credit = {}};
  const std::size_t depth = c.network.depth();
  for (std::size_t l = 1; l <= depth; ++l) {
    c.network.W[l].randn();
    c.network.W[l] *= scale;
    c.network.b[l].randn();
  }
  c.feedback.resize(depth + 1);
  for (const FeedbackPath& path : credit_model(model).feedback(depth)) {
    c.feedback[path.number] = -c.network.path(path.bottom, path.top).t();
  }
  c.activity.x = arma::mat(units.front(), 2, arma::fill::randn);
  forward(c.network, c.activity.x, arma::mat(units.back(), 2, arma::fill::randn), c.activity);
  c.credit.resize(depth + 1);
  c.credit[depth] = c.activity.e;
  return c;
}

/// Runs all stages to their steady states, one after the other.
void settle(const std::string& model, const LoopParameters& parameters, Case& c) {
  for (const Stage& stage : credit_model(model).stages(c.network, parameters)) {
    RightHandSide f(stage.circuit, 1);
    stage.load(c.network, c.feedback, f);
    stage.begin(c.network, c.activity, c.credit, f);
    State x(f.layout().size());
    stage.enter(c.network, c.activity, c.credit, Phase{.duration = 1}, f, x);
    stage.read(c.network, f, steady_state(f, x).x, c.activity, c.credit);
  }
}

const std::vector<std::size_t> deep{4, 6, 5, 3};

}  // namespace

TEST_CASE("single and repeat loops settle at the chain's damped pseudo-inverse") {
  CHECK(rc::check("against algebra", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const auto units = *rc::gen::container<std::vector<std::size_t>>(5, rc::gen::inRange<std::size_t>(1, 7));
    const double alpha = *rc::gen::elementOf(std::vector<double>{0.01, 0.1, 1});
    for (const std::string model : {"single_loop_inversion", "repeat_inversion"}) {
      Case c = make_case(model, units, "linear", 0.7);
      for (auto& B : c.feedback) {
        if (!B.is_empty()) B += 0.05 * arma::mat(arma::size(B), arma::fill::randn);
      }
      const std::size_t L = 4;
      bool regular = true;
      for (const FeedbackPath& path : credit_model(model).feedback(L)) {
        const arma::mat W = c.network.path(path.bottom, path.top);
        const arma::mat A = W * c.feedback[path.number] - alpha * arma::eye(units[L], units[L]);
        regular = regular && arma::rcond(A) > 1e-5;
      }
      RC_PRE(regular);
      settle(model, {.alpha = alpha, .tau_delta = 0.6, .tau_u = 1.8}, c);
      for (const FeedbackPath& path : credit_model(model).feedback(L)) {
        const arma::mat W = c.network.path(path.bottom, path.top);
        const arma::mat& B = c.feedback[path.number];
        const arma::mat delta = B * arma::solve(W * B - alpha * arma::eye(units[L], units[L]), c.activity.e);
        // condition numbers up to 1e5 leave eleven digits
        const auto close = [](const arma::mat& a, const arma::mat& b) {
          return arma::norm(a - b, "fro") <= 1e-9 * (1 + arma::norm(b, "fro"));
        };
        RC_ASSERT(close(c.credit[path.bottom], delta));
        if (model != "single_loop_inversion") continue;
        for (std::size_t l = 2; l < L; ++l) RC_ASSERT(close(c.credit[l], c.network.path(1, l) * delta));
      }
    }
  }));
}

TEST_CASE("concurrent inversion settles where the forward pass and sequential inversion do, for every transfer") {
  arma::arma_rng::set_seed(21);
  for (const Transfer transfer : {Transfer::linear, Transfer::nonlinear, Transfer::linearised}) {
    for (const std::string g : {"linear", "tanh", "softplus"}) {
      for (const double alpha : {0.05, 0.5}) {
        CAPTURE(static_cast<int>(transfer), g, alpha);
        const LoopParameters p{.alpha = alpha, .tau_delta = 0.7, .tau_u = 1.5, .tau_h = 3, .transfer = transfer};
        Case one = make_case("concurrent_inversion", deep, g, 0.5);
        Case two = one;
        settle("concurrent_inversion", p, one);
        settle("sequential_inversion", p, two);
        for (std::size_t l = 1; l <= 3; ++l) {
          // Newton ends at 1e-12 of the state; conditions of these loops are below 1e2
          CHECK(arma::approx_equal(one.activity.a[l], two.activity.a[l], "absdiff", 1e-9));
          CHECK(arma::norm(one.credit[l] - two.credit[l], "fro") < 1e-9 * (1 + arma::norm(two.credit[l], "fro")));
        }
      }
    }
  }
}

TEST_CASE(
    "the nonlinear loops' steady states are zeros of their right-hand sides, found by the reduced form or whole") {
  CHECK(rc::check("roots", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const auto model = *rc::gen::elementOf(std::vector<std::string>{"single_loop_inversion", "repeat_inversion"});
    Case c = make_case(model, deep, "tanh", 0.5);
    for (const Stage& stage : credit_model(model).stages(c.network, {.alpha = 0.05, .transfer = Transfer::nonlinear})) {
      RightHandSide f(stage.circuit, 1);
      stage.load(c.network, c.feedback, f);
      stage.begin(c.network, c.activity, c.credit, f);
      State x(f.layout().size());
      stage.enter(c.network, c.activity, c.credit, Phase{.duration = 1}, f, x);
      const SteadyState steady = steady_state(f, x);
      State dxdt(x.size());
      f(steady.x, dxdt, 0.0);
      for (const double slope : dxdt) RC_ASSERT(std::abs(slope) < 1e-10);
    }
  }));
}

TEST_CASE("the reduced form of loops of any length has the spectrum of their block of the Jacobian") {
  CHECK(rc::check("spectrum", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const auto model = *rc::gen::elementOf(std::vector<std::string>{"sequential_inversion", "single_loop_inversion",
                                                                    "repeat_inversion", "concurrent_inversion"});
    const auto transfer =
        *rc::gen::elementOf(std::vector<Transfer>{Transfer::linear, Transfer::nonlinear, Transfer::linearised});
    const Case c = make_case(model, deep, "tanh", 0.8);
    for (const Stage& stage : credit_model(model).stages(
             c.network, {.alpha = 0.3, .tau_delta = 0.7, .tau_u = 1.6, .tau_h = 2, .transfer = transfer})) {
      RightHandSide f(stage.circuit, 1);
      stage.load(c.network, c.feedback, f);
      Credit credit = c.credit;
      for (std::size_t l = 1; l < 3; ++l) credit[l] = arma::mat(deep[l], 2, arma::fill::randn);
      stage.begin(c.network, c.activity, credit, f);
      State x(f.layout().size());
      for (std::size_t b = 0; b < f.layout().populations(); ++b) {
        assign(f.layout().view(std::span<double>(x), b), 0.5 * arma::mat(f.layout().units(b), 2, arma::fill::randn));
      }
      for (const ControlLoop& loop : stage.loops) {
        RC_ASSERT(as_cycle(stage.circuit, loop.members).has_value());
        const arma::uvec variables = f.variables_of(loop.members);
        const arma::mat M = f.jacobian(x, 1).submat(variables, variables);
        const arma::cx_vec reduced = spectrum(f, x, 1, loop.members);
        RC_ASSERT(reduced.n_elem == M.n_rows);
        // The coefficients of the characteristic polynomial at random points: they are well conditioned where single
        // eigenvalues, of multiplicity up to four, are not.
        for (const double z : {0.3, 1.1, 2.7}) {
          const arma::cx_double of_reduced = arma::prod(z - reduced);
          const arma::mat A = z * arma::eye(arma::size(M)) - M;
          const double whole = arma::det(A);
          // Relative to Hadamard's bound of the determinant, the product of the columns' norms, which is what rounding
          // of a matrix far from normal refers to; linearised gains 1/g' of saturated units make it so.
          const double bound = arma::prod(arma::sqrt(arma::sum(arma::square(A), 0)));
          RC_ASSERT(std::abs(of_reduced - whole) < 1e-10 * bound);
        }
      }
    }
  }));
}

TEST_CASE("what is no cycle is not taken for one") {
  Circuit c;
  const auto a = c.add(Population{.name = "a", .units = 2});
  const auto b = c.add(Population{.name = "b", .units = 2});
  const auto d = c.add(Population{.name = "d", .units = 2});
  c.add(Projection{.name = "ab", .source = a, .target = b});
  const std::vector<PopulationIndex> two{a, b};
  const std::vector<PopulationIndex> all{a, b, d};
  CHECK_FALSE(as_cycle(c, two));  // open
  c.add(Projection{.name = "ba", .source = b, .target = a});
  CHECK(as_cycle(c, two));
  CHECK_FALSE(as_cycle(c, all));  // d stands aside
  c.add(Projection{.name = "dd", .source = d, .target = d});
  CHECK_FALSE(as_cycle(c, all));  // a cycle of two and one of one
  c.add(Projection{.name = "da", .source = d, .target = a});
  CHECK(as_cycle(c, two));  // what arrives from others is input
  c.add(Projection{.name = "aa", .source = a, .target = a});
  CHECK_FALSE(as_cycle(c, two));  // recurrent
}

TEST_CASE("long loops are stabilised on their whole Jacobian") {
  arma::arma_rng::set_seed(22);
  for (const std::string model : {"single_loop_inversion", "repeat_inversion"}) {
    for (int k = 0; k < 20; ++k) {
      Case c = make_case(model, {30, 20, 10, 10}, "tanh", 0.2);
      for (const Stage& stage :
           credit_model(model).stages(c.network, {.alpha = 0.01, .transfer = Transfer::nonlinear})) {
        const ControlLoop& loop = stage.loops.front();
        const FeedbackPath path = [&] {
          const auto paths = credit_model(model).feedback(3);
          return *std::ranges::find(paths, loop.number, &FeedbackPath::number);
        }();
        c.feedback[loop.number] = 0.5 * (2 * arma::mat(c.network.units[path.bottom], 10, arma::fill::randu) - 1);
        RightHandSide f(stage.circuit, 1);
        stage.load(c.network, c.feedback, f);
        const State zero(f.layout().size());
        const Projection& B = stage.circuit.projections()[loop.feedback];
        const FeedbackBlock block{.row = f.layout().variable_offset(B.target),
                                  .column = f.layout().variable_offset(B.source)};
        const Stabilised result = stabilise(f.jacobian(zero, 0), f.weights(loop.feedback), block);
        CHECK(result.reached);
        f.set_weights(loop.feedback, result.B);
        CHECK(spectral_abscissa(f, zero, 0) < 0);
      }
    }
  }
}
