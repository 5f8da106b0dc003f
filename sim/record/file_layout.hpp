#pragma once

/// How the tables of a run are laid out in its file, and what room they take.

#include <dynvert/sim/record/table.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace dynvert {

/// Rows of a state: the one of the last commit, and the one of the next.
inline constexpr std::size_t state_rows = 2;

/// Rows, and the axes of a dataset.
[[nodiscard]] std::vector<std::size_t> shape_of(const GroupSpec& spec, const DatasetSpec& dataset, std::size_t rows);

/// How a dataset is cut: whole rows until a chunk has 64 KiB; a row above 1 MiB is cut itself, from its first axis on.
/// @param extent         the row dimension, of which the first entry is not looked at, and the axes
/// @param expected_rows  how many rows will come, if known
[[nodiscard]] std::vector<std::size_t> chunk_shape(std::vector<std::size_t> extent,
                                                   std::optional<std::size_t> expected_rows);

/// Bytes of a group.
struct StoredSize {
  double file = 0;    ///< in the file, without compression: values in whole chunks, axes, and HDF5's bookkeeping
  double memory = 0;  ///< buffers while rows are appended
};

/// @param rows           that the group has in the end
/// @param expected_rows  when it is made
[[nodiscard]] StoredSize stored_size(const GroupSpec& spec, std::size_t rows, std::size_t expected_rows);
/// The same of a state.
[[nodiscard]] StoredSize stored_state_size(const GroupSpec& spec);

}  // namespace dynvert
