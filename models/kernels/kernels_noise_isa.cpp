// Normal numbers from a counter. Compiled once per instruction set: see kernels_isa.hpp.
//
// Threefry-2x64 with 20 rounds: Salmon, Moraes, Dror & Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011,
// which passes the tests of TestU01. Its additions, rotations and exclusive ors of 64 bits are what all registers have.
// Normal numbers by Box & Muller, A note on the generation of random normal deviates, Ann. Math. Stat. 29 (1958): no
// branches, so that all lanes do the same.
#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/kernels/kernels_isa.hpp>

namespace dynvert::DYNVERT_ISA {

namespace {

using Vector = Register<double>;
using Words = std::uint64_t __attribute__((vector_size(sizeof(Vector))));

constexpr std::size_t block_lanes = 8;  ///< blocks of a group: the lanes of the widest registers
constexpr std::size_t group_units = 4 * block_lanes;

template <int bits>
[[gnu::always_inline]] inline Words rotated(const Words& w) {
  return (w << bits) | (w >> (64 - bits));
}

template <int bits>
[[gnu::always_inline]] inline void mix(Words& a, Words& b) {
  a += b;
  b = rotated<bits>(b) ^ a;
}

/// The two words of the counter become random ones.
[[gnu::always_inline]] inline void threefry(const std::uint64_t (&key)[2], Words& a, Words& b) {
  const std::uint64_t k[3] = {key[0], key[1], 0x1BD11BDAA9FC1A22 ^ key[0] ^ key[1]};
  a += k[0];
  b += k[1];
  const auto add_key = [&](std::uint64_t round) __attribute__((always_inline)) {
    a += k[round % 3];
    b += k[(round + 1) % 3] + round;
  };
  const auto even = [&]() __attribute__((always_inline)) {
    mix<16>(a, b);
    mix<42>(a, b);
    mix<12>(a, b);
    mix<31>(a, b);
  };
  const auto odd = [&]() __attribute__((always_inline)) {
    mix<16>(a, b);
    mix<32>(a, b);
    mix<24>(a, b);
    mix<21>(a, b);
  };
  even();
  add_key(1);
  odd();
  add_key(2);
  even();
  add_key(3);
  odd();
  add_key(4);
  even();
  add_key(5);
}

/// Of whole numbers below 2^52.
[[gnu::always_inline]] inline Vector to_double(const Words& w) {
  return reinterpret_cast<Vector>(w | 0x4330000000000000U) - 4503599627370496.0;
}

[[gnu::always_inline]] inline Vector chosen(const Words& where, const Vector& yes, const Vector& no) {
  return reinterpret_cast<Vector>((where & reinterpret_cast<Words>(yes)) | (~where & reinterpret_cast<Words>(no)));
}

/// ln u of normalised numbers: u = 2^e m with m from sqrt(1/2) to sqrt(2), and with t = (m - 1)/(m + 1), |t| < 0.172,
///
///     ln u = e ln 2 + 2 (t + t^3/3 + .. + t^21/21),
///
/// whose remainder is below t^23/23 < 2e-19.
[[gnu::always_inline]] inline Vector logarithm(const Vector& u) {
  const auto bits = reinterpret_cast<Words>(u);
  auto m = reinterpret_cast<Vector>((bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U);
  const auto large = reinterpret_cast<Words>(m > 1.4142135623730951);  // all ones, which is -1
  m = chosen(large, m * 0.5, m);
  const Vector e = to_double((bits >> 52) - large) - 1023.0;
  const Vector t = (m - 1) / (m + 1);
  const Vector s = t * t;
  const Vector s2 = s * s;
  const Vector s4 = s2 * s2;
  // Estrin's scheme: short chains of dependent operations
  const Vector low = (1.0 / 3 + s * (1.0 / 5)) + s2 * (1.0 / 7 + s * (1.0 / 9));
  const Vector high = (1.0 / 11 + s * (1.0 / 13)) + s2 * (1.0 / 15 + s * (1.0 / 17));
  const Vector highest = 1.0 / 19 + s * (1.0 / 21);
  const Vector tail = t * s * (low + s4 * (high + s4 * highest));
  return e * 0.6931471805599453 + 2 * (t + tail);
}

[[gnu::always_inline]] inline Vector root(const Vector& x) {
  Vector result{};
  for (std::size_t i = 0; i < lanes; ++i) result[i] = __builtin_sqrt(x[i]);
  return result;
}

/// cos and sin of 2 pi v, 0 <= v < 1: the nearest quarter q of the circle, and the series of what is left, of at most
/// pi/4, to the terms of order 17 and 16, whose remainders are below 1e-17.
[[gnu::always_inline]] inline void circle(const Vector& v, Vector& cosine, Vector& sine) {
  const Vector rounder = Vector{} + 6755399441055744.0;  // adding 1.5 * 2^52 rounds to an integer, in the low bits
  const Vector shifted = 4 * v + rounder;
  const auto quarter = reinterpret_cast<Words>(shifted);
  const Vector x = (v - 0.25 * (shifted - rounder)) * 6.283185307179586;
  const Vector y = x * x;
  const Vector y2 = y * y;
  const Vector y4 = y2 * y2;
  const Vector s = x * ((1 - y * (1.0 / 6)) + y2 * (1.0 / 120 - y * (1.0 / 5040)) +
                        y4 * ((1.0 / 362880 - y * (1.0 / 39916800)) +
                              y2 * (1.0 / 6227020800 - y * (1.0 / 1307674368000)) + y4 * (1.0 / 355687428096000)));
  const Vector c = (1 - y * 0.5) + y2 * (1.0 / 24 - y * (1.0 / 720)) +
                   y4 * ((1.0 / 40320 - y * (1.0 / 3628800)) + y2 * (1.0 / 479001600 - y * (1.0 / 87178291200)) +
                         y4 * (1.0 / 20922789888000));
  const Words odd = Words{} - (quarter & 1);
  const Words sign_of_sine = (quarter & 2) << 62;
  const Words sign_of_cosine = ((quarter + 1) & 2) << 62;
  cosine = reinterpret_cast<Vector>(reinterpret_cast<Words>(chosen(odd, s, c)) ^ sign_of_cosine);
  sine = reinterpret_cast<Vector>(reinterpret_cast<Words>(chosen(odd, c, s)) ^ sign_of_sine);
}

/// The two normal numbers of a random word.
[[gnu::always_inline]] inline void normal(const Words& word, Vector& first, Vector& second) {
  const Vector u = (to_double(word >> 32) + 0.5) * 0x1p-32;
  const Vector v = to_double(word & 0xFFFFFFFFU) * 0x1p-32;
  const Vector radius = root(-2 * logarithm(u));
  Vector cosine, sine;
  circle(v, cosine, sine);
  first = radius * cosine;
  second = radius * sine;
}

/// The numbers of the units of a group, times `scale`.
[[gnu::always_inline]] inline void group_of_units(const NoiseUpdate& job, std::size_t group, double (&z)[group_units]) {
  Words lane{};
  for (std::size_t i = 0; i < lanes; ++i) lane[i] = i;
  for (std::size_t h = 0; h < block_lanes; h += lanes) {
    Words a = Words{} + job.step;
    Words b = lane + (group * block_lanes + h);
    threefry(job.key, a, b);
    Vector n[4];
    normal(a, n[0], n[1]);
    normal(b, n[2], n[3]);
    for (std::size_t j = 0; j < 4; ++j) store(z + j * block_lanes + h, job.scale * n[j]);
  }
}

}  // namespace

void noise(const NoiseUpdate& given) {
  const NoiseUpdate job = given;
  double z[group_units];
  const std::size_t whole = job.units / group_units;
  for (std::size_t g = 0; g < whole; ++g) {
    group_of_units(job, g, z);
    double* x = job.x + g * group_units;
    for (std::size_t i = 0; i < group_units; i += lanes) store(x + i, load<Vector>(x + i) + load<Vector>(z + i));
  }
  const std::size_t left = job.units - whole * group_units;
  if (left == 0) return;
  group_of_units(job, whole, z);
  for (std::size_t i = 0; i < left; ++i) job.x[whole * group_units + i] += z[i];
}

}  // namespace dynvert::DYNVERT_ISA
