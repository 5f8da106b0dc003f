#pragma once

/// A recorded run of a circuit: states at the times t0 + k interval.

#include <dynvert/models/circuit/state.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace dynvert {

/// Times are computed as start + k interval, never summed. The buffer is kept between runs.
class Trajectory {
 public:
  /// Empties the trajectory for a new run.
  void start(const Layout& layout, double start, double interval) {
    layout_ = layout;
    start_ = start;
    interval_ = interval;
    samples_ = 0;
  }
  void append(const State& x) {
    // grown by hand and never shrunk: a trajectory is refilled each trial
    if (states_.size() < (samples_ + 1) * layout_.size()) states_.resize(2 * (samples_ + 1) * layout_.size());
    std::copy(x.begin(), x.end(), states_.begin() + static_cast<std::ptrdiff_t>(samples_ * layout_.size()));
    ++samples_;
  }

  /// Appends a trajectory that begins where this one ends. The sample where they meet is taken from it: states that a
  /// switch has set show as they are from then on.
  void extend(const Trajectory& next) {
    --samples_;
    for (std::size_t k = 0; k < next.samples(); ++k) {
      if (states_.size() < (samples_ + 1) * layout_.size()) states_.resize(2 * (samples_ + 1) * layout_.size());
      std::ranges::copy(next.state(k), sample(samples_).begin());
      ++samples_;
    }
  }

  /// Forgets the samples from number `samples` on.
  void truncate(std::size_t samples) noexcept { samples_ = samples; }
  /// A writable sample, of the layout.
  [[nodiscard]] std::span<double> sample(std::size_t k) {
    return {states_.data() + k * layout_.size(), layout_.size()};
  }

  [[nodiscard]] const Layout& layout() const noexcept { return layout_; }
  [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
  [[nodiscard]] double interval() const noexcept { return interval_; }
  [[nodiscard]] double time(std::size_t k) const noexcept { return start_ + static_cast<double>(k) * interval_; }
  /// First sample and one past the last whose times lie between two times, to half an interval: times are rounded.
  [[nodiscard]] std::pair<std::size_t, std::size_t> between(double begin, double end) const noexcept {
    const double slack = 0.5 * interval_;
    std::size_t first = 0;
    while (first < samples_ && time(first) < begin - slack) ++first;
    std::size_t last = samples_;
    while (last > first && time(last - 1) > end + slack) --last;
    return {first, last};
  }
  /// the state at time(k), all populations and columns
  [[nodiscard]] std::span<const double> state(std::size_t k) const {
    return {states_.data() + k * layout_.size(), layout_.size()};
  }

 private:
  Layout layout_;
  double start_ = 0, interval_ = 1;
  std::size_t samples_ = 0;
  State states_;
};

}  // namespace dynvert
