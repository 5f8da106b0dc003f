// The tanh loop of 10x1000 in full by each instruction set that this processor has: what other processors gain.

#include "baseline.hpp"
#include "sections.hpp"

#include <dynvert/models/kernels/kernels.hpp>

#include <array>

namespace dynvert::benchmarks {

namespace {

constexpr Size size{10, 1000};

Bar bar_of(std::string_view kernels) {
  if (kernels == "avx512") return at_least(4);
  if (kernels == "avx2") return at_least(2.5);
  return {};
}

State pack(const arma::mat& m) {
  const std::size_t stride = padded(m.n_rows);
  State packed(stride * m.n_cols);
  for (std::size_t j = 0; j < m.n_cols; ++j) std::copy_n(m.colptr(j), m.n_rows, packed.data() + j * stride);
  return packed;
}

void full_loop(benchmark::State& state, const Kernels& kernels) {
  const LoopProblem problem(size, Transfer::nonlinear);
  const State W_rows = pack(problem.W().t());
  const State B = pack(problem.B());
  const State input_u = pack(-problem.s());
  const State input_delta(padded(size.columns));
  State u(padded(size.rows));
  State delta(padded(size.columns));
  State rate(delta);
  State W_rate(u);
  const double step = dt;
  const double leak_u = alpha;
  const double leak_delta = 1;
  const RowProduct product{.weights = W_rows.data(),
                           .rows = size.rows,
                           .inputs = rate.size(),
                           .columns = 1,
                           .source = rate.data(),
                           .source_stride = rate.size(),
                           .out = W_rate.data(),
                           .out_stride = W_rate.size()};
  const AffineTerm from_delta{.source = W_rate.data(), .source_stride = W_rate.size()};
  const AffineTerm from_u{.weights = B.data(), .inputs = size.rows, .source = u.data(), .source_stride = u.size()};
  const AffineUpdate update_u{.terms = &from_delta,
                              .term_count = 1,
                              .units = size.rows,
                              .stride = u.size(),
                              .columns = 1,
                              .input = input_u.data(),
                              .state = u.data(),
                              .out = u.data(),
                              .keep = 1,
                              .rate = &step,
                              .leak = &leak_u};
  const AffineUpdate update_delta{.terms = &from_u,
                                  .term_count = 1,
                                  .units = size.columns,
                                  .stride = delta.size(),
                                  .columns = 1,
                                  .input = input_delta.data(),
                                  .state = delta.data(),
                                  .out = delta.data(),
                                  .keep = 1,
                                  .rate = &step,
                                  .leak = &leak_delta,
                                  .tanh_out = rate.data(),
                                  .product = &product};
  const std::array updates{update_u, update_delta};
  for (auto _ : state) {
    std::ranges::fill(u, 0.0);
    std::ranges::fill(delta, 0.0);
    std::ranges::fill(W_rate, 0.0);
    kernels.affine(updates.data(), updates.size(), steps);
    benchmark::DoNotOptimize(delta.data());
  }
}

}  // namespace

void add_kernels(Table& table) {
  for (const Kernels& kernels : available_kernels()) {
    table.add({.name = "inversion 10x1000, tanh: kernels of " + std::string(kernels.name),
               .against = "inversion 10x1000, tanh: baseline",
               .bar = bar_of(kernels.name)},
              [&kernels](benchmark::State& state) { full_loop(state, kernels); });
  }
}

}  // namespace dynvert::benchmarks
