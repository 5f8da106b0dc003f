// Updates of populations, products of few rows, tanh. Compiled once per instruction set: see kernels_isa.hpp.
#include <dynvert/models/kernels.hpp>
#include <dynvert/models/kernels_isa.hpp>

namespace dynvert::DYNVERT_ISA {

namespace {

using Vector = Register<double>;
using Integers = long long __attribute__((vector_size(lanes * sizeof(double)), aligned(8)));
// wraps around where a NaN's bits are shifted
using Unsigned = unsigned long long __attribute__((vector_size(lanes * sizeof(double)), aligned(8)));

inline Vector all(double value) { return Vector{} + value; }

/// tanh |x| = E / (E + 2) with E = exp(2|x|) - 1, and E by 2|x| = k ln 2 + r, |r| <= ln 2 / 2:
///
///     E = 2^k (exp(r) - 1) + (2^k - 1),   exp(r) - 1 = r + r^2 (1/2! + r/3! + .. + r^11/13!),
///
/// whose remainder r^14/14! is below 5e-18. For small x, k = 0 and E keeps all digits, subnormal numbers included.
inline Vector tanh_of(const Vector& x) {
  const Integers sign_bit = Integers{} + static_cast<long long>(1ULL << 63);
  const Integers sign = reinterpret_cast<Integers>(x) & sign_bit;
  const Integers magnitude = reinterpret_cast<Integers>(x) & ~sign_bit;
  const auto a = reinterpret_cast<Vector>(magnitude);
  // beyond 22 the result rounds to 1; a comparison with NaN is false, so a NaN passes
  const Integers large = a > all(22.0);
  const Vector t = 2 * (large ? all(22.0) : a);

  // adding 1.5 * 2^52 rounds to an integer, which is then in the low bits
  const Vector rounder = all(6755399441055744.0);
  const Vector shifted = t * 1.4426950408889634 + rounder;
  const Vector k = shifted - rounder;
  // ln 2 in two parts, the first of 32 bits: k times it is exact. What r loses to rounding is kept.
  const Vector first = t - k * 0x1.62e42feep-1;
  const Vector second = k * 0x1.a39ef35793c76p-33;
  const Vector r = first - second;
  const Vector lost = (first - r) - second;
  const Unsigned exponent = (reinterpret_cast<Unsigned>(shifted) << 52) + (1023ULL << 52);
  const auto scale = reinterpret_cast<Vector>(exponent);

  // Estrin's scheme: short chains of dependent operations
  const Vector r2 = r * r;
  const Vector r4 = r2 * r2;
  const Vector low = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
  const Vector middle = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
  const Vector high = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
  const Vector p = r + (lost + r2 * (low + r4 * (middle + r4 * high)));

  const Vector E = scale * p + (scale - 1);
  const Vector result = E / (E + 2);
  const Integers bits = reinterpret_cast<Integers>(result) | sign;
  return reinterpret_cast<Vector>(bits);
}

/// Chains of additions that run beside each other, since one of dependent additions would wait for its own latency: so
/// many that some eight registers take part. They depend on the rows alone, so that a column's sums are the same to the
/// last bit whatever columns are beside it.
constexpr std::size_t chains_of(std::size_t blocks) { return blocks <= 2 ? 4 : 2; }

/// `blocks` registers of rows of `columns` columns at once: each weight that is loaded serves all columns.
template <std::size_t blocks, std::size_t columns>
inline void tile(const AffineUpdate& job, std::size_t row, std::size_t column) {
  constexpr std::size_t chains = chains_of(blocks);
  Vector sum[chains][columns][blocks];
  const std::size_t first = column * job.rows + row;
  each<columns>([&]<std::size_t c>() {
    each<blocks>([&]<std::size_t b>() {
      sum[0][c][b] = load(job.input + first + c * job.rows + b * lanes);
      each<chains - 1>([&]<std::size_t chain>() { sum[chain + 1][c][b] = Vector{}; });
    });
  });
  for (std::size_t k = 0; k < job.term_count; ++k) {
    const AffineTerm& term = job.terms[k];
    const std::size_t stride = term.source_stride;
    const double* source = term.source + column * stride;
    if (term.weights == nullptr) {
      each<columns>([&]<std::size_t c>() {
        each<blocks>(
            [&]<std::size_t b>() { sum[0][c][b] += term.scale * load(source + c * stride + row + b * lanes); });
      });
      continue;
    }
    const double* weights = term.weights + row;
    /// adds input j to a chain
    const auto add = [&]<std::size_t chain>(std::size_t j) __attribute__((always_inline)) {
      each<blocks>([&]<std::size_t b>() {
        const Vector w = load(weights + b * lanes);
        each<columns>([&]<std::size_t c>() { sum[chain][c][b] += w * source[c * stride + j]; });
      });
      weights += job.rows;
    };
    std::size_t j = 0;
    for (; j + chains <= term.inputs; j += chains) {
      each<chains>([&]<std::size_t chain>() { add.template operator()<chain>(j + chain); });
    }
    each<chains - 1>([&]<std::size_t chain>() {
      if (j < term.inputs) add.template operator()<chain>(j++);
    });
  }
  each<columns>([&]<std::size_t c>() {
    const double rate = job.rate[column + c];
    // keep x - rate leak x is there before the sums are: one operation follows them
    const double left = job.keep - rate * job.leak[column + c];
    each<blocks>([&]<std::size_t b>() {
      const std::size_t at = first + c * job.rows + b * lanes;
      Vector total = sum[0][c][b];
      if constexpr (chains == 2) total += sum[1][c][b];
      if constexpr (chains == 4) total = (total + sum[1][c][b]) + (sum[2][c][b] + sum[3][c][b]);
      store(job.out + at, left * load(job.state + at) + rate * total);
    });
  });
}

/// the same order whatever is beside it
inline double sum_of(const Vector& v) {
  double lane[lanes];
  store(lane, v);
  for (std::size_t half = lanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

/// Asks for what the rows to come need, which would otherwise be waited for: tanh needs none.
template <std::size_t blocks>
inline void prefetch(const AffineUpdate& job, std::size_t row) {
  constexpr std::size_t line = 8;  // doubles
  if (row + blocks * lanes > job.rows) return;
  const auto ask = [&](const double* from) __attribute__((always_inline)) {
    for (std::size_t i = 0; i < blocks * lanes; i += line) __builtin_prefetch(from + i);
  };
  for (std::size_t k = 0; k < job.term_count; ++k) {
    const AffineTerm& term = job.terms[k];
    if (term.weights == nullptr) continue;
    for (std::size_t j = 0; j < term.inputs; ++j) ask(term.weights + j * job.rows + row);
  }
  if (job.product == nullptr) return;
  for (std::size_t r = 0; r < job.product->rows; ++r) ask(job.product->weights + r * job.product->inputs + row);
}

/// of a RowProduct: what has been added up of some columns
template <std::size_t columns>
using RowSums = Vector[columns][RowProduct::most_rows];

/// A tile, tanh of what came of it, and what that brings to a product.
template <std::size_t blocks, std::size_t columns>
inline void tile_and_after(const AffineUpdate& job, std::size_t row, std::size_t column, RowSums<columns>& sums) {
  tile<blocks, columns>(job, row, column);
  if (column == 0) prefetch<blocks>(job, row + blocks * lanes);
  Vector g[columns][blocks];
  each<columns>([&]<std::size_t c>() {
    each<blocks>([&]<std::size_t b>() {
      const std::size_t at = (column + c) * job.rows + row + b * lanes;
      g[c][b] = tanh_of(load(job.out + at));
      store(job.tanh_out + at, g[c][b]);
    });
  });
  if (job.product == nullptr) return;
  const double* weights = job.product->weights + row;
  for (std::size_t r = 0; r < job.product->rows; ++r, weights += job.product->inputs) {
    each<columns>([&]<std::size_t c>() {
      Vector sum = sums[c][r];
      each<blocks>([&]<std::size_t b>() { sum += load(weights + b * lanes) * g[c][b]; });
      sums[c][r] = sum;
    });
  }
}

/// All rows of some columns, f of a tile after another: the widest first.
template <typename F>
inline void each_tile(std::size_t rows, const F& f) {
  constexpr std::size_t widest = 4;
  std::size_t row = 0;
  for (; row + widest * lanes <= rows; row += widest * lanes) f.template operator()<widest>(row);
  switch ((rows - row) / lanes) {
    case 3:
      return f.template operator()<3>(row);
    case 2:
      return f.template operator()<2>(row);
    case 1:
      return f.template operator()<1>(row);
    default:
      return;
  }
}

template <std::size_t columns>
[[gnu::noinline]] void strip_and_after(const AffineUpdate& job, std::size_t column) {
  RowSums<columns> sums;
  const std::size_t rows = job.product != nullptr ? job.product->rows : 0;
  for (std::size_t r = 0; r < rows; ++r) each<columns>([&]<std::size_t c>() { sums[c][r] = Vector{}; });
  each_tile(job.rows,
            [&]<std::size_t blocks>(std::size_t row) { tile_and_after<blocks, columns>(job, row, column, sums); });
  for (std::size_t r = 0; r < rows; ++r) {
    each<columns>(
        [&]<std::size_t c>() { job.product->out[(column + c) * job.product->out_stride + r] = sum_of(sums[c][r]); });
  }
}

template <std::size_t columns>
inline void strip(const AffineUpdate& job, std::size_t column) {
  // small loops would feel the room on the stack that the other one takes
  if (job.tanh_out != nullptr) return strip_and_after<columns>(job, column);
  each_tile(job.rows, [&]<std::size_t blocks>(std::size_t row) { tile<blocks, columns>(job, row, column); });
}

/// Columns at once, as far as the registers go: AVX-512 has 32, the others 16.
constexpr std::size_t columns_at_once = lanes == 8 ? 2 : 1;

template <std::size_t rows, std::size_t columns>
inline void row_tile(const RowProduct& job, std::size_t row, std::size_t column) {
  Vector sum[columns][rows] = {};
  const double* weights = job.weights + row * job.inputs;
  const double* source = job.source + column * job.source_stride;
  for (std::size_t j = 0; j < job.inputs; j += lanes) {
    Vector x[columns];
    each<columns>([&]<std::size_t c>() { x[c] = load(source + c * job.source_stride + j); });
    each<rows>([&]<std::size_t r>() {
      const Vector w = load(weights + r * job.inputs + j);
      each<columns>([&]<std::size_t c>() { sum[c][r] += w * x[c]; });
    });
  }
  each<columns>([&]<std::size_t c>() {
    each<rows>([&]<std::size_t r>() { job.out[(column + c) * job.out_stride + row + r] = sum_of(sum[c][r]); });
  });
}

template <std::size_t columns>
inline void row_strip(const RowProduct& job, std::size_t column) {
  constexpr std::size_t most = 5;  // sums that hide each other's latency and leave registers for two columns
  std::size_t row = 0;
  for (; row + most <= job.rows; row += most) row_tile<most, columns>(job, row, column);
  switch (job.rows - row) {
    case 4:
      return row_tile<4, columns>(job, row, column);
    case 3:
      return row_tile<3, columns>(job, row, column);
    case 2:
      return row_tile<2, columns>(job, row, column);
    case 1:
      return row_tile<1, columns>(job, row, column);
    default:
      return;
  }
}

}  // namespace

void tanh(const double* x, double* y, std::size_t n);
void tanh(const double* x, double* y, std::size_t n) {
  double rest[lanes] = {};
  for (std::size_t i = 0; i < n; i += lanes) {
    // the last, partial register goes through the same instructions as the others
    const std::size_t count = n - i < lanes ? n - i : lanes;
    const bool partial = count < lanes;
    if (partial) {
      for (std::size_t j = 0; j < count; ++j) rest[j] = x[i + j];
    }
    store(partial ? rest : y + i, tanh_of(load(partial ? rest : x + i)));
    if (partial) {
      for (std::size_t j = 0; j < count; ++j) y[i + j] = rest[j];
    }
  }
}

void affine(const AffineUpdate& job);
void affine(const AffineUpdate& job) {
  std::size_t column = 0;
  for (; column + columns_at_once <= job.columns; column += columns_at_once) strip<columns_at_once>(job, column);
  for (; column < job.columns; ++column) strip<1>(job, column);
}

void rows(const RowProduct& job);
void rows(const RowProduct& job) {
  constexpr std::size_t at_once = 2;
  std::size_t column = 0;
  for (; column + at_once <= job.columns; column += at_once) row_strip<at_once>(job, column);
  for (; column < job.columns; ++column) row_strip<1>(job, column);
}

}  // namespace dynvert::DYNVERT_ISA
