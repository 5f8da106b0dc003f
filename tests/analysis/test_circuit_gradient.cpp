// The exact gradient of random circuits against differences of the loss that the engine's own right-hand side gives;
// and of feedforward networks against backpropagation.

#include <dynvert/analysis/circuit_gradient.hpp>
#include <dynvert/analysis/network_gradient.hpp>
#include <dynvert/analysis/steady_state.hpp>
#include <dynvert/models/circuit/sequential_step.hpp>
#include <dynvert/models/equations/expand.hpp>
#include <dynvert/models/equations/parser.hpp>

#include <fmt/format.h>
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace dynvert;
using namespace dynvert::equations;

namespace {

const StepScheme euler{.a = {{}}, .b = {1}};
const StepScheme heun{.a = {{}, {1}}, .b = {0.5, 0.5}};
const StepScheme rk4{.a = {{}, {0.5}, {0, 0.5}, {0, 0, 1}}, .b = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}};
const StepScheme one_by_one{.one_by_one = true};

std::shared_ptr<const Source> source(const std::string& text) {
  return std::make_shared<const Source>(Source{text, "test.toml", 1, 1});
}

struct Case {
  std::string text;  // for messages
  std::shared_ptr<const DescribedCircuit> circuit = nullptr;
  Network network = {};
  arma::mat x = {}, t = {};

  [[nodiscard]] arma::mat& matrix(std::size_t m) { return circuit->plan().place(m).of(network); }
};

Case make_case(const CircuitText& text, const std::vector<std::size_t>& layers, const std::vector<std::string>& rates,
               std::size_t columns, double duration, double dt) {
  std::vector<std::string> all{"linear"};
  all.insert(all.end(), rates.begin(), rates.end());
  const Description d = expand(text, {.layers = layers, .rates = all, .bias = false});
  Case c{.text = to_text(text.equations), .network = Network(layers, rates, false)};
  c.circuit = DescribedCircuit::make(d, c.network, {.eta = 0.1, .duration = duration, .dt = dt});
  c.circuit->size_matrices(c.network);
  for (std::size_t m = 0; m < d.matrices.size(); ++m)
    c.matrix(m) = 0.4 * arma::mat(d.matrices[m].rows, d.matrices[m].columns, arma::fill::randn);
  c.x.randn(layers.front(), columns);
  c.t.randn(layers.back(), columns);
  return c;
}

/// One step of a Runge-Kutta scheme, written out: another way than that of the gradient.
void advance(RightHandSide& f, State& x, const StepScheme& scheme, double dt, std::size_t steps) {
  if (scheme.one_by_one) {
    SequentialStep step;
    step.bind(f, x, dt);
    step.advance_all(0, 0, steps);
    f.complete(x, 0);
    return;
  }
  const auto moved = [](const State& from, double by, const State& k) {
    State y = from;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += by * k[i];
    return y;
  };
  for (std::size_t n = 0; n < steps; ++n) {
    State k1(x.size()), k2(x.size()), k3(x.size()), k4(x.size());
    f(x, k1, 0);
    if (scheme.b.size() == 1) {
      x = moved(x, dt, k1);
    } else if (scheme.b.size() == 2) {
      f(moved(x, dt, k1), k2, 0);
      x = moved(moved(x, dt / 2, k1), dt / 2, k2);
    } else {
      f(moved(x, dt / 2, k1), k2, 0);
      f(moved(x, dt / 2, k2), k3, 0);
      f(moved(x, dt, k3), k4, 0);
      x = moved(moved(moved(moved(x, dt / 6, k1), dt / 3, k2), dt / 3, k3), dt / 6, k4);
    }
  }
  f.complete(x, 0);
}

/// The loss as the engine gives it, from the error that it publishes.
double engine_loss(const Case& c, const PhaseForm& form) {
  Activity activity;
  Credit credit;
  if (c.circuit->plan().forward() && c.circuit->plan().forward()->instantaneous) {
    forward(c.network, c.x, c.t, activity);
  } else {
    activity.x = c.x;
    activity.t = c.t;
  }
  c.circuit->start(c.network, activity, credit, {});
  if (const CreditModel model = c.circuit->credit(); model.stages) {
    for (const Stage& stage : model.stages(c.network, {})) {
      RightHandSide f(stage.circuit, 1);
      stage.load(c.network, {}, f);
      stage.begin(c.network, activity, credit, f);
      State x(f.layout().size());
      stage.enter(c.network, activity, credit, *stage.interval, f, x);
      if (stage.circuit.populations().empty()) {
      } else if (form.settles || stage.until_settled) {
        x = steady_state(f, x, {.tolerance = 1e-14}).x;
        f.complete(x, 0);
      } else {
        advance(f, x, *form.steps, form.dt, static_cast<std::size_t>(std::llround(stage.interval->duration / form.dt)));
      }
      stage.read(c.network, f, x, activity, credit);
    }
  }
  if (c.circuit->plan().description().readout.loss != "cross_entropy") return 0.5 * arma::dot(activity.e, activity.e);
  return -arma::accu(c.t % arma::log(c.t - activity.e));
}

