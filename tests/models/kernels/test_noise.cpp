// Normal numbers from a counter: the generator against its published test vectors, each kernel against the formula by
// libm, and what normal numbers must be.

#include <dynvert/models/kernels/kernels.hpp>
#include <dynvert/models/random.hpp>

#include <armadillo>
#include <catch2/catch.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <vector>

using namespace dynvert;

namespace {

using Pair = std::array<std::uint64_t, 2>;

/// Threefry-2x64, 20 rounds, as Salmon et al. (2011) define it: written round by round, one counter at a time.
Pair threefry(const Pair& counter, const Pair& key) {
  constexpr std::array<int, 8> rotations{16, 42, 12, 31, 16, 32, 24, 21};
  const std::array<std::uint64_t, 3> keys{key[0], key[1], 0x1BD11BDAA9FC1A22 ^ key[0] ^ key[1]};
  Pair x{counter[0] + keys[0], counter[1] + keys[1]};
  for (std::size_t round = 0; round < 20; ++round) {
    x[0] += x[1];
    x[1] = std::rotl(x[1], rotations[round % 8]) ^ x[0];
    if (round % 4 != 3) continue;
    const std::size_t s = round / 4 + 1;
    x[0] += keys[s % 3];
    x[1] += keys[(s + 1) % 3] + s;
  }
  return x;
}

double normal(const Pair& key, std::uint64_t step, std::size_t unit) {
  const std::size_t group = unit / 32, j = unit % 32 / 8, k = unit % 8;
  const std::uint64_t word = threefry({step, 8 * group + k}, key)[j / 2];
  const double u = (static_cast<double>(word >> 32) + 0.5) * 0x1p-32;
  const double angle = 2 * std::numbers::pi * static_cast<double>(word & 0xFFFFFFFF) * 0x1p-32;
  const double radius = std::sqrt(-2 * std::log(u));
  return radius * (j % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

std::vector<double> numbers(const Kernels& kernel, const Pair& key, std::uint64_t step, std::size_t units) {
  std::vector<double> x(units, 0.0);
  kernel.noise({.key = {key[0], key[1]}, .step = step, .scale = 1, .x = x.data(), .units = units});
  return x;
}

}  // namespace

TEST_CASE("noise: the generator gives its published test vectors") {
  // Random123, tests/kat_vectors
  constexpr std::uint64_t ones = ~std::uint64_t{0};
  CHECK(threefry({0, 0}, {0, 0}) == Pair{0xc2b6e3a8c2c69865, 0x6f81ed42f350084d});
  CHECK(threefry({ones, ones}, {ones, ones}) == Pair{0xe02cb7c4d95d277a, 0xd06633d0893b8b68});
  CHECK(threefry({0x243f6a8885a308d3, 0x13198a2e03707344}, {0xa4093822299f31d0, 0x082efa98ec4e6c89}) ==
        Pair{0x263c7d30bb0f0af1, 0x56be8361d3311526});
}

TEST_CASE("noise: each kernel has the numbers of the formula, whatever the number of units") {
  const Pair key{random_key(7, "a purpose"), 12};
  for (const Kernels& kernel : available_kernels()) {
    INFO(kernel.name);
    for (const std::size_t units : {1U, 7U, 8U, 31U, 32U, 33U, 100U, 257U}) {
      const std::vector<double> x = numbers(kernel, key, 5'000'000'017, units);
      for (std::size_t i = 0; i < units; ++i) {
        // some roundings of a radius below 7, and of the sine beside a zero
        CHECK(std::abs(x[i] - normal(key, 5'000'000'017, i)) < 1e-14);
      }
    }
  }
}

TEST_CASE("noise: adds, to units alone, and scaled") {
  for (const Kernels& kernel : available_kernels()) {
    INFO(kernel.name);
    const std::vector<double> one = numbers(kernel, {1, 2}, 3, 40);
    std::vector<double> x(48, 10.0);
    kernel.noise({.key = {1, 2}, .step = 3, .scale = 0.5, .x = x.data(), .units = 40});
    for (std::size_t i = 0; i < 40; ++i) CHECK(x[i] == Approx(10 + 0.5 * one[i]).epsilon(1e-15));
    for (std::size_t i = 40; i < 48; ++i) CHECK(x[i] == 10.0);
  }
}

TEST_CASE("noise: moments of a normal distribution, and no correlation of neighbours in unit, step and path") {
  constexpr std::size_t units = 512, steps = 512;
  const double n = static_cast<double>(units * steps);
  arma::mat x(units, steps), other(units, steps);
  for (std::size_t k = 0; k < steps; ++k) {
    x.col(k) = arma::vec(numbers(kernels(), {3, 0}, k, units));
    other.col(k) = arma::vec(numbers(kernels(), {3, 1}, k, units));
  }
  // five standard deviations of each mean: a false alarm in 2 million seeds, and the seed is fixed
  CHECK(std::abs(arma::accu(x)) / n < 5 / std::sqrt(n));
  CHECK(std::abs(arma::accu(x % x) / n - 1) < 5 * std::sqrt(2 / n));
  CHECK(std::abs(arma::accu(arma::pow(x, 3)) / n) < 5 * std::sqrt(15 / n));
  CHECK(std::abs(arma::accu(arma::pow(x, 4)) / n - 3) < 5 * std::sqrt(96 / n));
  const auto correlation = [&](const arma::mat& a, const arma::mat& b) { return arma::accu(a % b) / n; };
  for (const arma::uword lag : {1U, 2U, 8U, 16U, 32U}) {
    CHECK(std::abs(correlation(x, arma::shift(x, static_cast<arma::sword>(lag), 0))) < 5 / std::sqrt(n));
    CHECK(std::abs(correlation(x, arma::shift(x, static_cast<arma::sword>(lag), 1))) < 5 / std::sqrt(n));
  }
  CHECK(std::abs(correlation(x, other)) < 5 / std::sqrt(n));
  CHECK(std::abs(correlation(x % x - 1, other % other - 1)) < 5 * 2 / std::sqrt(n));
}
