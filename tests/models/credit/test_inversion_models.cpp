// Every model of dynamic inversion as a circuit: its Jacobian, and its equations written with matrices.

#include "support/differences.hpp"

#include <dynvert/models/circuit/sequential_step.hpp>
#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/credit/dynamic_forward.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <string>
#include <tuple>

using namespace dynvert;

namespace {

const std::vector<std::string> models{"sequential_inversion", "single_loop_inversion", "repeat_inversion",
                                      "concurrent_inversion"};
const std::vector<Transfer> transfers{Transfer::linear, Transfer::nonlinear, Transfer::linearised};

struct Case {
  Network network;
  Feedback feedback;
  Activity activity;
  Credit credit;
};

/// A network with random weights and biases, its activity for two random samples, and random feedback for the model.
Case random_case(const std::string& model, const std::vector<std::size_t>& units, const std::string& hidden,
                 const std::string& output, std::size_t columns) {
  std::vector<std::string> g(units.size() - 2, hidden);
  g.push_back(output);
  Case c{.network = Network(units, g, true), .feedback = {}, .activity = {}, .credit = {}};
  const std::size_t depth = c.network.depth();
  for (std::size_t l = 1; l <= depth; ++l) {
    c.network.W[l].randn();
    c.network.b[l].randn();
  }
  c.feedback.resize(depth + 1);
  for (const FeedbackPath& path : credit_model(model).feedback(depth)) {
    c.feedback[path.number] = arma::mat(units[path.bottom], units[path.top], arma::fill::randn);
  }
  c.activity.x = arma::mat(units.front(), columns, arma::fill::randn);
  forward(c.network, c.activity.x, arma::mat(units.back(), columns, arma::fill::randn), c.activity);
  c.credit.resize(depth + 1);
  for (std::size_t l = 1; l <= depth; ++l) c.credit[l] = arma::mat(units[l], columns, arma::fill::randn);
  return c;
}

RightHandSide start(const Stage& stage, const Case& c, State& x) {
  RightHandSide f(stage.circuit, 1);
  stage.load(c.network, c.feedback, f);
  stage.begin(c.network, c.activity, c.credit, f);
  x.assign(f.layout().size(), 0.0);
  f.put_weights(x);
  stage.enter(c.network, c.activity, c.credit, Phase{.duration = 1}, f, x);
  return f;
}

/// Random values in everything that moves.
void shake(const RightHandSide& f, State& x) {
  for (std::size_t b = 0; b < f.layout().populations(); ++b) {
    if (b < f.circuit().populations().size() && f.circuit().populations()[b].clamped) continue;
    assign(f.layout().view(std::span<double>(x), b),
           0.5 * arma::mat(f.layout().units(b), f.layout().columns(), arma::fill::randn));
  }
}

arma::mat block(const RightHandSide& f, const State& x, const std::string& name) {
  return to_matrix(f.layout().view(std::span<const double>(x), f.circuit().population(name)));
}

arma::mat value(const std::string& g, const arma::mat& a) {
  arma::mat r;
  apply(rate_function(g), a, r);
  return r;
}

arma::mat slope(const std::string& g, const arma::mat& a) {
  arma::mat r(arma::size(a));
  rate_function(g).derivative(a.memptr(), r.memptr(), a.n_elem);
  return r;
}

}  // namespace

