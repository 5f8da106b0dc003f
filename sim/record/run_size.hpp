#pragma once

/// The memory and the file that a run needs, added up before it runs.

#include <dynvert/sim/record/table.hpp>

#include <cstddef>

namespace dynvert {

/// Rows that may wait in memory for the file, in bytes; those of a single trial may be more.
inline constexpr std::size_t max_waiting = std::size_t{1} << 20;
/// Changes of committed data that may wait in memory for the next commit, in bytes.
inline constexpr std::size_t max_held = std::size_t{16} << 20;

/// What a run needs, without running it.
struct Estimate {
  std::size_t memory_bytes = 0;
  std::size_t file_bytes = 0;       ///< without compression
  std::size_t automatic_bytes = 0;  ///< on top, at most: trials that diverge or do not settle
};

class RunSize {
 public:
  /// A group that grows with the trials.
  /// @param rows           that it has in the end
  /// @param rows_at_most   with those that are recorded automatically
  void add(const GroupSpec& group, std::size_t rows, std::size_t rows_at_most);
  /// A group that is written at the start.
  void add_at_once(const GroupSpec& group, std::size_t rows);
  /// See RunFile::add_state.
  void add_state(const GroupSpec& group);
  /// Numbers in memory.
  void add_memory(double values) { values_ += values; }
  /// Numbers of the file that are written once more in the end.
  void add_rewritten(double values) { rewritten_ += values; }

  [[nodiscard]] Estimate estimate() const;

 private:
  double file_ = 0, automatic_ = 0, buffers_ = 0, values_ = 0, waiting_ = 0, rewritten_ = 0;
};

}  // namespace dynvert
