// Products with inputs that are mostly one number are those of the definition up to rounding error.

#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/network/online_block.hpp>
#include <dynvert/models/network/sparse_inputs.hpp>
#include <dynvert/models/random.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

using namespace dynvert;

namespace {

template <typename Real>
double largest(const arma::Mat<Real>& m) {
  return static_cast<double>(arma::abs(m).max());
}

/// A background, and a part of the entries that differ from it.
arma::mat inputs_of(RandomStream& random, std::size_t inputs, std::size_t samples, double background, double part) {
  arma::mat X = random.normal(inputs, samples);
  const arma::mat which = random.uniform(inputs, samples, 1);  // in -1 .. 1
  for (arma::uword i = 0; i < X.n_elem; ++i) {
    if (which[i] > 2 * part - 1) X[i] = background;
  }
  return X;
}

/// The sum of n products whose sizes are at most `size`, each rounded and added with the rounding of the sum: their
/// errors add up to n eps of the sum of sizes at the worst, whatever the order; and twice that between two of them.
template <typename Real>
double rounding(std::size_t n, double size) {
  const auto terms = static_cast<double>(n);
  return 2 * terms * terms * static_cast<double>(std::numeric_limits<Real>::epsilon()) * size;
}

template <typename Real>
void check_products() {
  const auto rows = *rc::gen::inRange<std::size_t>(1, 90);
  const auto inputs = *rc::gen::inRange<std::size_t>(1, 2 * sparse_block + 10);
  const auto samples = *rc::gen::inRange<std::size_t>(1, sparse_block + 20);
  const auto done = *rc::gen::inRange<std::size_t>(1, samples + 1);
  RandomStream random(*rc::gen::inRange<std::uint64_t>(0, 1'000'000), "sparse");
  const double background = *rc::gen::element(0.0, -0.42, 3.0);
  const double part = *rc::gen::element(0.0, 0.05, 0.2, 0.6);
  const auto X = arma::conv_to<arma::Mat<Real>>::from(inputs_of(random, inputs, samples, background, part));
  const auto W = arma::conv_to<arma::Mat<Real>>::from(random.normal(rows, inputs));
  arma::Mat<Real> D = arma::conv_to<arma::Mat<Real>>::from(random.normal(rows, samples));

  SparseInputs<Real> sparse;
  const bool taken = sparse.take(X);
  RC_ASSERT(sparse.taken() == taken);
  RC_CLASSIFY(taken, "sparse");
  if (!taken) {
    // the first sample's majority is not the block's, or too many entries differ
    RC_ASSERT(part > 0);
    return;
  }
  arma::Mat<Real> WX;
  sparse.multiply(W, WX);
  RC_ASSERT(arma::size(WX) == arma::size(rows, samples));
  const double size = std::max(1.0, largest(X)) * std::max(largest(W), largest(D));
  RC_ASSERT(largest<Real>(WX - W * X) <= rounding<Real>(inputs, size));

  // what is not asked for is not looked at
  if (done < samples) D.cols(done, samples - 1).fill(std::numeric_limits<Real>::quiet_NaN());
  const auto p = static_cast<Real>(0.9);
  arma::Mat<Real> changed = W;
  sparse.add_outer(p, D, done, changed);
  const arma::Mat<Real> expected = p * (W + D.cols(0, done - 1) * X.cols(0, done - 1).t());
  RC_ASSERT(largest<Real>(changed - expected) <= rounding<Real>(done + 2, size));
}

}  // namespace

TEST_CASE("products with inputs that are mostly one number are those of dense products") {
  CHECK(rc::check("double", [] { check_products<double>(); }));
  CHECK(rc::check("single", [] { check_products<float>(); }));
}

TEST_CASE("inputs are taken for sparse where few entries differ from one number") {
  RandomStream random(2, "share");
  SparseInputs<double> sparse;
  CHECK(sparse.take(arma::mat(50, 10, arma::fill::value(-0.42))));
  CHECK(sparse.take(inputs_of(random, 200, 20, -0.42, 0.2)));
  CHECK_FALSE(sparse.take(inputs_of(random, 200, 20, -0.42, 0.6)));
  CHECK_FALSE(sparse.take(random.normal(200, 20)));
  CHECK_FALSE(sparse.taken());
  CHECK_FALSE(sparse.take(arma::mat(50, 10, arma::fill::value(std::numeric_limits<double>::quiet_NaN()))));
}