TEST_CASE("populations say what they are") {
  const Network network({3, 4, 5, 2}, {"tanh", "tanh", "linear"}, true);
  using Roles = std::map<std::string, std::tuple<Role, std::optional<std::size_t>, std::optional<std::size_t>>>;
  const auto roles = [&](const std::string& model) {
    Roles found;
    for (const Stage& stage : credit_model(model).stages(network, {})) {
      for (const Population& p : stage.circuit.populations()) found[p.name] = {p.role, p.layer, p.loop};
      for (const ControlLoop& loop : stage.loops) {
        const auto& u = stage.circuit.populations()[loop.controller];
        CHECK(u.role == Role::controller);
        CHECK(u.layer == loop.source);
        CHECK(u.loop == loop.number);
        for (const auto& [population, layer] : loop.readouts) {
          CHECK(stage.circuit.populations()[population].role == Role::error);
          CHECK(stage.circuit.populations()[population].layer == layer);
        }
      }
      // units of a layer are as many as the layer has
      for (const Population& p : stage.circuit.populations()) {
        if (p.layer) CHECK(p.units == network.units[*p.layer]);
      }
    }
    return found;
  };
  using enum Role;
  CHECK(roles("sequential_inversion") == Roles{{"u_3", {controller, 3, 3}},
                                               {"delta_2", {error, 2, 3}},
                                               {"u_2", {controller, 2, 2}},
                                               {"delta_1", {error, 1, 2}}});
  CHECK(roles("single_loop_inversion") ==
        Roles{{"delta_1", {error, 1, 3}}, {"delta_2", {error, 2, 3}}, {"u_3", {controller, 3, 3}}});
  CHECK(roles("repeat_inversion") == Roles{{"delta_2", {error, 2, 2}},
                                           {"u_2", {controller, 3, 2}},
                                           {"delta_1", {error, 1, 1}},
                                           {"delta_2_run_1", {error, 2, 1}},
                                           {"u_1", {controller, 3, 1}}});
  const Roles concurrent = roles("concurrent_inversion");
  CHECK(concurrent.at("h_0") == Roles::mapped_type{input, 0, std::nullopt});
  CHECK(concurrent.at("t") == Roles::mapped_type{target, 3, std::nullopt});
  CHECK(concurrent.at("a_2") == Roles::mapped_type{forward, 2, std::nullopt});
  CHECK(concurrent.at("one") == Roles::mapped_type{auxiliary, std::nullopt, std::nullopt});
  CHECK(concurrent.at("delta_1") == Roles::mapped_type{error, 1, 2});
}

TEST_CASE("the Jacobian of every model's circuits agrees with finite differences at random states") {
  CHECK(rc::check("central differences", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const auto model = *rc::gen::elementOf(models);
    const auto transfer = *rc::gen::elementOf(transfers);
    const auto hidden = *rc::gen::elementOf(std::vector<std::string>{"tanh", "sigmoid", "softplus", "linear"});
    const auto output = *rc::gen::elementOf(std::vector<std::string>{"linear", "softmax", "tanh"});
    const bool plastic = model == "concurrent_inversion" && *rc::gen::arbitrary<bool>();
    LoopParameters parameters{.alpha = 0.3, .tau_delta = 0.7, .tau_u = 1.4, .tau_h = 2.1, .transfer = transfer};
    if (plastic) parameters.plasticity = ContinuousPlasticity{.tau = 3, .eta = 0.7, .lambda = 0.2};
    const Case c = random_case(model, {3, 4, 2, 3}, hidden, output, plastic ? 1 : 2);
    std::vector<Stage> stages = credit_model(model).stages(c.network, parameters);
    if (model != "concurrent_inversion") stages.push_back(forward_stage(c.network, 1.7));
    for (const Stage& stage : stages) {
      State x;
      RightHandSide f = start(stage, c, x);
      shake(f, x);
      const std::size_t column = f.layout().columns() - 1;
      const arma::mat J = f.jacobian(x, column);
      for (arma::uword j = 0; j < J.n_cols; ++j) {
        // truncation h^2 f'''/6 is some 1e-9 where 1/g' is large, rounding eps |f|/h some 1e-10; entries of order 1 to
        // 100
        const arma::vec difference = test::central_difference(f, x, column, j, 1e-5);
        RC_ASSERT(arma::norm(difference - J.col(j)) <= 1e-6 * (1 + arma::norm(J.col(j))));
      }
    }
  }));
}

