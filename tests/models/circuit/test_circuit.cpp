#include "support/differences.hpp"

#include <dynvert/models/circuit/right_hand_side.hpp>
#include <dynvert/models/circuit/sequential_step.hpp>
#include <dynvert/models/error.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>

using namespace dynvert;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> nonlinear{"tanh", "sigmoid", "softplus"};

/// A circuit of every kind of projection: dense and one-to-one, state, rate, given gain, gains that follow, recurrent.
Circuit rich_circuit(const std::string& rate) {
  Circuit c;
  const auto a = c.add(Population{.name = "a", .units = 3, .tau = 0.7, .leak = 1, .rate = rate});
  const auto b = c.add(Population{.name = "b", .units = 5, .tau = 2.0, .leak = 0.3, .rate = rate});
  const auto d = c.add(Population{.name = "d", .units = 3, .tau = 1.3, .leak = 0, .rate = "linear"});
  c.add(Projection{.name = "ab",
                   .source = a,
                   .target = b,
                   .weights = arma::mat(5, 3, arma::fill::randn),
                   .transmits = Transmit::rate});
  c.add(Projection{.name = "ba", .source = b, .target = a, .weights = arma::mat(3, 5, arma::fill::randn)});
  c.add(Projection{.name = "aa",
                   .source = a,
                   .target = a,
                   .weights = arma::mat(3, 3, arma::fill::randn),
                   .transmits = Transmit::rate});
  c.add(Projection{.name = "bb", .source = b, .target = b, .weights = 0.4});
  c.add(Projection{.name = "bd",
                   .source = b,
                   .target = d,
                   .weights = arma::mat(3, 5, arma::fill::randn),
                   .transmits = Transmit::gain});
  c.add(Projection{.name = "ad",
                   .source = a,
                   .target = d,
                   .weights = -1.0,
                   .transmits = Transmit::gain,
                   .follows = GainFollows{a, false}});
  c.add(Projection{.name = "da",
                   .source = d,
                   .target = a,
                   .weights = arma::mat(3, 3, arma::fill::randn),
                   .transmits = Transmit::gain,
                   .follows = GainFollows{a, true}});
  return c;
}

State random_state(const Layout& layout) {
  State x(layout.size());
  for (std::size_t p = 0; p < layout.populations(); ++p) {
    assign(layout.view(std::span<double>(x), p), arma::mat(layout.units(p), layout.columns(), arma::fill::randn) * 0.5);
  }
  return x;
}

/// The design's equation, written with matrices and without the kernels.
arma::vec derivative_by_definition(RightHandSide& f, const State& x, std::size_t column) {
  const auto& circuit = f.circuit();
  arma::vec result;
  const auto state = [&](std::size_t p) {
    const auto s = f.layout().view(std::span<const double>(x), p).column(column);
    return arma::vec(s.data(), s.size());
  };
  for (std::size_t i = 0; i < circuit.populations().size(); ++i) {
    const auto& population = circuit.populations()[i];
    const auto input = std::as_const(f).input(i).column(column);
    arma::vec dx = -population.leak * state(i) + arma::vec(input.data(), input.size());
    for (std::size_t k = 0; k < circuit.projections().size(); ++k) {
      const auto& p = circuit.projections()[k];
      if (p.target != i) continue;
      arma::vec transmitted = state(p.source);
      const arma::uword n = transmitted.n_elem;
      if (p.transmits == Transmit::rate) {
        rate_function(circuit.populations()[p.source].rate).value(transmitted.memptr(), transmitted.memptr(), n);
      } else if (p.follows) {
        arma::vec slope = state(p.follows->population);
        rate_function(circuit.populations()[p.follows->population].rate).derivative(slope.memptr(), slope.memptr(), n);
        if (p.follows->reciprocal) slope = 1 / slope;
        transmitted %= slope;
      } else if (p.transmits == Transmit::gain) {
        for (arma::uword j = 0; j < n; ++j) transmitted[j] *= f.gain(k)(j, column);
      }
      dx += f.weights(k) * transmitted;
    }
    result = arma::join_cols(result, dx / population.tau);
  }
  return result;
}

}  // namespace

