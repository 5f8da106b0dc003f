// Updates of populations, products of few rows, tanh. Compiled once per instruction set: see kernels_isa.hpp.
#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/kernels/kernels_isa.hpp>

namespace dynvert::DYNVERT_ISA {

void tanh(const double* x, double* y, std::size_t n);

namespace {

using Vector = Register<double>;

/// For rows that would fill a register of AVX-512 for a part only. A processor that computes with its halves one after
/// the other loses nothing by it.
constexpr std::size_t narrow_lanes = lanes == 8 ? 4 : lanes;
using Narrow = double __attribute__((vector_size(narrow_lanes * sizeof(double))));

template <typename V>
constexpr std::size_t lanes_of = sizeof(V) / sizeof(double);

// one by one: GCC 12 does not survive an attribute that depends on a template's parameter
template <std::size_t lanes>
struct IntegersOf;
template <>
struct IntegersOf<8> {
  using Signed = long long __attribute__((vector_size(64)));
  using Unsigned = unsigned long long __attribute__((vector_size(64)));
};
template <>
struct IntegersOf<4> {
  using Signed = long long __attribute__((vector_size(32)));
  using Unsigned = unsigned long long __attribute__((vector_size(32)));
};
template <>
struct IntegersOf<2> {
  using Signed = long long __attribute__((vector_size(16)));
  using Unsigned = unsigned long long __attribute__((vector_size(16)));
};

/// tanh |x| = E / (E + 2) with E = exp(2|x|) - 1, and E by 2|x| = k ln 2 + r, |r| <= ln 2 / 2:
///
///     E = 2^k (exp(r) - 1) + (2^k - 1),   exp(r) - 1 = r + r^2 (1/2! + r/3! + .. + r^11/13!),
///
/// whose remainder r^14/14! is below 5e-18. For small x, k = 0 and E keeps all digits, subnormal numbers included.
///
/// In three parts, each for all of some registers before the next one: a processor does not look far enough ahead to do
/// several from one end to the other at a time.
template <typename V>
struct TanhParts {
  V scale, r, lost, p;  // 2^k, r and what it has lost to rounding, exp(r) - 1
};

template <typename V>
[[gnu::always_inline]] inline void reduce(const V& x, TanhParts<V>& parts) {
  using Integers = typename IntegersOf<lanes_of<V>>::Signed;
  // wraps around where a NaN's bits are shifted
  using Unsigned = typename IntegersOf<lanes_of<V>>::Unsigned;
  const Integers sign_bit = Integers{} + static_cast<long long>(1ULL << 63);
  const auto a = reinterpret_cast<V>(reinterpret_cast<Integers>(x) & ~sign_bit);
  // beyond 22 the result rounds to 1; a comparison with NaN is false, so a NaN passes
  const V most = V{} + 22.0;
  const Integers large = a > most;
  const V t = 2 * (large ? most : a);
  // adding 1.5 * 2^52 rounds to an integer, which is then in the low bits
  const V rounder = V{} + 6755399441055744.0;
  const V shifted = t * 1.4426950408889634 + rounder;
  const V k = shifted - rounder;
  // ln 2 in two parts, the first of 32 bits: k times it is exact. What r loses to rounding is kept.
  const V first = t - k * 0x1.62e42feep-1;
  const V second = k * 0x1.a39ef35793c76p-33;
  parts.r = first - second;
  parts.lost = (first - parts.r) - second;
  const Unsigned exponent = (reinterpret_cast<Unsigned>(shifted) << 52) + (1023ULL << 52);
  parts.scale = reinterpret_cast<V>(exponent);
}

template <typename V>
[[gnu::always_inline]] inline void expand(TanhParts<V>& parts) {
  // Estrin's scheme: short chains of dependent operations
  const V r = parts.r;
  const V r2 = r * r;
  const V r4 = r2 * r2;
  const V low = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
  const V middle = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
  const V high = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
  parts.p = r + (parts.lost + r2 * (low + r4 * (middle + r4 * high)));
}

template <typename V>
[[gnu::always_inline]] inline V finish(const V& x, const TanhParts<V>& parts) {
  using Integers = typename IntegersOf<lanes_of<V>>::Signed;
  const Integers sign_bit = Integers{} + static_cast<long long>(1ULL << 63);
  const V E = parts.scale * parts.p + (parts.scale - 1);
  const V result = E / (E + 2);
  const Integers bits = reinterpret_cast<Integers>(result) | (reinterpret_cast<Integers>(x) & sign_bit);
  return reinterpret_cast<V>(bits);
}

/// x := tanh x
template <typename V, std::size_t n>
[[gnu::always_inline]] inline void tanh_of(V (&x)[n]) {
  TanhParts<V> parts[n];
  each<n>([&]<std::size_t i>() __attribute__((always_inline)) { reduce(x[i], parts[i]); });
  each<n>([&]<std::size_t i>() __attribute__((always_inline)) { expand(parts[i]); });
  each<n>([&]<std::size_t i>() __attribute__((always_inline)) { x[i] = finish(x[i], parts[i]); });
}

/// Chains of additions that run beside each other, since one of dependent additions would wait for its own latency: so
/// many that some eight registers take part. They depend on the rows alone, so that a column's sums are the same to the
/// last bit whatever columns are beside it.
constexpr std::size_t chains_of(std::size_t blocks) { return blocks <= 3 ? 4 : 2; }

/// `blocks` registers of rows of `columns` columns at once: each weight that is loaded serves all columns. All is
/// inlined by force: what GCC inlines late leaves arrays of sums in memory.
template <typename V, std::size_t blocks, std::size_t columns, bool with_tanh = false>
[[gnu::always_inline]] inline void tile(const AffineUpdate& given, std::size_t row, std::size_t column) {
  const AffineUpdate job = given;  // what is stored might change what is read from elsewhere
  constexpr std::size_t chains = chains_of(blocks), width = lanes_of<V>;
  V sum[chains][columns][blocks];
  const std::size_t first = column * job.stride + row;
  each<columns>([&]<std::size_t c>() __attribute__((always_inline)) {
    each<blocks>([&]<std::size_t b>() __attribute__((always_inline)) {
      sum[0][c][b] = load<V>(job.input + first + c * job.stride + b * width);
      each<chains - 1>([&]<std::size_t chain>() __attribute__((always_inline)) { sum[chain + 1][c][b] = V{}; });
    });
  });
  for (std::size_t k = 0; k < job.term_count; ++k) {
    const AffineTerm& term = job.terms[k];
    const std::size_t stride = term.source_stride;
    const double* source = term.source + column * stride;
    if (term.weights == nullptr) {
      each<columns>([&]<std::size_t c>() __attribute__((always_inline)) {
        each<blocks>([&]<std::size_t b>() __attribute__((always_inline)) {
          sum[0][c][b] += term.scale * load<V>(source + c * stride + row + b * width);
        });
      });
      continue;
    }
    const double* weights = term.weights + row;
    /// adds input j to a chain
    const auto add = [&]<std::size_t chain>(std::size_t j) __attribute__((always_inline)) {
      each<blocks>([&]<std::size_t b>() __attribute__((always_inline)) {
        V w = load<V>(weights + b * width);
#ifdef __x86_64__
        // into a register, or GCC loads it once a column
        if constexpr (columns > 1) asm("" : "+v"(w));
#endif
        each<columns>([&]<std::size_t c>()
                          __attribute__((always_inline)) { sum[chain][c][b] += w * source[c * stride + j]; });
      });
      weights += job.stride;
    };
    std::size_t j = 0;
    for (; j + chains <= term.inputs; j += chains) {
      each<chains>([&]<std::size_t chain>()
                       __attribute__((always_inline)) { add.template operator()<chain>(j + chain); });
    }
    each<chains - 1>([&]<std::size_t chain>() __attribute__((always_inline)) {
      if (j < term.inputs) add.template operator()<chain>(j++);
    });
  }
  each<columns>([&]<std::size_t c>() __attribute__((always_inline)) {
    const double rate = job.rate[column + c];
    // keep x - rate leak x is there before the sums are: one operation follows them
    const double left = job.keep - rate * job.leak[column + c];
    V moved[blocks];
    each<blocks>([&]<std::size_t b>() __attribute__((always_inline)) {
      const std::size_t at = first + c * job.stride + b * width;
      V total = sum[0][c][b];
      if constexpr (chains == 2) total += sum[1][c][b];
      if constexpr (chains == 4) total = (total + sum[1][c][b]) + (sum[2][c][b] + sum[3][c][b]);
      moved[b] = left * load<V>(job.state + at) + rate * total;
      store(job.out + at, moved[b]);
    });
    if constexpr (with_tanh) {
      tanh_of(moved);
      each<blocks>([&]<std::size_t b>() __attribute__((always_inline)) {
        store(job.tanh_out + first + c * job.stride + b * width, moved[b]);
      });
    }
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
  if (row + blocks * lanes > job.stride) return;
  const auto ask = [&](const double* from) __attribute__((always_inline)) {
    for (std::size_t i = 0; i < blocks * lanes; i += line) __builtin_prefetch(from + i);
  };
  for (std::size_t k = 0; k < job.term_count; ++k) {
    const AffineTerm& term = job.terms[k];
    if (term.weights == nullptr) continue;
    for (std::size_t j = 0; j < term.inputs; ++j) ask(term.weights + j * job.stride + row);
  }
  for (std::size_t r = 0; r < job.product->rows; ++r) ask(job.product->weights + r * job.product->inputs + row);
}

/// of a RowProduct: what has been added up of some columns
template <std::size_t columns>
using RowSums = Vector[columns][RowProduct::max_rows];

/// A tile, tanh of what came of it, and what that brings to a product.
template <std::size_t blocks, std::size_t columns>
inline void tile_and_after(const AffineUpdate& job, std::size_t row, std::size_t column, RowSums<columns>& sums) {
  tile<Vector, blocks, columns, true>(job, row, column);
  if (column == 0) prefetch<blocks>(job, row + blocks * lanes);
  Vector g[columns][blocks];
  each<columns>([&]<std::size_t c>() {
    each<blocks>(
        [&]<std::size_t b>() { g[c][b] = load<Vector>(job.tanh_out + (column + c) * job.stride + row + b * lanes); });
  });
  const double* weights = job.product->weights + row;
  for (std::size_t r = 0; r < job.product->rows; ++r, weights += job.product->inputs) {
    each<columns>([&]<std::size_t c>() {
      Vector sum = sums[c][r];
      each<blocks>([&]<std::size_t b>() { sum += load<Vector>(weights + b * lanes) * g[c][b]; });
      sums[c][r] = sum;
    });
  }
}

/// All rows of some columns, padding included, f of a tile after another: the widest first.
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
  const std::size_t rows = job.product->rows;
  for (std::size_t r = 0; r < rows; ++r) each<columns>([&]<std::size_t c>() { sums[c][r] = Vector{}; });
  each_tile(job.stride,
            [&]<std::size_t blocks>(std::size_t row) { tile_and_after<blocks, columns>(job, row, column, sums); });
  for (std::size_t r = 0; r < rows; ++r) {
    each<columns>(
        [&]<std::size_t c>() { job.product->out[(column + c) * job.product->out_stride + r] = sum_of(sums[c][r]); });
  }
}

/// The units of some columns: four wide registers at a time; of what is left, two more if it is more than the narrow
/// ones hold that go together, and narrow ones.
template <std::size_t columns, bool with_tanh = false>
[[gnu::noinline]] void strip(const AffineUpdate& job, std::size_t column) {
  constexpr std::size_t max_narrow = lanes == 8 ? 5 : 4;
  const std::size_t units = job.units;
  std::size_t row = 0;
  for (; row + 4 * lanes <= units; row += 4 * lanes) tile<Vector, 4, columns, with_tanh>(job, row, column);
  if (row + max_narrow * narrow_lanes < units) {
    tile<Vector, 2, columns, with_tanh>(job, row, column);
    row += 2 * lanes;
  }
  switch ((units - row + narrow_lanes - 1) / narrow_lanes) {
    case 5:
      if constexpr (max_narrow == 5) return tile<Narrow, 5, columns, with_tanh>(job, row, column);
      return;
    case 4:
      return tile<Narrow, 4, columns, with_tanh>(job, row, column);
    case 3:
      return tile<Narrow, 3, columns, with_tanh>(job, row, column);
    case 2:
      return tile<Narrow, 2, columns, with_tanh>(job, row, column);
    case 1:
      return tile<Narrow, 1, columns, with_tanh>(job, row, column);
    default:
      return;
  }
}

/// Columns at once, as far as the registers go: AVX-512 has 32, the others 16.
constexpr std::size_t columns_at_once = lanes == 8 ? 2 : 1;

inline void group_of_columns(const AffineUpdate& job, std::size_t from, std::size_t to) {
  std::size_t column = from;
  if (job.product != nullptr) {
    for (; column + columns_at_once <= to; column += columns_at_once) strip_and_after<columns_at_once>(job, column);
    for (; column < to; ++column) strip_and_after<1>(job, column);
    return;
  }
  // of a column that is alone, tanh waits for nothing that is in memory first; of many it goes faster in one go
  if (job.tanh_out != nullptr && to - from == 1) return strip<1, true>(job, from);
  for (; column + columns_at_once <= to; column += columns_at_once) strip<columns_at_once>(job, column);
  for (; column < to; ++column) strip<1>(job, column);
  if (job.tanh_out == nullptr) return;
  tanh(job.out + from * job.stride, job.tanh_out + from * job.stride, (to - from) * job.stride);
}

template <std::size_t rows, std::size_t columns>
inline void row_tile(const RowProduct& job, std::size_t row, std::size_t column) {
  Vector sum[columns][rows] = {};
  const double* weights = job.weights + row * job.inputs;
  const double* source = job.source + column * job.source_stride;
  for (std::size_t j = 0; j < job.inputs; j += lanes) {
    Vector x[columns];
    each<columns>([&]<std::size_t c>() { x[c] = load<Vector>(source + c * job.source_stride + j); });
    each<rows>([&]<std::size_t r>() {
      const auto w = load<Vector>(weights + r * job.inputs + j);
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

void tanh(const double* x, double* y, std::size_t n) {
  constexpr std::size_t at_once = 4;
  std::size_t i = 0;
  for (; i + at_once * lanes <= n; i += at_once * lanes) {
    Vector v[at_once];
    each<at_once>([&]<std::size_t k>() __attribute__((always_inline)) { v[k] = load<Vector>(x + i + k * lanes); });
    tanh_of(v);
    each<at_once>([&]<std::size_t k>() __attribute__((always_inline)) { store(y + i + k * lanes, v[k]); });
  }
  for (; i < n; i += lanes) {
    // the last, partial register goes through the same instructions as the others
    double rest[lanes] = {};
    const std::size_t count = n - i < lanes ? n - i : lanes;
    for (std::size_t j = 0; j < count; ++j) rest[j] = x[i + j];
    Vector v[1] = {load<Vector>(rest)};
    tanh_of(v);
    store(rest, v[0]);
    for (std::size_t j = 0; j < count; ++j) y[i + j] = rest[j];
  }
}

void affine(const AffineUpdate* jobs, std::size_t count, std::size_t rounds);
void affine(const AffineUpdate* jobs, std::size_t count, std::size_t rounds) {
  // so many columns go through all rounds before the next ones do: their states stay in the nearest cache, and each
  // hides the latencies of the others
  constexpr std::size_t group = 8;
  const std::size_t columns = jobs->columns;
  for (std::size_t from = 0; from < columns; from += group) {
    const std::size_t to = columns - from < group ? columns : from + group;
    for (std::size_t round = 0; round < rounds; ++round) {
      for (std::size_t k = 0; k < count; ++k) group_of_columns(jobs[k], from, to);
    }
  }
}

void rows(const RowProduct& job);
void rows(const RowProduct& job) {
  constexpr std::size_t at_once = 2;
  std::size_t column = 0;
  for (; column + at_once <= job.columns; column += at_once) row_strip<at_once>(job, column);
  for (; column < job.columns; ++column) row_strip<1>(job, column);
}

}  // namespace dynvert::DYNVERT_ISA
