#include <dynvert/models/random.hpp>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/seed_seq.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>

#include <array>
#include <numeric>
#include <utility>

namespace dynvert {

namespace {

boost::random::seed_seq sequence_of(std::uint64_t seed, std::string_view purpose) {
  std::vector<std::uint32_t> words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (const char c : purpose) words.push_back(static_cast<unsigned char>(c));
  return boost::random::seed_seq(words.begin(), words.end());
}

}  // namespace

std::uint64_t random_key(std::uint64_t seed, std::string_view purpose) {
  std::array<std::uint32_t, 2> words{};
  sequence_of(seed, purpose).generate(words.begin(), words.end());
  return std::uint64_t{words[0]} << 32 | words[1];
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose) {
  boost::random::seed_seq sequence = sequence_of(seed, purpose);
  generator_.seed(sequence);
}

arma::mat RandomStream::uniform(std::size_t rows, std::size_t columns, double half_width) {
  arma::mat values(rows, columns, arma::fill::zeros);
  if (half_width == 0) return values;
  boost::random::uniform_real_distribution<double> draw(-half_width, half_width);
  return values.imbue([&] { return draw(generator_); });
}

arma::mat RandomStream::normal(std::size_t rows, std::size_t columns) {
  boost::random::normal_distribution<double> draw;
  arma::mat values(rows, columns, arma::fill::none);
  return values.imbue([&] { return draw(generator_); });
}

std::vector<std::size_t> RandomStream::permutation(std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = n; i > 1; --i) {
    std::swap(order[i - 1], order[boost::random::uniform_int_distribution<std::size_t>(0, i - 1)(generator_)]);
  }
  return order;
}

}  // namespace dynvert