TEST_CASE("the right-hand side is the circuit equation, for every kind of projection and any number of columns") {
  CHECK(rc::check("kernels against matrices", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    const auto columns = *rc::gen::inRange<std::size_t>(1, 6);
    RightHandSide f(rich_circuit(*rc::gen::elementOf(nonlinear)), columns);
    const State x = random_state(f.layout());
    for (std::size_t p = 0; p < 3; ++p) assign(f.input(p), arma::mat(f.layout().units(p), columns, arma::fill::randn));
    assign(f.gain(4), arma::mat(5, columns, arma::fill::randn));
    State dxdt(f.layout().size());
    f(x, dxdt, 0.0);
    for (std::size_t c = 0; c < columns; ++c) {
      // sums of some ten terms of order one, in another order and with fused products
      RC_ASSERT(arma::approx_equal(f.layout().gather(dxdt, c), derivative_by_definition(f, x, c), "absdiff", 1e-13));
    }
  }));
}

TEST_CASE("the Jacobian agrees with finite differences at random states") {
  CHECK(rc::check("central differences", [] {
    arma::arma_rng::set_seed(*rc::gen::inRange(0U, 1000000U));
    RightHandSide f(rich_circuit(*rc::gen::elementOf(nonlinear)), 2);
    assign(f.gain(4), arma::mat(5, 2, arma::fill::randn));
    const State x = random_state(f.layout());
    const arma::mat J = f.jacobian(x, 1);
    const double h = 1e-5;
    for (arma::uword j = 0; j < J.n_cols; ++j) {
      // truncation h^2 f'''/6 is some 1e-10 here, rounding eps/h some 1e-11
      RC_ASSERT(arma::approx_equal(test::central_difference(f, x, 1, j, h), J.col(j), "absdiff", 1e-7));
    }
  }));
}

TEST_CASE("every kernel that this processor has computes the same affine update") {
  arma::arma_rng::set_seed(8);
  // whole registers, a part of one, and every number of them at the end
  for (const std::size_t units : {1U, 4U, 7U, 8U, 10U, 16U, 20U, 21U, 24U, 30U, 40U, 72U}) {
    for (const std::size_t columns : {1U, 2U, 5U, 19U}) {
      const std::size_t rows = padded(units);
      const arma::mat W(rows, 7, arma::fill::randn);
      const arma::mat source(16, columns, arma::fill::randn);
      const arma::mat input(rows, columns, arma::fill::randn);
      const arma::mat other(rows, columns, arma::fill::randn);
      const arma::mat x(rows, columns, arma::fill::randn);
      const arma::rowvec rate(columns, arma::fill::randu);
      const arma::rowvec leak(columns, arma::fill::randu);
      arma::mat leaking = x;
      leaking.each_row() %= leak;
      arma::mat moved = input + W * source.head_rows(7) - 0.2 * other - leaking;
      moved.each_row() %= rate;
      const arma::mat expected = 0.9 * x + moved;
      const std::array terms{
          AffineTerm{.weights = W.memptr(), .inputs = 7, .source = source.memptr(), .source_stride = 16},
          AffineTerm{.source = other.memptr(), .source_stride = rows, .scale = -0.2}};
      for (const Kernels& kernel : available_kernels()) {
        CAPTURE(kernel.name, rows, columns);
        arma::mat out(rows, columns);
        const AffineUpdate update{.terms = terms.data(),
                                  .term_count = 2,
                                  .units = units,
                                  .stride = rows,
                                  .columns = columns,
                                  .input = input.memptr(),
                                  .state = x.memptr(),
                                  .out = out.memptr(),
                                  .keep = 0.9,
                                  .rate = rate.memptr(),
                                  .leak = leak.memptr()};
        kernel.affine(&update, 1, 1);
        // sums of ten terms of order one
        CHECK(arma::approx_equal(out.head_rows(units), expected.head_rows(units), "absdiff", 1e-14));
        // beyond the units at most what fills a register of four
        const std::size_t end = (units + 3) / 4 * 4;
        if (end < rows) CHECK(out.tail_rows(rows - end).is_zero());
      }
    }
  }
}