TEST_CASE("the kernels of every instruction set give the same product with sparse inputs") {
  // Two sources to a block's end and beyond; 37 rows are whole registers, and less than one, of every width.
  const std::size_t rows = 37, sources = sparse_block + 2, outs = 3;
  RandomStream random(6, "kernels");
  const arma::mat source = random.normal(rows, sources), before = random.normal(rows, outs);
  arma::mat S(sources, outs);
  S(0, 0) = 2, S(5, 0) = -1, S(sparse_block - 1, 1) = 0.5, S(sparse_block + 1, 1) = 3, S(sparse_block, 0) = 1;
  std::vector<std::uint32_t> starts, indices;
  std::vector<double> values;
  for (std::size_t first = 0; first < sources; first += sparse_block) {
    for (std::size_t o = 0; o < outs; ++o) {
      starts.push_back(static_cast<std::uint32_t>(indices.size()));
      for (std::size_t j = first; j < std::min(first + sparse_block, sources); ++j) {
        if (S(j, o) == 0) continue;
        indices.push_back(static_cast<std::uint32_t>(j - first));
        values.push_back(S(j, o));
      }
    }
  }
  starts.push_back(static_cast<std::uint32_t>(indices.size()));
  const bool adds = GENERATE(false, true);
  const arma::mat all = arma::sum(source, 1) * arma::mat(1, outs, arma::fill::value(0.25));
  const arma::mat expected = 0.5 * ((adds ? before : arma::mat(rows, outs)) + source * S + all);
  for (const Kernels& kernel : available_kernels()) {
    CAPTURE(kernel.name);
    arma::mat out = adds ? before : arma::mat(rows, outs, arma::fill::value(std::numeric_limits<double>::quiet_NaN()));
    kernel.sparse({.rows = rows,
                   .source = source.memptr(),
                   .source_stride = rows,
                   .sources = sources,
                   .out = out.memptr(),
                   .out_stride = rows,
                   .outs = outs,
                   .adds = adds,
                   .scale = 0.5,
                   .background = 0.25,
                   .starts = starts.data(),
                   .indices = indices.data(),
                   .values = values.data()});
    // a sum of 98 numbers of size 1, whose partial sums stay below 40: 98 * 40 eps
    CHECK(largest<double>(out - expected) < 1e-12);
  }
}

TEST_CASE("a sample that is not learned leaves no trace in a block of sparse inputs, whatever its input is") {
  const double bad = GENERATE(std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN());
  const std::size_t rows = 9, inputs = 120, samples = 4, skipped = 2;
  RandomStream random(4, "skipped");
  const arma::mat W = random.uniform(rows, inputs, 1), X = inputs_of(random, inputs, samples, -0.42, 0.1);
  const arma::mat delta = random.uniform(rows, samples, 1);
  arma::mat spoiled = X;
  spoiled(70, skipped) = bad;
  REQUIRE(SparseInputs<double>().take(spoiled));
  const auto run = [&](const arma::mat& x, std::size_t shown) -> arma::mat {
    OnlineBlock block;
    block.begin(W, x);
    arma::mat a, seen(rows, 0);
    for (std::size_t j = 0; j < shown; ++j) {
      block.drive(a);
      if (j == skipped) {
        CHECK(a.is_finite() == x.is_finite());
        block.skip();
        continue;
      }
      seen.insert_cols(seen.n_cols, a);
      block.change(0.99, 0.1, delta.col(j));
    }
    arma::mat changed = W;
    block.apply(changed);
    return arma::join_rows(seen, changed);
  };
  // before the sample, with it, and after it
  for (const std::size_t shown : {skipped, skipped + 1, samples}) {
    CHECK(largest<double>(run(spoiled, shown) - run(X, shown)) == 0);
  }
}
