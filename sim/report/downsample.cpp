#include <dynvert/models/error.hpp>
#include <dynvert/sim/report/downsample.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace dynvert {

Downsampler::Downsampler(std::size_t samples, std::size_t columns, std::size_t limit)
    : columns_(columns), least_(columns), greatest_(columns) {
  constexpr std::size_t fewest = 4;
  if (columns == 0) throw ValueError("downsampling", "samples have no values", "one or more");
  if (limit < fewest) throw ValueError("downsampling", "keeps " + std::to_string(limit) + " samples", "4 or more");
  const std::size_t intervals = limit / 2;
  interval_ = samples <= limit ? 1 : (samples + intervals - 1) / intervals;
}

void Downsampler::consider(Candidate& best, bool greater, double size, std::span<const double> sample) const {
  if (!best.values.empty() && (greater ? size <= best.size : size >= best.size)) return;
  best.number = next_;
  best.size = size;
  best.values.assign(sample.begin(), sample.end());
}

void Downsampler::push(std::span<const double> sample) {
  if (interval_ == 1) {
    kept_.emplace(next_++, std::vector<double>(sample.begin(), sample.end()));
    return;
  }
  last_ = {.number = next_, .size = 0, .values = {sample.begin(), sample.end()}};
  if (next_ == 0) keep(last_);
  if (std::ranges::all_of(sample, [](double v) { return std::isfinite(v); })) {
    const double size =
        columns_ == 1 ? sample[0] : std::inner_product(sample.begin(), sample.end(), sample.begin(), 0.0);
    consider(smallest_, false, size, sample);
    consider(largest_, true, size, sample);
    for (std::size_t c = 0; c < columns_; ++c) {
      consider(least_[c], false, sample[c], sample);
      consider(greatest_[c], true, sample[c], sample);
    }
  } else if (gap_.values.empty()) {
    gap_ = last_;
  }
  ++next_;
  if (next_ % interval_ == 0) close_interval();
}

void Downsampler::keep(const Candidate& candidate) {
  if (!candidate.values.empty()) kept_.try_emplace(candidate.number, candidate.values);
}

void Downsampler::close_interval() {
  keep(smallest_);
  keep(largest_);
  if (smallest_.values.empty()) keep(gap_);
  smallest_.values.clear();
  largest_.values.clear();
  gap_.values.clear();
}

Downsampler::Kept Downsampler::take() {
  close_interval();
  keep(last_);
  for (const auto* extremes : {&least_, &greatest_}) {
    for (const Candidate& candidate : *extremes) keep(candidate);
  }
  Kept kept;
  for (const auto& [number, values] : kept_) {
    kept.samples.push_back(number);
    kept.values.insert(kept.values.end(), values.begin(), values.end());
  }
  return kept;
}

}  // namespace dynvert