TEST_CASE("tanh and a product with it in the pass of an update are those of their own kernels, bit for bit") {
  arma::arma_rng::set_seed(9);
  for (const std::size_t units : {8U, 24U, 40U, 72U, 200U}) {
    for (const std::size_t rows : {1U, 4U, 5U, 10U, 12U}) {
      for (const std::size_t columns : {1U, 2U, 5U}) {
        const arma::mat W(units, 3, arma::fill::randn), source(8, columns, arma::fill::randn);
        const arma::mat V(units, rows, arma::fill::randn);  // V', row by row
        const arma::mat zeros(units, columns);
        const arma::rowvec ones(columns, arma::fill::ones);
        const AffineTerm term{.weights = W.memptr(), .inputs = 3, .source = source.memptr(), .source_stride = 8};
        for (const Kernels& kernel : available_kernels()) {
          CAPTURE(kernel.name, units, rows, columns);
          arma::mat x(units, columns), g(x), expected(x), y(16, columns), product(y);
          const auto of = [&](const arma::mat& from, arma::mat& to) {
            return RowProduct{.weights = V.memptr(),
                              .rows = rows,
                              .inputs = units,
                              .columns = columns,
                              .source = from.memptr(),
                              .source_stride = units,
                              .out = to.memptr(),
                              .out_stride = 16};
          };
          const RowProduct carried = of(g, y);
          const AffineUpdate update{.terms = &term,
                                    .term_count = 1,
                                    .units = units,
                                    .stride = units,
                                    .columns = columns,
                                    .input = zeros.memptr(),
                                    .state = zeros.memptr(),
                                    .out = x.memptr(),
                                    .rate = ones.memptr(),
                                    .leak = zeros.memptr(),
                                    .tanh_out = g.memptr(),
                                    .product = &carried};
          kernel.affine(&update, 1, 1);
          kernel.tanh(x.memptr(), expected.memptr(), x.n_elem);
          CHECK(arma::all(arma::vectorise(g == expected)));
          kernel.rows(of(g, product));
          CHECK(arma::all(arma::vectorise(y == product)));
          // sums of up to 200 products of order one
          CHECK(arma::approx_equal(y.head_rows(rows), V.t() * g, "absdiff", 1e-13));
          CHECK(y.tail_rows(16 - rows).is_zero());
        }
      }
    }
  }
}

TEST_CASE("weights that are handed over are those of the evaluator, for every shape, and again where they change") {
  for (const std::size_t units : {1U, 3U, 4U, 5U, 8U, 10U, 31U, 33U, 40U}) {
    Circuit c;
    const auto a = c.add(Population{.name = "a", .units = 140});
    const auto b = c.add(Population{.name = "b", .units = units});
    arma::mat W(units, 140, arma::fill::randn);
    const auto k = c.add(Projection{.name = "W", .source = a, .target = b, .weights = W});
    RightHandSide f(c, 1);
    State x = random_state(f.layout()), dxdt(x.size());
    CAPTURE(units);
    // as they are, the same again, another number at the end, one that is not there
    for (const double last : {W.back(), W.back(), 2.0, std::numeric_limits<double>::quiet_NaN()}) {
      W.back() = last;
      f.set_weights(k, W);
      CHECK(arma::approx_equal(f.weights(k).head_cols(139), W.head_cols(139), "absdiff", 0));
      f(x, dxdt, 0);
      const arma::vec expected = W * f.layout().gather(x, 0).head(140) - f.layout().gather(x, 0).tail(units);
      const arma::vec moved = f.layout().gather(dxdt, 0).tail(units);
      CHECK(std::isnan(moved.back()) == std::isnan(last));
      // sums of 140 products of order one
      if (!std::isnan(last)) CHECK(arma::approx_equal(moved, expected, "absdiff", 1e-12));
    }
  }
}

