#pragma once

/// The folder of a sweep: no second sweep in it, what stands in it already, and its index.

#include <dynvert/sim/platform/file_descriptor.hpp>
#include <dynvert/sim/sweep/index.hpp>
#include <dynvert/sim/sweep/plan.hpp>

#include <cstddef>
#include <string>
#include <unordered_set>
#include <vector>

namespace dynvert {

class SweepFolder {
 public:
  /// Makes the folder where there is none, unless it is to be resumed, and locks it. A sweep that is resumed may have
  /// more points than before. With --overwrite, what an earlier run of the same sweep has left is removed.
  /// @throws IoError     it cannot be made or written; it is in use; it holds what must not be replaced; there is
  ///                     nothing to resume
  ///         ValueError  it holds another sweep, or runs whose numbers would differ
  SweepFolder(const SweepArguments& arguments, const SweepPlan& plan);

  /// The run file of a point.
  [[nodiscard]] std::string file_of(std::size_t point) const;
  /// What stands there of each point.
  [[nodiscard]] std::vector<PointState> states() const;

  /// Writes the index, whole or not at all. @throws IoError
  void write_index(const std::vector<PointState>& states);

 private:
  void check_new() const;
  void check_resumed();
  void remove_earlier() const;
  /// Of the sweep whose index stands there, in what it differs.
  [[nodiscard]] std::string difference(Points points) const;

  const SweepArguments& arguments_;
  const SweepPlan& plan_;
  FileDescriptor lock_;
  std::string index_;
  std::unordered_set<std::size_t> readable_;  ///< points whose files check_resumed could read
};

}  // namespace dynvert
