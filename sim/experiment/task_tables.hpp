#pragma once

/// /task holds two tables: the samples, written once where they were drawn, and the order of the trials, which grows.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/record/columns.hpp>
#include <dynvert/sim/record/recorder.hpp>
#include <dynvert/sim/tasks/task.hpp>

#include <cstddef>
#include <span>

namespace dynvert {

[[nodiscard]] GroupSpec samples_group(const Config& config);
/// Writes the samples. @throws ValueError  the recorder holds others
void store_samples(const Config& config, const Dataset& data, Recorder& recorder);

struct OrderRow {
  std::size_t trial;
  std::span<const std::size_t> samples;  ///< that it shows
};
[[nodiscard]] Table<OrderRow> order_table(const Config& config);

}  // namespace dynvert