TEST_CASE("all steps at once are the steps one by one, bit for bit") {
  // by one call of the kernel: of linear and of tanh units; and block by block: something is computed between them
  const std::string rate = GENERATE("linear", "tanh", "relu");
  const auto columns = GENERATE(std::size_t{1}, std::size_t{2}, std::size_t{19});
  arma::arma_rng::set_seed(12);
  Circuit c;
  const auto u = c.add(Population{.name = "u", .units = 10, .tau = 2, .leak = 0.1});
  const auto delta = c.add(Population{.name = "delta", .units = 21, .rate = rate});
  const arma::mat W(10, 21, arma::fill::randn);
  c.add(Projection{.name = "W", .source = delta, .target = u, .weights = W, .transmits = Transmit::rate});
  c.add(Projection{.name = "B", .source = u, .target = delta, .weights = arma::mat(-0.1 * W.t())});
  RightHandSide f(c, columns);
  assign(f.input(u), arma::mat(10, columns, arma::fill::randn));
  State x = random_state(f.layout());
  State y = x;
  constexpr double dt = 0.1;
  SequentialStep step;
  step.bind(f, x, dt);
  for (int k = 0; k < 7; ++k) {
    for (const PopulationIndex p : {u, delta}) step.advance(p, 0);
  }
  step.bind(f, y, dt);
  step.advance_all(0, 0, 3);
  step.advance_all(0, 3, 4);
  CHECK(x == y);
  // and of a column that is alone those that it has among others
  RightHandSide single = f;
  single.take_column(f, columns - 1);
  State start = random_state(f.layout());
  State alone(single.layout().size());
  single.layout().scatter(f.layout().gather(start, columns - 1), 0, alone);
  step.bind(f, start, dt);
  step.advance_all(0, 0, 7);
  step.bind(single, alone, dt);
  step.advance_all(0, 0, 7);
  CHECK(arma::all(single.layout().gather(alone, 0) == f.layout().gather(start, columns - 1)));
  // the times are those of the steps
  std::vector<double> times;
  f.set_drive(u, [&](double t, std::span<const std::size_t>, MatrixView) { times.push_back(t); });
  step.bind(f, y, dt);
  step.advance_all(0.5, 3, 2);
  CHECK(times == std::vector<double>{0.5 + 3 * dt, 0.5 + 4 * dt});
}

TEST_CASE("sequential Euler moves each population by the right-hand side at the newest values") {
  const auto columns = GENERATE(std::size_t{1}, std::size_t{3});
  arma::arma_rng::set_seed(4);
  // many tanh units, seen by few others (row by row), by themselves, by as many others, twice
  Circuit c;
  const auto a = c.add(Population{.name = "a", .units = 203, .tau = 2, .rate = "tanh"});
  const auto b = c.add(Population{.name = "b", .units = 5, .leak = 0.1});
  const auto d = c.add(Population{.name = "d", .units = 203});
  const auto connect = [&](PopulationIndex from, PopulationIndex to, Weights weights, Transmit transmits) {
    return c.add(Projection{.name = std::to_string(c.projections().size()),
                            .source = from,
                            .target = to,
                            .weights = std::move(weights),
                            .transmits = transmits});
  };
  const auto random = [](std::size_t rows, std::size_t inputs) {
    return arma::mat(0.1 * arma::mat(rows, inputs, arma::fill::randn));
  };
  const auto seen = connect(a, b, random(5, 203), Transmit::rate);
  connect(a, a, random(203, 203), Transmit::rate);
  connect(a, d, 0.7, Transmit::rate);
  connect(a, d, random(203, 203), Transmit::rate);
  connect(b, a, random(203, 5), Transmit::state);
  connect(d, b, random(5, 203), Transmit::state);
  RightHandSide f(c, columns);
  for (const PopulationIndex p : {a, b, d}) assign(f.input(p), random(f.layout().units(p), columns));
  constexpr double dt = 0.2;
  const auto off = [&](RightHandSide& moving) {
    RightHandSide reference = moving;
    const Layout& layout = moving.layout();
    State x = random_state(layout);
    State expected = x;
    State dxdt(x.size());
    SequentialStep step;
    step.bind(moving, x, dt);
    for (int k = 0; k < 3; ++k) {
      for (const PopulationIndex p : {a, b, d}) {
        reference(expected, dxdt, 0);
        const std::size_t end = layout.offset(p) + layout.stride(p) * layout.columns();
        for (std::size_t i = layout.offset(p); i < end; ++i) expected[i] += dt * dxdt[i];
        step.advance(p, 0);
      }
    }
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i] - expected[i]));
    return largest;
  };
  // sums of some 400 products of size 0.1, rounded in another order
  CHECK(off(f) < 1e-13);
  f.set_weights(seen, random(5, 203));
  CHECK(off(f) < 1e-13);
  RightHandSide single = f;
  single.take_column(f, columns - 1);
  single.set_weights(seen, random(5, 203));
  CHECK(off(single) < 1e-13);
}