TEST_CASE("single and repeat loops are their equations, for every transfer") {
  arma::arma_rng::set_seed(11);
  const std::string g = "tanh";
  for (const Transfer transfer : transfers) {
    const LoopParameters p{.alpha = 0.2, .tau_delta = 0.7, .tau_u = 1.4, .transfer = transfer};
    const auto f_of = [&](const Case& c, std::size_t l, const arma::mat& x) -> arma::mat {
      if (transfer == Transfer::linear) return x;
      return transfer == Transfer::nonlinear ? value(g, x) : arma::mat(x / slope(g, c.activity.a[l]));
    };
    for (const std::string model : {"single_loop_inversion", "repeat_inversion"}) {
      const Case c = random_case(model, {3, 6, 5, 4, 2}, g, "linear", 3);
      for (const Stage& stage : credit_model(model).stages(c.network, p)) {
        State x;
        RightHandSide f = start(stage, c, x);
        shake(f, x);
        State dxdt(x.size());
        f(x, dxdt, 0.0);
        const std::size_t bottom = stage.loops.front().readouts.front().second;
        const std::string suffix = model == "repeat_inversion" ? "_run_" + std::to_string(bottom) : "";
        const auto delta = [&](std::size_t l) {
          return "delta_" + std::to_string(l) + (l > bottom ? suffix : std::string());
        };
        const auto& loop = stage.loops.front();
        const std::string u = f.circuit().populations()[loop.controller].name;
        const arma::mat first = (-block(f, x, delta(bottom)) + c.feedback[loop.number] * block(f, x, u)) / p.tau_delta;
        CHECK(arma::approx_equal(block(f, dxdt, delta(bottom)), first, "absdiff", 1e-13));
        for (std::size_t l = bottom + 1; l < 4; ++l) {
          const arma::mat next =
              (-block(f, x, delta(l)) + c.network.W[l] * f_of(c, l - 1, block(f, x, delta(l - 1)))) / p.tau_delta;
          // 1/g' reaches 1e3 for these drives
          CHECK(arma::approx_equal(block(f, dxdt, delta(l)), next, "reldiff", 1e-12));
        }
        const arma::mat control =
            (-p.alpha * block(f, x, u) + c.network.W[4] * f_of(c, 3, block(f, x, delta(3))) - c.credit[4]) / p.tau_u;
        CHECK(arma::approx_equal(block(f, dxdt, u), control, "reldiff", 1e-12));
      }
    }
  }
}

TEST_CASE("concurrent inversion is its equations, for every transfer, with stimulus and target on or off") {
  arma::arma_rng::set_seed(12);
  const std::string g = "tanh";
  for (const Transfer transfer : transfers) {
    for (const std::string output : {"linear", "softmax"}) {
      const LoopParameters p{.alpha = 0.2, .tau_delta = 0.7, .tau_u = 1.4, .tau_h = 2.3, .transfer = transfer};
      const Case c = random_case("concurrent_inversion", {3, 4, 5, 2}, g, output, 2);
      const Stage stage = credit_model("concurrent_inversion").stages(c.network, p).front();
      for (const bool stimulus : {false, true}) {
        for (const bool target : {false, true}) {
          State x;
          RightHandSide f = start(stage, c, x);
          shake(f, x);
          stage.enter(c.network, c.activity, c.credit, {.duration = 1, .stimulus = stimulus, .target = target}, f, x);
          State dxdt(x.size());
          f(x, dxdt, 0.0);
          const auto a = [&](std::size_t l) { return block(f, x, "a_" + std::to_string(l)); };
          const auto delta = [&](std::size_t l) { return block(f, x, "delta_" + std::to_string(l)); };
          const auto u = [&](std::size_t l) { return block(f, x, "u_" + std::to_string(l)); };
          const auto& W = c.network.W;
          for (std::size_t l = 1; l <= 3; ++l) {
            const arma::mat h = l == 1 ? arma::mat(c.activity.x * (stimulus ? 1.0 : 0.0)) : value(g, a(l - 1));
            arma::mat drive = W[l] * h;
            drive.each_col() += c.network.b[l];
            CHECK(arma::approx_equal(block(f, dxdt, "a_" + std::to_string(l)), (drive - a(l)) / p.tau_h, "absdiff",
                                     1e-13));
          }
          for (std::size_t l = 3; l >= 2; --l) {
            arma::mat s = (target ? 1.0 : 0.0) * (c.activity.t - value(output, a(3)));
            if (l < 3) s = transfer == Transfer::linear ? arma::mat(delta(l) % slope(g, a(l))) : delta(l);
            arma::mat sent = delta(l - 1);
            if (transfer == Transfer::nonlinear) sent = value(g, sent);
            if (transfer == Transfer::linearised) sent /= slope(g, a(l - 1));
            CHECK(arma::approx_equal(block(f, dxdt, "u_" + std::to_string(l)),
                                     (-p.alpha * u(l) + W[l] * sent - s) / p.tau_u, "reldiff", 1e-12));
            CHECK(arma::approx_equal(block(f, dxdt, "delta_" + std::to_string(l - 1)),
                                     (-delta(l - 1) + c.feedback[l] * u(l)) / p.tau_delta, "absdiff", 1e-13));
          }
        }
      }
    }
  }
}

