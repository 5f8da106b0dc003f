#pragma once

/// Samples made few enough to be drawn, without losing what a reader looks for.

#include <cstddef>
#include <map>
#include <span>
#include <vector>

namespace dynvert {

/// Keeps some of the samples that arrive one after the other, each of `columns` values. Up to `limit` samples: all. Of
/// more: the first and the last; the samples at which a column is least and greatest of all; and, of limit / 2
/// intervals of equal length, the two at which the sample is smallest and largest (by its value if it has one column,
/// else by its Euclidean norm). So what is kept are samples as they were, at their own places, at most limit + 2
/// columns + 2 of them, and no extreme of a column is lost. A sample that is not finite stands for its interval only
/// where that has no other: a gap stays a gap.
class Downsampler {
 public:
  struct Kept {
    std::vector<std::size_t> samples;  ///< their numbers, ascending
    std::vector<double> values;        ///< samples x columns, C order
  };

  /// @param samples  how many will come. @throws ValueError  no columns, or a limit below 4
  Downsampler(std::size_t samples, std::size_t columns, std::size_t limit);

  /// @param sample  `columns` values
  void push(std::span<const double> sample);

  /// What was kept of the samples so far.
  [[nodiscard]] Kept take();

 private:
  struct Candidate {
    std::size_t number = 0;
    double size = 0;
    std::vector<double> values;  // empty: none yet
  };
  void consider(Candidate& best, bool greater, double size, std::span<const double> sample) const;
  void close_interval();
  void keep(const Candidate& candidate);

  std::size_t columns_, interval_;
  std::size_t next_ = 0;  // number of the sample that comes next
  std::map<std::size_t, std::vector<double>> kept_;
  Candidate gap_, smallest_, largest_, last_;  // of the interval; last_ of all
  std::vector<Candidate> least_, greatest_;    // by column, of all
};

}  // namespace dynvert