/// Two random directions of each matrix: the slope of the loss there, by differences of order 4.
void compare_with_differences(Case& c, const PhaseForm& form) {
  const CircuitGradient gradient(c.circuit, form);
  const CircuitGradient::Result result = gradient(c.network, c.x, c.t);
  INFO(c.text);
  const double loss = engine_loss(c, form);
  RC_ASSERT(std::abs(result.loss - loss) <= 1e-9 * (1 + loss));
  for (std::size_t m = 0; m < result.by_matrix.size(); ++m) {
    for (int k = 0; k < 2; ++k) {
      arma::mat& M = c.matrix(m);
      const arma::mat before = M;
      arma::mat direction(arma::size(M), arma::fill::randn);
      direction /= arma::norm(direction, "fro");
      const auto at = [&](double by) {
        M = before + by * direction;
        const double value = engine_loss(c, form);
        M = before;
        return value;
      };
      // truncation h^4, rounding of the loss (steady states: 1e-13) over h
      constexpr double h = 1e-3;
      const double difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
      const double slope = arma::dot(result.by_matrix[m], direction);
      if (std::abs(slope - difference) > 1e-6 * std::max(1.0, std::abs(difference)))
        RC_FAIL(fmt::format("{}: {} instead of {}\n{}", c.circuit->plan().matrix_name(m), slope, difference, c.text));
    }
  }
}

// ---- random circuits

std::size_t number(std::size_t low, std::size_t high) { return *rc::gen::inRange<std::size_t>(low, high + 1); }

/// Populations of two sizes, with terms of all kinds.
class RandomCircuit {
 public:
  /// @param moving  how many populations move
  RandomCircuit(std::size_t moving, std::size_t algebraic) {
    known_[1].push_back("input");
    for (std::size_t i = 0; i < moving; ++i) moving_.push_back(add(fmt::format("p{}", i)));
    // algebraic populations are a chain: each may read those before it
    for (std::size_t i = 0; i < algebraic; ++i) {
      const std::size_t size = number(0, 1);
      const std::string name = fmt::format("q{}", i);
      lines_ += fmt::format("{} = {}\n", name, terms(size, 2));
      lines_ += fmt::format("size {} = {}\n", name, units(size));
      known_[size].push_back(name);
      algebraic_.emplace_back(name, size);
    }
    for (const auto& [name, size] : moving_)
      lines_ += fmt::format("{} d{}/dt = -{}*{} + {}\n", number(0, 1) == 0 ? "0.7" : "2", name,
                            number(0, 1) == 0 ? "1" : "1.5", name, terms(size, 3));
    readout_ = fmt::format("size y = 2\ny = {} + target_weight*y0\nsize y0 = 2\ny0 = {}\n", terms(0, 2), terms(0, 1));
  }

  [[nodiscard]] CircuitText text() const {
    CircuitText c;
    c.parameters = {{.name = "target_weight", .default_value = 0.5}};
    c.equations = parse_statements(source(lines_ + readout_));
    for (const char* name : {"K00", "K01", "K10", "K11", "J00", "J01", "J10", "J11"})
      c.weights.push_back({.name = name, .kind = "uniform"});
    for (const char* name : {"v0", "v1"})
      c.weights.push_back({.name = name, .kind = "uniform", .values = {{"bias", true}}});
    c.readout.y = parse_expression(source(readout_of()));
    return c;
  }

