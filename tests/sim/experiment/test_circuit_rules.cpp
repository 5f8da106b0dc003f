// Rules at the end of a trial of a circuit file, against replays of a few lines and closed forms.

#include <dynvert/sim/solvers/solver.hpp>

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "support/circuit_trials.hpp"

using namespace dynvert;
using namespace dynvert::test;

namespace {

/// x is a leaky integrator of M input: with Euler's step it is (1 - (1 - dt)^n) M input after n.
std::string leaky(const std::string& learning) {
  return "[circuit]\nequations = '''\ndx/dt = -x + M*input\ne = target - x\n'''\n[learning]\n" + learning;
}

struct Sample {
  arma::mat x, t;
};
Sample sample(unsigned seed, arma::uword batch) {
  arma::arma_rng::set_seed(seed);
  return {arma::mat(4, batch, arma::fill::randn), arma::mat(3, batch, arma::fill::randn)};
}

/// of all entries, relative to the largest
double difference(const arma::mat& a, const arma::mat& b) {
  REQUIRE(arma::size(a) == arma::size(b));
  return arma::abs(a - b).max() / std::max(1e-300, arma::abs(b).max());
}

arma::mat clipped_columns(arma::mat post, double largest) {
  for (arma::uword c = 0; c < post.n_cols; ++c) {
    const double norm = std::sqrt(arma::accu(arma::square(post.col(c))));
    if (norm > largest) post.col(c) *= largest / norm;
  }
  return post;
}

arma::mat clipped(const arma::mat& raw, double largest) {
  const double norm = std::sqrt(arma::accu(arma::square(raw)));
  return norm > largest ? arma::mat(raw * (largest / norm)) : raw;
}

/// adam, as Kingma & Ba write it
struct Adam {
  double beta_1, beta_2, epsilon;
  arma::mat m = arma::mat(3, 4), v = arma::mat(3, 4);
  int k = 0;
  arma::mat step(const arma::mat& raw) {
    ++k;
    m = beta_1 * m + (1 - beta_1) * raw;
    v = beta_2 * v + (1 - beta_2) * raw % raw;
    return (m / (1 - std::pow(beta_1, k))) / (arma::sqrt(v / (1 - std::pow(beta_2, k))) + epsilon);
  }
};

}  // namespace

TEST_CASE("rules: clips, normalisation, optimisers, decay, bounds and skip_first follow their replay") {
  constexpr double eta = 0.1;
  struct Case {
    std::string keys;
    /// M after a trial. @param e, x  at its end
    std::function<arma::mat(const arma::mat& M, const arma::mat& e, const arma::mat& x)> replay;
  };
  arma::mat velocity(3, 4);
  Adam adam{0.8, 0.9, 1e-8}, combined{0.9, 0.999, 1e-3};
  std::size_t seen = 0;
  const std::vector<Case> cases{
      {"",
       [](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         return 0.98 * M + eta * e * x.t();
       }},
      {"clip = 0.5\n",
       [](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         return 0.98 * M + eta * clipped(e * x.t(), 0.5);
       }},
      {"clip_delta = 0.3\n",
       [](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         return 0.98 * M + eta * clipped_columns(e, 0.3) * x.t();
       }},
      {"normalise_updates = true\n",
       [](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         const arma::mat raw = e * x.t();
         return 0.98 * M + eta * raw / std::sqrt(arma::accu(raw % raw));
       }},
      {"optimiser = \"momentum\"\nmomentum = 0.8\n",
       [&](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         velocity = 0.8 * velocity + e * x.t();
         return 0.98 * M + eta * velocity;
       }},
      {"optimiser = \"adam\"\nbeta_1 = 0.8\nbeta_2 = 0.9\n",
       [&](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         return 0.98 * M + eta * adam.step(e * x.t());
       }},
      {"bounds = [-0.2, 0.3]\n",
       [](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         return arma::clamp(0.98 * M + eta * e * x.t(), -0.2, 0.3);
       }},
      {"skip_first = true\n",
       [&](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         return seen++ == 0 ? M : arma::mat(0.98 * M + eta * e * x.t());
       }},
      {"clip_delta = 1.0\nclip = 0.7\noptimiser = \"adam\"\nepsilon = 1e-3\nbounds = [-1.0, 1.0]\n",
       [&](const arma::mat& M, const arma::mat& e, const arma::mat& x) -> arma::mat {
         return arma::clamp(0.98 * M + eta * combined.step(clipped(clipped_columns(e, 1.0) * x.t(), 0.7)), -1, 1);
       }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.keys);
    CircuitTrials trials(leaky(c.keys + "at_end = \"M += eta*e*input' - 0.02*M\"\n"));
    arma::mat M = trials.matrix("M");
    for (unsigned trial = 0; trial < 6; ++trial) {
      const auto [x, t] = sample(trial, 3);
      trials.learn(x, t);
      const arma::mat e = t - (1 - std::pow(1 - 0.125, 16)) * M * x;
      M = c.replay(M, e, x);
      // some hundred operations on numbers of order one
      CHECK(difference(trials.matrix("M"), M) < 1e-12);
    }
  }
}

