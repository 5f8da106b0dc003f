// Compiled once per instruction set, into a namespace of its own (DYNVERT_ISA) with a register width of DYNVERT_LANES
// doubles. Includes nothing but the job's description: an inline library function compiled here for AVX-512 could
// otherwise be the copy that the linker keeps for everybody.
#include <dynvert/models/kernels.hpp>

namespace dynvert::DYNVERT_ISA {

namespace {

constexpr std::size_t lanes = DYNVERT_LANES;
using Vector = double __attribute__((vector_size(lanes * sizeof(double))));

// the builtin: columns are aligned as doubles are, and it takes no header
inline Vector load(const double* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(double* p, const Vector& v) { __builtin_memcpy(p, &v, sizeof v); }

/// f<0>(), .., f<n - 1>(): a loop whose index is a constant, so that arrays of sums become registers.
template <std::size_t n, std::size_t i = 0, typename F>
[[gnu::always_inline]] inline void each(const F& f) {
  if constexpr (i < n) {
    f.template operator()<i>();
    each<n, i + 1>(f);
  }
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

template <std::size_t columns>
inline void strip(const AffineUpdate& job, std::size_t column) {
  constexpr std::size_t widest = 4;
  std::size_t row = 0;
  for (; row + widest * lanes <= job.rows; row += widest * lanes) tile<widest, columns>(job, row, column);
  switch ((job.rows - row) / lanes) {
    case 3:
      return tile<3, columns>(job, row, column);
    case 2:
      return tile<2, columns>(job, row, column);
    case 1:
      return tile<1, columns>(job, row, column);
    default:
      return;
  }
}

/// Columns at once, as far as the registers go: AVX-512 has 32, the others 16.
constexpr std::size_t columns_at_once = lanes == 8 ? 2 : 1;

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

}  // namespace dynvert::DYNVERT_ISA