TEST_CASE("continuous plasticity is its equation, and forward pass and loops have the same moving weights") {
  arma::arma_rng::set_seed(13);
  for (const Transfer transfer : transfers) {
    const ContinuousPlasticity rule{.tau = 3, .eta = 0.7, .lambda = 0.2};
    const LoopParameters p{.alpha = 0.2, .transfer = transfer, .plasticity = rule};
    const Case c = random_case("concurrent_inversion", {3, 4, 5, 2}, "tanh", "linear", 1);
    const Stage stage = credit_model("concurrent_inversion").stages(c.network, p).front();
    State x;
    RightHandSide f = start(stage, c, x);
    shake(f, x);
    State dxdt(x.size());
    f(x, dxdt, 0.0);
    // the same state with these weights fixed
    Network moved = c.network;
    stage.learned(f, x, moved);
    Case fixed_case = c;
    fixed_case.network = moved;
    const Stage plain =
        credit_model("concurrent_inversion").stages(c.network, {.alpha = 0.2, .transfer = transfer}).front();
    State y;
    RightHandSide fixed = start(plain, fixed_case, y);
    std::copy_n(x.begin(), y.size(), y.begin());
    State dydt(y.size());
    fixed(y, dydt, 0.0);
    CHECK(std::equal(dydt.begin(), dydt.end(), dxdt.begin()));

    const std::size_t populations = stage.circuit.populations().size();
    for (std::size_t i = 0; i < stage.circuit.plasticity().size(); ++i) {
      const std::string name = f.block_name(populations + i);
      const std::size_t l = static_cast<std::size_t>(name[1] - '0');
      arma::vec delta = block(f, x, l == 3 ? "t" : "delta_" + std::to_string(l)).col(0);
      if (l == 3) delta -= block(f, x, "a_3").col(0);
      if (l < 3 && transfer == Transfer::linear) delta %= slope("tanh", block(f, x, "a_" + std::to_string(l))).col(0);
      arma::vec pre(1, arma::fill::ones);
      if (name[0] == 'W')
        pre = l == 1 ? arma::vec(c.activity.x) : arma::vec(value("tanh", block(f, x, "a_" + std::to_string(l - 1))));
      const arma::mat W = name[0] == 'W' ? moved.W[l] : arma::mat(moved.b[l]);
      const arma::mat expected = (rule.eta * delta * pre.t() - rule.lambda * W) / rule.tau;
      const auto got = f.layout().view(std::span<const double>(dxdt), populations + i).column(0);
      INFO(name);
      CHECK(arma::approx_equal(arma::mat(got.data(), W.n_rows, W.n_cols), expected, "absdiff", 1e-13));
    }
    // one sequential Euler step of the weights is the derivative times the step
    State z = x;
    SequentialStep step;
    step.bind(f, z, 0.1);
    for (std::size_t b = populations; b < f.layout().populations(); ++b) step.advance(b, 0.0);
    for (std::size_t b = populations; b < f.layout().populations(); ++b) {
      const arma::mat before = to_matrix(f.layout().view(std::span<const double>(x), b));
      const arma::mat slope_of = to_matrix(f.layout().view(std::span<const double>(dxdt), b));
      CHECK(arma::approx_equal(to_matrix(f.layout().view(std::span<const double>(z), b)), before + 0.1 * slope_of,
                               "absdiff", 1e-13));
    }
  }
}