TEST_CASE("rules: several on one matrix add up, decay included, as one rule with the sum of their terms") {
  const std::string keys = GENERATE("", "clip = 0.5\n", "optimiser = \"adam\"\n", "bounds = [-0.3, 0.3]\n");
  CAPTURE(keys);
  CircuitTrials several(
      leaky(keys + "at_end = '''\nM += eta*e*input' - 0.02*M\nM += 0.5*eta*x*input' - 0.03*M\n'''\n"));
  CircuitTrials one(leaky(keys + "at_end = \"M += eta*(e + 0.5*x)*input' - 0.05*M\"\n"));
  for (unsigned trial = 0; trial < 5; ++trial) {
    const auto [x, t] = sample(trial, 2);
    several.learn(x, t);
    one.learn(x, t);
    CHECK(difference(several.matrix("M"), one.matrix("M")) < 1e-12);
  }
}

TEST_CASE("rules: a term without eta beside one with it is taken as it is") {
  CircuitTrials trials(leaky("at_end = \"M += eta*e*input' + 0.01*x*input'\"\n"));
  const arma::mat M = trials.matrix("M");
  const auto [x, t] = sample(3, 2);
  trials.learn(x, t);
  const arma::mat end = (1 - std::pow(1 - 0.125, 16)) * M * x;
  CHECK(difference(trials.matrix("M"), M + 0.1 * (t - end) * x.t() + 0.01 * end * x.t()) < 1e-13);
}

TEST_CASE("rules: two of the network's own on one matrix are not the network's own learning") {
  const auto text = [](const std::string& rules) {
    return "[circuit]\nequations = '''\nh[0] = input\nfor l = 1..L\na[l] = W[l]*h[l-1]\nh[l] = g[l](a[l])\nend\ns[2] = "
           "target - "
           "h[2]\ns[1] = W[2]'*s[2] .* g[1]'(a[1])\n'''\n"
           "[learning]\nat_end = '''\n" +
           rules + "'''\n";
  };
  const AroundCircuit still{.keys = ""};
  CircuitTrials once(text("W[1] += eta*s[1]*h[0]'\nW[2] += eta*s[2]*h[1]'\n"), still);
  CHECK(once.circuit().plan().learns_as_network());
  CircuitTrials twice(text("W[1] += eta*s[1]*h[0]'\nW[1] += eta*s[1]*h[0]'\nW[2] += eta*s[2]*h[1]'\n"), still);
  CHECK_FALSE(twice.circuit().plan().learns_as_network());
  const arma::mat W = once.matrix("W[1]");
  const auto [x, t] = sample(1, 3);
  once.learn(x, t);
  twice.learn(x, t);
  CHECK(difference(twice.matrix("W[1]") - W, 2 * (once.matrix("W[1]") - W)) < 1e-12);
}

