// The points of an experiment without learning, one after the other.

#include <dynvert/sim/inspect/inspect.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

constexpr std::size_t rows_in_memory = std::size_t{1} << 16;

/// Of a value for each trial and loop, or layer.
struct Measured {
  const TrialMeasure* measure;
  std::vector<std::string> datasets;
};

/// The grid as it is read, block by block.
class GridReader {
 public:
  GridReader(const RunReader& file, std::string group) : file_(file), group_(std::move(group)) {
    for (const TrialMeasure& measure : measures()) {
      auto datasets = datasets_of(file, group_, measure.name);
      if (measure.summary != OverTrials::nothing && !datasets.empty()) measures_.push_back({&measure, datasets});
    }
    converged_ = datasets_of(file, group_, "converged");
    trials_ = file.length(group_ + "/alpha");
    const auto limit = [&](const std::string& dataset) { trials_ = std::min(trials_, file.length(dataset)); };
    for (const auto& measured : measures_) std::ranges::for_each(measured.datasets, limit);
    std::ranges::for_each(converged_, limit);
    for (const char* name : {"tau_u", "tau_delta"}) limit(fmt::format("{}/{}", group_, name));
  }

  std::vector<GridPoint> read() {
    for (std::size_t first = 0; first < trials_; first += rows_in_memory) {
      const std::size_t count = std::min(rows_in_memory, trials_ - first);
      const auto rows = [&](const std::string& dataset) { return file_.rows(dataset, first, count).values; };
      const auto alpha = rows(group_ + "/alpha"), tau_u = rows(group_ + "/tau_u"),
                 tau_delta = rows(group_ + "/tau_delta");
      // trials of one point come one after the other
      for (std::size_t begin = 0, end = 0; begin < count; begin = end) {
        const auto same = [&](std::size_t k) { return alpha[k] == alpha[begin] && tau_u[k] == tau_u[begin]; };
        for (end = begin + 1; end < count && same(end);) ++end;
        if (points_.empty() || points_.back().alpha != alpha[begin] || tau_u_ != tau_u[begin]) {
          finish();
          points_.push_back({.alpha = alpha[begin], .ratio = tau_u[begin] / tau_delta[begin]});
          tau_u_ = tau_u[begin];
        }
        points_.back().samples += end - begin;
        take(first + begin, end - begin);
      }
    }
    finish();
    return std::move(points_);
  }

 private:
  void take(std::size_t first, std::size_t count) {
    for (std::size_t m = 0; m < measures_.size(); ++m) {
      for (const std::string& dataset : measures_[m].datasets) {
        const auto values = file_.rows(dataset, first, count).values;
        values_[m].insert(values_[m].end(), values.begin(), values.end());
      }
    }
    std::vector<bool> settled(count, true), defined(count, true);
    for (const std::string& dataset : converged_) {
      const auto flags = file_.rows(dataset, first, count).values;
      for (std::size_t k = 0; k < count; ++k) {
        settled[k] = settled[k] && flags[k] == 1;
        defined[k] = defined[k] && flags[k] != not_defined_flag;
      }
    }
    settled_ += static_cast<std::size_t>(std::ranges::count(settled, true));
    defined_ += static_cast<std::size_t>(std::ranges::count(defined, true));
  }

  /// The point is complete.
  void finish() {
    if (points_.empty()) {
      values_.assign(measures_.size(), {});
      return;
    }
    GridPoint& point = points_.back();
    if (!converged_.empty() && defined_ > 0)
      point.settled_fraction = static_cast<double>(settled_) / static_cast<double>(point.samples);
    for (std::size_t m = 0; m < measures_.size(); ++m) {
      const TrialMeasure& measure = *measures_[m].measure;
      point.medians.emplace_back(&measure, median_of(std::move(values_[m]), measure.late_where_missing));
      values_[m].clear();
    }
    settled_ = defined_ = 0;
  }

  const RunReader& file_;
  std::string group_;
  std::vector<Measured> measures_;
  std::vector<std::string> converged_;
  std::size_t trials_ = 0;
  std::vector<GridPoint> points_;
  double tau_u_ = 0;                         // of the last point
  std::vector<std::vector<double>> values_;  // of the last point, by measure
  std::size_t settled_ = 0, defined_ = 0;    // trials of the last point
};

}  // namespace

double median_of(std::vector<double> values, bool late_where_missing) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (late_where_missing) {
    for (double& v : values) v = std::isnan(v) ? infinite : v;
  } else {
    const std::size_t all = values.size();
    std::erase_if(values, [](double v) { return !std::isfinite(v); });
    if (2 * values.size() < all) values.clear();
  }
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<GridPoint> summarise_grid(const RunReader& file, const std::string& model) {
  const std::string group = fmt::format("/models/{}/grid", model);
  for (const char* name : {"alpha", "tau_u", "tau_delta"}) {
    if (!file.has(fmt::format("{}/{}", group, name))) return {};
  }
  return GridReader(file, group).read();
}

}  // namespace dynvert
