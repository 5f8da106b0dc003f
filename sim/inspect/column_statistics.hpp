#pragma once

/// Statistics of recorded columns in bounded memory, however long they are.

#include <dynvert/sim/record/run_reader.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace dynvert {

/// Calls back with each block of rows of one-dimensional datasets, one dataset after the other.
void for_each_block(const RunReader& file, std::span<const std::string> datasets,
                    const std::function<void(std::span<const double>)>& block);

struct ColumnStatistics {
  std::size_t count = 0;                       ///< values that count
  std::size_t missing = 0;                     ///< those that do not
  double least = 0, median = 0, greatest = 0;  ///< NaN where nothing counts
  double last = 0;  ///< the last value of the last dataset, whether it counts or not; NaN where there is none
};

/// What a NaN of a column is to the median.
enum class MissingValue {
  left_out,
  infinite  ///< a settling time: what did not settle settles later than any other
};

/// Of all datasets together. NaN and infinity do not count, nor do negative values where `flags` (marks of what is not
/// known), but for the median with MissingValue::infinite, which is infinite where half or more are missing. The median
/// is exact (of an even number the mean of the two in the middle): found digit by digit, each of them a pass over the
/// file, until what is left fits into memory.
/// @param in_memory  so many values
[[nodiscard]] ColumnStatistics column_statistics(const RunReader& file, std::span<const std::string> datasets,
                                                 bool flags = false, std::size_t in_memory = std::size_t{1} << 21,
                                                 MissingValue missing = MissingValue::left_out);

}  // namespace dynvert