TEST_CASE("rules: a batch changes weights as the sum of its columns") {
  const std::string rule =
      GENERATE("eta*e*input'", "eta*avg(e*x')", "eta*avg(e*input')", "eta*end(\\\"late\\\", e*x')");
  const std::string solver = GENERATE("euler", "sequential_euler", "rk4", "dopri5", "exact", "fixed_point");
  CAPTURE(rule, solver);
  const bool averages = rule.find("avg") != std::string::npos;
  if (averages && (solver == "exact" || solver == "fixed_point")) return;
  const std::string other = rule.ends_with("x')") ? "y = Q*x\n" : "y = Q*input\n";
  CircuitTrials trials(
      "[circuit]\nequations = '''\ndx/dt = -x + M*input\ne = target - x\n" + other +
          "'''\n[[phase]]\nname = \"early\"\nduration = 0.5\n[[phase]]\nname = \"late\"\nduration = 1.0\n"
          "[learning]\nat_end = \"Q += " +
          rule + "\"\n[weights.Q]\nkind = \"normal\"\n",
      {.keys = "solver = \"" + solver + "\"\n" + (solver == "fixed_point" ? "" : "dt = 0.125\n")});
  const auto [x, t] = sample(5, 4);
  const auto change = [&](const arma::mat& some_x, const arma::mat& some_t) {
    trials.run(some_x, some_t);
    return trials.circuit().changes(0, trials.runner().activity(), trials.network).of_rules.at(0);
  };
  arma::mat sum = change(x.col(0), t.col(0));
  for (arma::uword c = 1; c < 4; ++c) sum += change(x.col(c), t.col(c));
  // adaptive steps are chosen by all columns of a batch together: within the tolerance
  CHECK(difference(change(x, t), sum) < (solver == "dopri5" ? 1e-4 : 1e-12));
}

TEST_CASE("rules: a live transpose is the copy that a rule of its own keeps") {
  const std::string keys = GENERATE("", "momentum = 0.5\noptimiser = \"momentum\"\n");
  const auto text = [&](const std::string& back, const std::string& rule, const std::string& weights) {
    return "[circuit]\nequations = '''\ndx/dt = -x + M*input + M*back\ndback/dt = -back - 0.3*" + back +
           "*x\ne = target - x\n'''\n[learning]\n" + keys + "at_end = '''\nM += eta*e*(input + back)'\n" + rule +
           "'''\n" + weights;
  };
  CircuitTrials live(text("M'", "", ""));
  CircuitTrials copy(text("N", "N += eta*(input + back)*e'\n",
                          "[weights.N]\nkind = \"product\"\nproduct = \"M'\"\n"
                          "[weights.M]\nkind = \"normal\"\nstandard_deviation = 0.5\n"));
  copy.matrix("M") = live.matrix("M");
  copy.matrix("N") = live.matrix("M").t();
  for (unsigned trial = 0; trial < 8; ++trial) {
    const auto [x, t] = sample(trial, 2);
    live.learn(x, t);
    copy.learn(x, t);
    CHECK(difference(copy.matrix("N"), live.matrix("M").t()) < 1e-12);
    CHECK(difference(copy.value("back"), live.value("back")) < 1e-12);
  }
}

// --- averages over time ----------------------------------------------------------------------------------------------

namespace {

/// x(t) = (1 - e^-t) v, y(t) = (1 - e^-t - t e^-t) v with v = M input; Q does nothing but learn.
CircuitTrials chain(const std::string& rule, const std::string& solver, double dt, double duration,
                    const std::string& keys = "") {
  return CircuitTrials(
      "[circuit]\nequations = '''\ndx/dt = -x + M*input\ndy/dt = -y + x\nq = Q*x\nsize y = 3\n'''\n[learning]\nat_end "
      "= "
      "\"Q += " +
          rule + "\"\n",
      {.keys = fmt::format("solver = \"{}\"\ndt = {}\nduration = {}\n{}", solver, dt, duration, keys)});
}

/// The integral of (1 - E - t E)(1 - E), E = e^-t, from 0 to T.
double integral(double T) {
  const double E = std::exp(-T);
  return T - 2 * (1 - E) + (1 - E * E) / 2 - (1 - (1 + T) * E) + (0.25 - (T / 2 + 0.25) * E * E);
}

}  // namespace

