#include <dynvert/sim/inspect/column_statistics.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace dynvert {

namespace {

constexpr std::size_t block_rows = std::size_t{1} << 17;
/// bits of a digit
constexpr unsigned digit = 16;

/// Unsigned integers in the order of the numbers.
std::uint64_t key(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);  // -0 is 0
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  return (bits & sign) != 0 ? ~bits : bits | sign;
}

/// The k-th smallest of the values that count.
class Selection {
 public:
  Selection(const RunReader& file, std::span<const std::string> datasets, bool flags)
      : file_(file), datasets_(datasets), flags_(flags) {}

  [[nodiscard]] double find(std::size_t rank, std::size_t count, std::size_t in_memory) const {
    std::uint64_t prefix = 0;
    unsigned known = 0;
    while (count > in_memory && known < 64) {
      std::vector<std::size_t> histogram(std::size_t{1} << digit, 0);
      const unsigned shift = 64 - known - digit;
      each(prefix, known, [&](double v) { ++histogram[(key(v) >> shift) & ((1U << digit) - 1)]; });
      std::size_t bucket = 0;
      for (; rank >= histogram[bucket]; ++bucket) rank -= histogram[bucket];
      count = histogram[bucket];
      prefix = (prefix << digit) | bucket;
      known += digit;
    }
    std::vector<double> left;
    // where all digits are known all values are the same, and one will do
    each(prefix, known, [&](double v) {
      if (known < 64 || left.empty()) left.push_back(v);
    });
    if (known == 64) return left.front();
    const auto place = left.begin() + static_cast<std::ptrdiff_t>(rank);
    std::ranges::nth_element(left, place);
    return *place;
  }

  template <typename Use>
  void each(std::uint64_t prefix, unsigned known, const Use& use) const {
    for_each_block(file_, datasets_, [&](std::span<const double> values) {
      for (const double v : values) {
        if (!std::isfinite(v) || (flags_ && v < 0)) continue;
        if (known == 0 || key(v) >> (64 - known) == prefix) use(v);
      }
    });
  }

 private:
  const RunReader& file_;
  std::span<const std::string> datasets_;
  bool flags_;
};

}  // namespace

void for_each_block(const RunReader& file, std::span<const std::string> datasets,
                    const std::function<void(std::span<const double>)>& block) {
  for (const std::string& dataset : datasets) {
    const std::size_t rows = file.length(dataset);
    for (std::size_t first = 0; first < rows; first += block_rows) {
      block(file.rows(dataset, first, std::min(block_rows, rows - first)).values);
    }
  }
}

ColumnStatistics column_statistics(const RunReader& file, std::span<const std::string> datasets, bool flags,
                                   std::size_t in_memory, MissingValue missing) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  ColumnStatistics s{.least = nan, .median = nan, .greatest = nan, .last = nan};
  std::size_t all = 0;
  for (const std::string& dataset : datasets) {
    const std::size_t rows = file.length(dataset);
    all += rows;
    if (rows > 0) s.last = file.value(dataset, rows - 1);
  }
  const Selection selection(file, datasets, flags);
  selection.each(0, 0, [&](double v) {
    ++s.count;
    s.least = std::fmin(s.least, v);
    s.greatest = std::fmax(s.greatest, v);
  });
  s.missing = all - s.count;
  const std::size_t ranked = missing == MissingValue::infinite ? all : s.count;
  if (ranked == 0) return s;
  const auto at = [&](std::size_t rank) {
    return rank < s.count ? selection.find(rank, s.count, in_memory) : std::numeric_limits<double>::infinity();
  };
  const double upper = at(ranked / 2);
  s.median = ranked % 2 == 1 ? upper : (at(ranked / 2 - 1) + upper) / 2;
  return s;
}

}  // namespace dynvert