TEST_CASE("columns that are kept go on as if the others had never been there") {
  arma::arma_rng::set_seed(3);
  RightHandSide f(rich_circuit("tanh"), 4);
  for (std::size_t p = 0; p < 3; ++p) assign(f.input(p), arma::mat(f.layout().units(p), 4, arma::fill::randn));
  assign(f.gain(4), arma::mat(5, 4, arma::fill::randn));
  const State x = random_state(f.layout());
  State full(x.size());
  f(x, full, 0.0);
  const Layout before = f.layout();
  const std::vector<std::size_t> kept{1, 3};
  RightHandSide single = f;
  single.take_column(f, 3);
  f.keep_columns(kept);
  State y(f.layout().size());
  for (std::size_t c = 0; c < 2; ++c) f.layout().scatter(before.gather(x, kept[c]), c, y);
  State reduced(y.size());
  f(y, reduced, 0.0);
  State alone(single.layout().size());
  State z(single.layout().size());
  single.layout().scatter(before.gather(x, 3), 0, z);
  single(z, alone, 0.0);
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(arma::approx_equal(f.layout().gather(reduced, c), before.gather(full, kept[c]), "absdiff", 1e-14));
  }
  // one column sums its inputs in two chains: equal up to rounding
  CHECK(arma::approx_equal(single.layout().gather(alone, 0), before.gather(full, 3), "absdiff", 1e-13));
}

TEST_CASE("drives see the time and the trials that are left") {
  Circuit c;
  const auto p = c.add(Population{.name = "x", .units = 1});
  RightHandSide f(c, 3);
  f.set_drive(p, [](double t, std::span<const std::size_t> columns, MatrixView input) {
    for (std::size_t k = 0; k < columns.size(); ++k) input(0, k) = t + 10.0 * static_cast<double>(columns[k]);
  });
  const std::vector<std::size_t> kept{2};
  f.keep_columns(kept);
  State dxdt(f.layout().size());
  f(State(f.layout().size()), dxdt, 0.5);
  CHECK(dxdt[0] == 20.5);
}

TEST_CASE("a circuit refuses what is impossible and says what is allowed") {
  Circuit c;
  const auto a = c.add(Population{.name = "a", .units = 4});
  const auto b = c.add(Population{.name = "b", .units = 10});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(c.add(Projection{.name = "W", .source = a, .target = b, .weights = arma::mat(10, 5)}),
                    Contains("projection \"W\"") && Contains("10x5") && Contains("10x4"));
  CHECK_THROWS_WITH(c.add(Projection{.name = "W", .source = a, .target = b, .weights = 1.0}), Contains("one-to-one"));
  CHECK_THROWS_WITH(c.add(Projection{.name = "W", .source = 7, .target = b, .weights = 1.0}), Contains("0 to 1"));
  CHECK_THROWS_WITH(c.add(Projection{.name = "W", .source = a, .target = b, .weights = arma::mat(10, 4).fill(nan)}),
                    Contains("NaN"));
  CHECK_THROWS_WITH(c.add(Population{.name = "c", .units = 1, .tau = -1}),
                    Contains("tau = -1") && Contains("positive"));
  CHECK_THROWS_WITH(c.add(Population{.name = "c", .units = 1, .tau = nan}), Contains("tau = nan"));
  CHECK_THROWS_WITH(c.add(Population{.name = "c", .units = 1, .leak = nan}), Contains("leak = nan"));
  CHECK_THROWS_WITH(c.add(Population{.name = "c", .units = 0}), Contains("no units"));
  CHECK_THROWS_WITH(c.add(Population{.name = "a", .units = 1}), Contains("taken"));
  CHECK_THROWS_WITH(c.add(Population{.name = "c", .units = 1, .rate = "tahn"}), Contains("tahn") && Contains("tanh"));
  CHECK_THROWS_WITH(c.population("z"), Contains("a, b"));
  RightHandSide f(c, 1);
  CHECK_THROWS_AS(f.set_columns(0), ValueError);
}
