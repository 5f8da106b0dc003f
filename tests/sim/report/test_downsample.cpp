#include <dynvert/models/error.hpp>
#include <dynvert/sim/report/downsample.hpp>

#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace dynvert;

namespace {

Downsampler::Kept downsampled(const std::vector<double>& values, std::size_t columns, std::size_t limit) {
  Downsampler downsampler(values.size() / columns, columns, limit);
  for (std::size_t k = 0; k < values.size() / columns; ++k) downsampler.push({values.data() + k * columns, columns});
  return downsampler.take();
}

}  // namespace

TEST_CASE("few samples are all kept") {
  const std::vector<double> values{3, 1, std::nan(""), 2};
  const auto kept = downsampled(values, 1, 4);
  CHECK(kept.samples == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(kept.values[0] == 3);
  CHECK(std::isnan(kept.values[2]));
}

TEST_CASE("what is kept of many samples: true ones, the ends, every column's extremes, within the limit") {
  CHECK(rc::check([] {
    const auto columns = *rc::gen::inRange<std::size_t>(1, 4);
    const auto samples = *rc::gen::inRange<std::size_t>(1, 200);
    const auto limit = *rc::gen::inRange<std::size_t>(4, 60);
    const auto values = *rc::gen::container<std::vector<double>>(
        samples * columns, rc::gen::map(rc::gen::inRange(-1000, 1000), [](int v) { return 0.5 * v; }));
    const auto kept = downsampled(values, columns, limit);
    RC_ASSERT(std::ranges::is_sorted(kept.samples));
    RC_ASSERT(kept.samples.front() == 0);
    RC_ASSERT(kept.samples.back() == samples - 1);
    RC_ASSERT(kept.samples.size() <= std::min(samples, limit + 2 * columns + 2));
    RC_ASSERT(kept.values.size() == kept.samples.size() * columns);
    for (std::size_t c = 0; c < columns; ++c) {
      std::vector<double> all, some;
      for (std::size_t k = 0; k < samples; ++k) all.push_back(values[k * columns + c]);
      for (std::size_t i = 0; i < kept.samples.size(); ++i) {
        some.push_back(kept.values[i * columns + c]);
        RC_ASSERT(some.back() == all[kept.samples[i]]);
      }
      RC_ASSERT(std::ranges::min(some) == std::ranges::min(all));
      RC_ASSERT(std::ranges::max(some) == std::ranges::max(all));
    }
  }));
}

TEST_CASE("a gap stays a gap, and a single spike in a long row is kept") {
  std::vector<double> values(10'000, 1.0);
  for (std::size_t k = 4000; k < 6000; ++k) values[k] = std::nan("");
  values[7777] = 50;
  const auto kept = downsampled(values, 1, 100);
  CHECK(kept.samples.size() <= 104);
  CHECK(std::ranges::find(kept.values, 50.0) != kept.values.end());
  // 50 intervals of 200 samples: those wholly within the gap are NaN
  CHECK(std::ranges::count_if(kept.values, [](double v) { return std::isnan(v); }) == 10);
}

TEST_CASE("downsampling to nothing is refused") {
  CHECK_THROWS_AS(Downsampler(10, 0, 10), ValueError);
  CHECK_THROWS_AS(Downsampler(10, 1, 3), ValueError);
}
