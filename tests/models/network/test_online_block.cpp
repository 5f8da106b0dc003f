// Learning in blocks is plain learning up to rounding error.

#include <dynvert/models/network/network.hpp>
#include <dynvert/models/random.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <vector>

using namespace dynvert;

namespace {

double largest(const arma::mat& m) { return arma::abs(m).max(); }

}  // namespace

TEST_CASE("a block of trials gives the drives and the weights of trials one by one") {
  const bool strong = GENERATE(false, true);  // weights as they are drawn, or as large as trained ones
  const double lambda = GENERATE(0.0, 1e-6, 0.01);
  const bool normalise = GENERATE(false, true);
  const std::size_t inputs = 40, hidden = 30, outputs = 5, samples = 32;
  RandomStream random(3, "block");
  Network plain({inputs, hidden, outputs}, {"tanh", "softmax"}, true);
  plain.W[1] = random.uniform(hidden, inputs, strong ? 1 : 0.01);
  plain.W[2] = random.uniform(outputs, hidden, strong ? 1 : 0.01);
  Network blocked = plain;
  const arma::mat X = random.normal(inputs, samples);
  const LearningRule rule{.eta = 0.02, .lambda = lambda, .clip_delta = 0.5, .normalise_updates = normalise};

  OnlineBlock block;
  block.begin(blocked.W[1], X);
  REQUIRE(block.size() == samples);
  const auto trial = [&](Network& network, const arma::mat& x, OnlineBlock* by, bool learns) {
    Activity activity;
    arma::mat t(outputs, 1);
    t(2, 0) = 1;
    if (by != nullptr) {
      activity.a.resize(3);
      by->drive(activity.a[1]);
      forward_driven(network, x, t, activity);
    } else {
      forward(network, x, t, activity);
    }
    Credit credit(3);
    credit[2] = activity.e;
    credit[1] = network.W[2].t() * activity.e;
    multiply_by_slope(*network.g[1], activity.a[1], credit[1]);
    if (learns) {
      learn(rule, activity, credit, network, by);
    } else if (by != nullptr) {
      by->skip();
    }
    return arma::mat(activity.a[1]);
  };
  // A drive is a sum of 40 + 32 products of size 1; both ways round each of them, and errors are carried on. Half the
  // digits of the tolerance were seen.
  const double tolerance = 1e-14 * std::max(1.0, largest(plain.W[1] * X));
  for (arma::uword j = 0; j < samples; ++j) {
    const bool learns = j != 7;  // a trial that diverged
    const arma::mat expected = trial(plain, X.col(j), nullptr, learns);
    CHECK(largest(trial(blocked, X.col(j), &block, learns) - expected) < tolerance);
    if (j == 11) {
      arma::mat now = blocked.W[1];
      block.apply(now);
      CHECK(largest(now - plain.W[1]) < tolerance);
    }
  }
  CHECK(block.done() == samples);
  block.apply(blocked.W[1]);
  CHECK(largest(blocked.W[1] - plain.W[1]) < tolerance);
  CHECK(largest(blocked.W[2] - plain.W[2]) < tolerance);
  CHECK(largest(blocked.b[1] - plain.b[1]) < tolerance);
}

TEST_CASE("a sample that is not learned leaves no trace in its block, whatever its input is") {
  const double bad = GENERATE(std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN());
  RandomStream random(4, "skipped");
  const arma::mat W = random.uniform(6, 8, 1), X = random.normal(8, 3);
  arma::mat spoiled = X;
  spoiled(2, 1) = bad;
  const auto run = [&](const arma::mat& inputs) {
    OnlineBlock block;
    block.begin(W, inputs);
    std::vector<arma::mat> seen(3);
    for (std::size_t j = 0; j < 3; ++j) {
      block.drive(seen[j]);
      if (j == 1) {
        block.skip();
      } else {
        block.change(0.99, 0.1, X.submat(0, 0, 5, 0));
      }
    }
    seen.push_back(W);
    block.apply(seen.back());
    return seen;
  };
  const auto clean = run(X), met = run(spoiled);
  CHECK_FALSE(met[1].is_finite());
  for (const std::size_t j : {0U, 2U, 3U}) CHECK(largest(met[j] - clean[j]) == 0);
}

TEST_CASE("a block in single precision is one in double precision up to rounding to 24 bits") {
  const double lambda = GENERATE(0.0, 1e-6, 0.01);
  const std::size_t inputs = 300, hidden = 40, samples = 32;
  RandomStream random(9, "single");
  arma::mat W = random.uniform(hidden, inputs, 0.05);
  arma::fmat W_single = arma::conv_to<arma::fmat>::from(W);
  W = arma::conv_to<arma::mat>::from(W_single);
  const arma::mat X = random.normal(inputs, samples);
  OnlineBlock block, single;
  block.begin(W, X);
  single.begin(W_single, X);
  // Sums of 300 + 32 products, each rounded to 2^-24 of its size, and the sum with it: their errors add like a random
  // walk to some sqrt(332) 2^-24 |a| = 1e-6 |a|, where |a| is the root of the sum of squares. Ten times that is
  // allowed.
  const double tolerance = 1e-5;
  arma::mat a, b;
  for (arma::uword j = 0; j < samples; ++j) {
    block.drive(a);
    single.drive(b);
    CHECK(largest(a - b) < tolerance * std::max(1.0, largest(a)));
    if (j == 5) {
      block.skip();
      single.skip();
      continue;
    }
    const arma::mat delta = random.normal(hidden, 1);
    block.change(1 - lambda, 1e-3, delta);
    single.change(1 - lambda, 1e-3, delta);
  }
  CHECK(single.done() == samples);
  block.apply(W);
  single.apply(W_single);
  CHECK(largest(W - W_single) < tolerance * largest(W));
  // and is in single precision: one in double precision is not as far off
  CHECK(largest(W - W_single) > 1e-9 * largest(W));
}

TEST_CASE("a change of weights is that of the definition, for one sample and for many") {
  const arma::uword batch = GENERATE(arma::uword{1}, arma::uword{3});
  const double lambda = GENERATE(0.0, 0.1);
  RandomStream random(5, "learn");
  Network network({4, 3, 2}, {"linear", "linear"}, true);
  for (std::size_t l = 1; l <= 2; ++l) network.W[l] = random.uniform(network.units[l], network.units[l - 1], 1);
  Activity activity;
  activity.h = std::vector<arma::mat>{random.normal(4, batch), random.normal(3, batch), arma::mat()};
  Credit credit{{}, random.normal(3, batch), random.normal(2, batch)};
  const Network before = network;
  learn({.eta = 0.3, .lambda = lambda}, activity, credit, network);
  for (std::size_t l = 1; l <= 2; ++l) {
    const arma::mat expected = (1 - lambda) * before.W[l] + 0.3 * credit[l] * activity.h[l - 1].t();
    // sums of up to four products of size 1
    CHECK(largest(network.W[l] - expected) < 1e-14);
    CHECK(largest(network.b[l] - 0.3 * arma::sum(credit[l], 1)) < 1e-14);
  }
}