TEST_CASE("sequential Euler takes delta_1 .. delta_{L-1}, then u, in a single loop, u first in a sequential one") {
  arma::arma_rng::set_seed(14);
  const Case c = random_case("single_loop_inversion", {3, 4, 5, 2}, "tanh", "linear", 1);
  const Stage single = credit_model("single_loop_inversion").stages(c.network, {}).front();
  std::vector<std::string> names;
  for (const auto& p : single.circuit.populations()) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"delta_1", "delta_2", "u_3"});
  names.clear();
  const Stage sequential = credit_model("sequential_inversion").stages(c.network, {}).front();
  for (const auto& p : sequential.circuit.populations()) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"u_3", "delta_2"});
}

TEST_CASE("credit as it is read: times the slope of the rates for the linear transfer, as it is for the others") {
  arma::arma_rng::set_seed(15);
  for (const Transfer transfer : transfers) {
    const Case c = random_case("single_loop_inversion", {3, 4, 5, 2}, "tanh", "linear", 2);
    const Stage stage = credit_model("single_loop_inversion").stages(c.network, {.transfer = transfer}).front();
    State x;
    RightHandSide f = start(stage, c, x);
    shake(f, x);
    Activity activity = c.activity;
    Credit credit = c.credit;
    stage.read(c.network, f, x, activity, credit);
    for (std::size_t l = 1; l <= 2; ++l) {
      arma::mat expected = block(f, x, "delta_" + std::to_string(l));
      if (transfer == Transfer::linear) expected %= slope("tanh", c.activity.a[l]);
      CHECK(arma::approx_equal(credit[l], expected, "absdiff", 1e-15));
    }
  }
}

TEST_CASE("backprop with softmax is the gradient of the cross-entropy") {
  arma::arma_rng::set_seed(16);
  Network network({4, 6, 5, 3}, {"tanh", "sigmoid", "softmax"}, true);
  for (std::size_t l = 1; l <= 3; ++l) {
    network.W[l].randn();
    network.b[l].randn();
  }
  const arma::mat x(4, 5, arma::fill::randn);
  arma::mat t(3, 5, arma::fill::randu);
  t.each_row() /= arma::sum(t, 0);
  t.col(0) = arma::vec{0, 1, 0};
  const auto cross_entropy = [&](const Network& n) {
    Activity activity;
    forward(n, x, t, activity);
    return loss(n, activity);
  };
  Activity activity;
  Credit credit;
  forward(network, x, t, activity);
  credit_model("backprop").assign(network, {}, activity, {}, credit);
  const Network start_network = network;
  learn({.eta = 1}, activity, credit, network);
  const Network gradient = test::gradient_by_differences(start_network, cross_entropy, 1e-6);
  for (std::size_t l = 1; l <= 3; ++l) {
    // rounding of the loss (order 10) over 2h
    CHECK(arma::abs(network.W[l] - start_network.W[l] + gradient.W[l]).max() < 1e-7);
    CHECK(arma::abs(network.b[l] - start_network.b[l] + gradient.b[l]).max() < 1e-7);
  }
  // and against its definition, - sum t log y
  CHECK(cross_entropy(start_network) == Approx(-arma::accu(t % arma::log(activity.h[3]))).epsilon(1e-13));
}
