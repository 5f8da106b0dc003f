#include "support/differences.hpp"

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/network/feedback.hpp>
#include <dynvert/models/random.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

using namespace dynvert;

namespace {

Network random_network(const std::vector<std::size_t>& units, const std::string& g, bool bias) {
  std::vector<std::string> activation(units.size() - 2, g);
  activation.emplace_back("linear");
  Network network(units, activation, bias);
  for (std::size_t l = 1; l <= network.depth(); ++l) {
    network.W[l].randn();
    if (bias) network.b[l].randn();
  }
  return network;
}

double loss(const Network& network, const arma::mat& x, const arma::mat& t) {
  Activity activity;
  forward(network, x, t, activity);
  return 0.5 * arma::accu(arma::square(activity.e));
}

}  // namespace

TEST_CASE("backprop is the gradient of half the squared error") {
  arma::arma_rng::set_seed(5);
  Network network = random_network({4, 6, 5, 3}, "tanh", true);
  const arma::mat x(4, 7, arma::fill::randn);
  const arma::mat t(3, 7, arma::fill::randn);
  Activity activity;
  Credit credit;
  forward(network, x, t, activity);
  credit_model("backprop").assign(network, {}, activity, {}, credit);
  const Network start = network;
  // with eta = 1 and no decay the weight change is minus the gradient
  learn({.eta = 1}, activity, credit, network);
  const Network gradient = test::gradient_by_differences(
      start, [&](const Network& n) { return loss(n, x, t); }, 1e-6);
  for (std::size_t l = 1; l <= 3; ++l) {
    // rounding of the loss (order 30) over 2h: 30 * 1e-16 / 1e-6
    CHECK(arma::abs(network.W[l] - start.W[l] + gradient.W[l]).max() < 1e-7);
    CHECK(arma::abs(network.b[l] - start.b[l] + gradient.b[l]).max() < 1e-7);
  }
}

TEST_CASE("feedback alignment with B = -W' is backprop, pseudo-backprop is the Moore-Penrose inverse of any rank") {
  CHECK(rc::check("algebraic rules", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const auto units = *rc::gen::container<std::vector<std::size_t>>(4, rc::gen::inRange<std::size_t>(1, 9));
    Network network = random_network(units, "tanh", false);
    const bool deficient = *rc::gen::arbitrary<bool>();
    if (deficient) network.W[3].row(0) = network.W[3].row(network.W[3].n_rows - 1);
    Feedback B(4);
    for (std::size_t l = 2; l <= 3; ++l) B[l] = -network.W[l].t();
    Activity activity;
    forward(network, arma::mat(units[0], 2, arma::fill::randn), arma::mat(units[3], 2, arma::fill::randn), activity);
    Credit bp;
    Credit fa;
    Credit pbp;
    credit_model("backprop").assign(network, {}, activity, {}, bp);
    credit_model("feedback_alignment").assign(network, B, activity, {}, fa);
    credit_model("pseudo_backprop").assign(network, {}, activity, {}, pbp);
    arma::mat expected = arma::pinv(network.W[3]) * activity.e;
    multiply_by_slope(*network.g[2], activity.a[2], expected);
    RC_ASSERT(arma::approx_equal(fa[1], bp[1], "absdiff", 1e-12));
    // W of random small layers may be near singular: the error grows with its condition number, so relative to |delta|
    RC_ASSERT(arma::norm(pbp[2] - expected, "fro") <= 1e-7 * (1 + arma::norm(expected, "fro")));
  }));
}

TEST_CASE(
    "the learning rule clips hidden credit by sample, decays, normalises, and leaves no bias where there is none") {
  arma::arma_rng::set_seed(7);
  Network network = random_network({3, 4, 2}, "linear", false);
  const Network start = network;
  Activity activity;
  forward(network, arma::mat(3, 2, arma::fill::randn), arma::mat(2, 2, arma::fill::randn), activity);
  Credit credit(3);
  credit[2] = activity.e;
  credit[1] = arma::mat(4, 2, arma::fill::randn);
  credit[1].col(0) *= 100;
  const arma::mat short_one = credit[1].col(1) * (0.5 / arma::norm(credit[1].col(1)));
  credit[1].col(1) = short_one;
  SECTION("clip") {
    const arma::mat before = credit[1];
    learn({.eta = 0.1, .lambda = 0.01, .clip_delta = 2}, activity, credit, network);
    CHECK(arma::norm(credit[1].col(0)) == Approx(2));
    CHECK(arma::approx_equal(credit[1].col(1), short_one, "absdiff", 0));
    CHECK(arma::approx_equal(credit[2], activity.e, "absdiff", 0));
    CHECK(arma::approx_equal(network.W[1], start.W[1] + 0.1 * credit[1] * activity.h[0].t() - 0.01 * start.W[1],
                             "absdiff", 1e-14));
    CHECK(network.b[1].is_zero());
  }
  SECTION("normalise") {
    learn({.eta = 0.1, .normalise_updates = true}, activity, credit, network);
    for (std::size_t l = 1; l <= 2; ++l) CHECK(arma::norm(network.W[l] - start.W[l], "fro") == Approx(0.1));
  }
  SECTION("a zero gradient stays zero") {
    credit[1].zeros();
    credit[2].zeros();
    learn({.eta = 0.1, .normalise_updates = true}, activity, credit, network);
    CHECK(arma::approx_equal(network.W[1], start.W[1], "absdiff", 0));
  }
}

TEST_CASE("feedback formulas") {
  arma::arma_rng::set_seed(9);
  const arma::mat W(3, 5, arma::fill::randn);
  RandomStream random(1, "feedback 2");
  CHECK(arma::approx_equal(find_feedback_formula("negative_transpose")->make(W, 50, {}, random), -50 * W.t(), "absdiff",
                           0));
  CHECK(arma::approx_equal(W * find_feedback_formula("negative_pseudo_inverse")->make(W, 1, {}, random),
                           -arma::eye(3, 3), "absdiff", 1e-12));
  CHECK(arma::approx_equal(find_feedback_formula("negative_sign")->make(W, 2, {}, random), -2 * arma::sign(W.t()),
                           "absdiff", 0));
  const arma::mat B = find_feedback_formula("random")->make(W, 0.5, {}, random);
  CHECK(arma::size(B) == arma::size(5, 3));
  CHECK(arma::abs(B).max() < 0.5);
  CHECK(find_feedback_formula("optimised") == nullptr);
}

TEST_CASE("random streams are functions of seed and purpose") {
  CHECK(arma::approx_equal(RandomStream(1, "a").normal(3, 3), RandomStream(1, "a").normal(3, 3), "absdiff", 0));
  CHECK_FALSE(
      arma::approx_equal(RandomStream(1, "a").normal(3, 3), RandomStream(1, "b").normal(3, 3), "absdiff", 1e-3));
  CHECK_FALSE(
      arma::approx_equal(RandomStream(1, "a").normal(3, 3), RandomStream(2, "a").normal(3, 3), "absdiff", 1e-3));
  auto order = RandomStream(4, "order 0").permutation(100);
  CHECK_FALSE(std::ranges::is_sorted(order));
  std::ranges::sort(order);
  for (std::size_t i = 0; i < 100; ++i) CHECK(order[i] == i);
}