TEST_CASE("averages: Euler forms take left ends of the recorded trajectory") {
  const std::string solver = GENERATE("euler", "sequential_euler");
  CircuitTrials trials = chain("eta*avg(y*x')", solver, 0.125, 1.625);
  const auto [x, t] = sample(2, 3);
  const arma::mat before = trials.matrix("Q");
  trials.learn(x, t);
  const auto xs = trials.path(0, "x"), ys = trials.path(0, "y");
  REQUIRE(xs.size() == 14);
  arma::mat mean(3, 3);
  for (std::size_t k = 0; k + 1 < xs.size(); ++k) mean += ys[k] * xs[k].t() / 13.0;
  CHECK(difference(trials.matrix("Q") - before, 0.1 * mean) < 1e-12);
}

TEST_CASE("averages: a column that settles keeps its state to the nominal end") {
  CircuitTrials trials = chain("eta*avg(y*x')", "euler", 0.25, 40, "settle_tolerance = 1e-3\n");
  auto [x, t] = sample(2, 2);
  const arma::mat before = trials.matrix("Q");
  trials.learn(x, t);
  auto xs = trials.path(0, "x"), ys = trials.path(0, "y");
  REQUIRE(xs.back().has_nan());
  arma::mat mean(3, 3);
  for (std::size_t k = 0; k + 1 < xs.size(); ++k) {
    for (arma::uword c = 0; c < 2; ++c) {
      if (!xs[k].col(c).has_nan()) continue;
      xs[k].col(c) = trials.value("x").col(c);
      ys[k].col(c) = trials.value("y").col(c);
    }
    mean += ys[k] * xs[k].t() / 160.0;
  }
  CHECK(difference(trials.matrix("Q") - before, 0.1 * mean) < 1e-12);
}

TEST_CASE("averages: other solvers are of fourth order in the step, with an even or odd number of steps") {
  const std::string solver = GENERATE("rk4", "dopri5");
  // an even number of steps is halved, an odd one taken in thirds: the rules for both have constants of their own
  const auto steps = GENERATE(table<double, int>({{2.0, 2}, {1.75, 3}, {0.75, 3}}));
  const double duration = std::get<0>(steps);
  const int parts = std::get<1>(steps);
  CAPTURE(solver, duration);
  const auto error = [&](double dt) {
    CircuitTrials trials =
        chain("eta*avg(y*x')", solver, dt, duration, solver == "dopri5" ? "rtol = 1e-11\natol = 1e-12\n" : "");
    const auto [x, t] = sample(2, 1);
    const arma::vec v = trials.matrix("M") * x;
    const arma::mat before = trials.matrix("Q");
    trials.learn(x, t);
    return arma::abs((trials.matrix("Q") - before) / 0.1 - v * v.t() * (integral(duration) / duration)).max();
  };
  const double coarse = error(0.125), fine = error(0.125 / parts);
  CAPTURE(coarse, fine);
  CHECK(coarse < 1e-3);
  // the next term of the error expansion: 3.85 to 3.97 with these steps (3.3 to 4.5 with twice of them)
  CHECK(std::log(coarse / fine) / std::log(parts) == Approx(4).margin(0.2));
}

TEST_CASE("averages over several phases weigh each by its duration") {
  CircuitTrials trials(
      "[circuit]\nequations = '''\ndx/dt = -x + M*input\nq = Q*x\nsize x = 3\n'''\n"
      "[[phase]]\nname = \"a\"\nduration = 0.5\n[[phase]]\nname = \"b\"\nduration = 0.25\n"
      "[[phase]]\nname = \"c\"\nduration = 1.0\n"
      "[learning]\nat_end = \"Q += eta*avg(x*x', \\\"a\\\", \\\"c\\\")\"\n",
      {.keys = "solver = \"euler\"\ndt = 0.125\n"});
  const auto [x, t] = sample(4, 2);
  const arma::mat before = trials.matrix("Q");
  trials.learn(x, t);
  arma::mat sum(3, 3);
  for (const std::size_t phase : {0U, 2U}) {
    const auto xs = trials.path(phase, "x");
    for (std::size_t k = 0; k + 1 < xs.size(); ++k) sum += 0.125 * xs[k] * xs[k].t();
  }
  CHECK(difference(trials.matrix("Q") - before, 0.1 * sum / 1.5) < 1e-12);
}
