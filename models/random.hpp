#pragma once

/// Random streams: each purpose ("weights", "teacher", "order 3") has a stream of its own, a function of the seed and
/// the purpose alone. Adding a model or a draw somewhere never shifts the numbers of another, and nothing has to be
/// stored for a run to be continued. Boost's generators and distributions, whose output does not depend on the
/// compiler.

#include <armadillo>
#include <boost/random/mersenne_twister.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dynvert {

/// 64 bits that are a function of the seed and the purpose: the key of a generator that counts (Kernels::noise).
[[nodiscard]] std::uint64_t random_key(std::uint64_t seed, std::string_view purpose);

class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose);

  /// rows x columns, uniform on (-half_width, half_width)
  [[nodiscard]] arma::mat uniform(std::size_t rows, std::size_t columns, double half_width);
  /// rows x columns, normal with mean 0 and variance 1
  [[nodiscard]] arma::mat normal(std::size_t rows, std::size_t columns);
  /// 0 .. n-1 in random order
  [[nodiscard]] std::vector<std::size_t> permutation(std::size_t n);

 private:
  boost::random::mt19937_64 generator_;
};

}  // namespace dynvert