  /// Of the size of the target, possibly more than a name.
  [[nodiscard]] std::string readout_of() const { return cross_entropy ? "softmax(y)" : "y + 0.1*tanh(y0)"; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::size_t>>& moving() const { return moving_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::size_t>>& algebraic() const { return algebraic_; }
  [[nodiscard]] static std::size_t units(std::size_t size) { return size == 0 ? 2 : 3; }

  /// Elementwise, of populations of this size.
  std::string signal(std::size_t size) {
    const auto any = [&] { return known_[size].at(number(0, known_[size].size() - 1)); };
    if (known_[size].empty()) return "0.3";
    const std::string x = any(), z = any();
    switch (number(0, 10)) {
      case 0:
        return fmt::format("tanh({})", x);
      case 1:
        return fmt::format("logistic({}) .* tanh({})", x, z);
      case 2:
        return fmt::format("{} .* tanh'({})", x, z);
      case 3:
        return fmt::format("{} ./ (1 + {}^2)", x, z);
      case 4:
        return fmt::format("softplus({} - {})", x, z);
      case 5:
        return fmt::format("({} - mean({}))", x, x);
      case 6:
        return fmt::format("softmax({})", x);
      case 7:
        return fmt::format("exp(-{}^2)", x);
      case 8:
        return fmt::format("{} .* logistic'({})", x, z);
      default:
        return x;
    }
  }

  std::string terms(std::size_t size, std::size_t most) {
    std::string sum;
    const std::size_t count = number(1, most);
    for (std::size_t i = 0; i < count; ++i) sum += (i > 0 ? (number(0, 1) == 0 ? " + " : " - ") : "") + term(size);
    return sum;
  }

  bool cross_entropy = false;

 private:
  std::pair<std::string, std::size_t> add(const std::string& name) {
    const std::size_t size = number(0, 1);
    lines_ += fmt::format("size {} = {}\n", name, units(size));
    known_[size].push_back(name);
    return {name, size};
  }

  std::string term(std::size_t size) {
    const std::size_t other = known_[0].empty() ? 1 : number(0, 1);
    const char family = number(0, 1) == 0 ? 'K' : 'J';
    const std::string product = number(0, 2) == 0 ? fmt::format("{}{}{}'*({})", family, other, size, signal(other))
                                                  : fmt::format("{}{}{}*({})", family, size, other, signal(other));
    switch (number(0, 6)) {
      case 0:
        return fmt::format("v{}", size);
      case 1:
        return fmt::format("0.3*{}", signal(size));
      case 2:
        return fmt::format("{} .* ({})", product, signal(size));
      case 3:
        return fmt::format("0.5*{} .* tanh(mean({}))", product, known_[1][number(0, known_[1].size() - 1)]);
      default:
        return "0.6*" + product;
    }
  }

  std::vector<std::string> known_[2];
  std::vector<std::pair<std::string, std::size_t>> moving_, algebraic_;
  std::string lines_, readout_;
};

Case random_case(RandomCircuit& circuit, const CircuitText& text, double duration, double dt) {
  Case c = make_case(text, {3, 2}, {"linear"}, number(1, 2), duration, dt);
  if (circuit.cross_entropy) c.t = arma::abs(c.t);
  return c;
}

void seed() { arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U)); }

}  // namespace

TEST_CASE("circuit gradient: random steady states agree with differences") {
  CHECK(rc::check("steady states", [] {
    seed();
    RandomCircuit circuit(number(0, 3), number(0, 3));
    circuit.cross_entropy = number(0, 3) == 0;
    CircuitText text = circuit.text();
    if (circuit.cross_entropy) text.readout.loss = "cross_entropy";
    Case c = random_case(circuit, text, 1, 0.1);
    compare_with_differences(c, {.settles = true});
  }));
}

TEST_CASE("circuit gradient: random trajectories agree with differences, by every scheme") {
  const auto scheme = GENERATE(0, 1, 2, 3);
  const StepScheme& steps = *std::vector{&euler, &one_by_one, &heun, &rk4}[static_cast<std::size_t>(scheme)];
  CHECK(rc::check("trajectories", [&] {
    seed();
    RandomCircuit circuit(number(1, 3), number(0, 3));
    CircuitText text = circuit.text();
    const double dt = 0.1;
    for (const auto& [name, size] : circuit.moving()) {
      if (number(0, 1) == 0)
        text.initial.push_back({.name = parse_names(source(name)), .value = parse_expression(source("0.3*i - 0.5"))});
      else if (size == 1 && number(0, 1) == 0)
        text.initial.push_back({.name = parse_names(source(name)), .value = parse_expression(source("tanh(input)"))});
    }
    Case c = random_case(circuit, text, static_cast<double>(number(1, 11)) * dt, dt);
    compare_with_differences(c, {.steps = steps, .dt = dt});
  }));
}

TEST_CASE("circuit gradient: through phases that set, give, hold, begin anew and settle") {
  CHECK(rc::check("phases", [] {
    seed();
    RandomCircuit circuit(number(2, 3), number(1, 3));
    CircuitText text = circuit.text();
    const double dt = 0.1;
    const auto names = [&](const std::vector<std::string>& list) {
      std::vector<Expression> all;
      for (const std::string& name : list) all.push_back(parse_names(source(name)));
      return all;
    };
    std::vector<std::string> all;
    for (const auto& [name, size] : circuit.moving()) all.push_back(name);
    PhaseText first{.name = "first", .duration = parse_expression(source("0.4"))};
    PhaseText second{.name = "second", .duration = parse_expression(source("0.5"))};
    PhaseText third{.name = "third", .duration = parse_expression(source("0.3"))};
    first.until_settled = number(0, 3) == 0;
    // what does not move in the second phase is kept
    second.moves = names({all.front()});
    const auto& [set, set_size] = circuit.moving()[number(1, all.size() - 1)];
    second.set = parse_statements(source(fmt::format("{} = {}\n", set, circuit.terms(set_size, 2))));
    const auto& [given, given_size] = circuit.algebraic().back();
    second.equations =
        parse_statements(source(fmt::format("{} = 0.2*tanh({})\n", given, given_size == 1 ? "input" : "ones(target)")));
    third.from = std::vector<std::string>{"", "first", "initial"}[number(0, 2)];
    third.until_settled = number(0, 3) == 0;
    text.phases = {first, second, third};
    text.readout.phase = std::vector<std::string>{"", "second"}[number(0, 1)];
    Case c = random_case(circuit, text, 1, dt);
    compare_with_differences(c, {.steps = number(0, 1) == 0 ? one_by_one : rk4, .dt = dt});
  }));
}

TEST_CASE("circuit gradient: of a feedforward network it is backpropagation's") {
  arma::arma_rng::set_seed(3);
  CircuitText text;
  text.equations = parse_statements(source(R"(
h[0] = input
for l = 1..L
  a[l] = W[l]*h[l-1]
  h[l] = g[l](a[l])
end
)"));
  Case c = make_case(text, {6, 5, 4, 3}, {"tanh", "sigmoid", "linear"}, 7, 1, 0.1);
  const CircuitGradient gradient(c.circuit, {});
  const auto result = gradient(c.network, c.x, c.t);
  Activity activity;
  forward(c.network, c.x, c.t, activity);
  Credit credit(4);
  credit[3] = activity.e;
  credit_model("backprop").assign(c.network, {}, activity, {}, credit);
  CHECK(result.loss == Approx(0.5 * loss(c.network, activity)).epsilon(1e-14));
  for (std::size_t l = 1; l <= 3; ++l) {
    const std::size_t m = c.circuit->plan().matrix(Name{"W", {static_cast<long>(l)}});
    const arma::mat expected = -credit[l] * activity.h[l - 1].t();
    // sums of 7 products in another order
    CHECK(arma::norm(result.by_matrix[m] - expected, "fro") <= 1e-14 * arma::norm(expected, "fro"));
  }
}

TEST_CASE("circuit gradient: what has none says so") {
  const auto fault = [](const CircuitText& text, const PhaseForm& form) -> std::string {
    try {
      const Case c = make_case(text, {3, 2}, {"linear"}, 1, 1, 0.1);
      static_cast<void>(CircuitGradient(c.circuit, form));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CircuitText text;
  text.equations = parse_statements(source("size x = 2\ndx/dt = -x + K*input\n"));
  text.weights.push_back({.name = "K", .kind = "uniform"});
  text.readout.y = parse_expression(source("x"));
  CHECK(fault(text, {.settles = true}).empty());
  CHECK(fault(text, {.steps = euler, .dt = 0.1}).empty());
  CHECK_THAT(fault(text, {}), Catch::Contains("phase \"trial\"") && Catch::Contains("solver of fixed steps"));
  text.readout.at = "average";
  CHECK_THAT(fault(text, {.settles = true}),
             Catch::Contains("averaged over its phase") && Catch::Contains("at = \"end\""));
  text.readout = {};
  CHECK_THAT(fault(text, {.settles = true}), Catch::Contains("no readout"));
}

TEST_CASE("the Gauss-Newton step of a network is the pseudo-inverse of its Jacobian times the error") {
  Network network({5, 4, 3}, {"tanh", "linear"}, true);
  for (std::size_t l = 1; l <= 2; ++l) {
    network.W[l].randn();
    network.b[l].randn();
  }
  Activity activity;
  forward(network, arma::mat(5, 1, arma::fill::randn), arma::mat(3, 1, arma::fill::randn), activity);
  const arma::mat slope = 1 - arma::square(arma::tanh(activity.a[1]));
  const arma::mat J = arma::join_rows(network.W[2] * arma::diagmat(slope.col(0)), arma::eye(3, 3));
  const arma::mat expected = arma::pinv(J) * activity.e;
  const Credit d = gauss_newton_of_network(network, activity);
  // pinv by singular values, to some 100 roundings of the condition number, which is below 10 here
  CHECK(arma::norm(arma::join_cols(d[1], d[2]) - expected) <= 1e-12 * arma::norm(expected));
}
