#pragma once

/// What is recorded, as data: a *group* of the file is a set of datasets that share a row dimension (trial, evaluation,
/// snapshot, record) and grow row by row. The engine fills row buffers; a recorder (sim/record/run_file.hpp writes
/// HDF5) appends them and clears them. Nothing here knows of files, and nothing here grows with the number of trials.

#include <dynvert/sim/hdf5/attribute.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace dynvert {

/// A named axis of a dataset and its coordinates, one value a position. Written as a dimension scale.
struct Axis {
  std::string name = {};            ///< "unit_2", "time"
  std::vector<double> values = {};  ///< coordinates; written as int64 where `integer`
  bool integer = true;
  std::string units = "1";
  std::string description = {};
};

enum class ValueType { real, integer };

/// One dataset: `row dimension` x the axes named in `axes`.
struct DatasetSpec {
  std::string name = {};  ///< matches [A-Za-z_][A-Za-z0-9_]*
  ValueType type = ValueType::real;
  std::vector<std::string> axes = {};  ///< names of axes of the group; empty: one value a row
  std::string units = "1";
  std::string description = {};  ///< the attribute long_name
  std::string legend = {};       ///< of a flag: "0 no, 1 yes"; empty otherwise
  /// what it is for, by which readers find it: role, layer, loop, .. (docs/file-format.md)
  std::vector<Attribute> attributes = {};
};

/// A group: `path` ("/models/DI/learning"), its row dimension, its axes and its datasets.
struct GroupSpec {
  std::string path = {};
  std::string row_dimension =
      {};  ///< "trial": an int64 dataset of this name is the first of `datasets` and is the scale
  std::vector<Axis> axes = {};
  std::vector<DatasetSpec> datasets = {};
  std::vector<std::pair<std::string, std::string>> attributes = {};
};

/// Numbers in one row of all datasets.
[[nodiscard]] inline std::size_t values_in_row(const GroupSpec& group) {
  std::size_t values = 0;
  for (const DatasetSpec& d : group.datasets) {
    std::size_t n = 1;
    for (const std::string& name : d.axes) n *= std::ranges::find(group.axes, name, &Axis::name)->values.size();
    values += n;
  }
  return values;
}

/// What a column of reals holds where there is no value.
inline constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

/// Rows waiting to be written: per dataset of the spec a flat buffer, row after row, C order within a row.
/// Integer datasets hold whole numbers (exact in a double up to 2^53).
struct Rows {
  explicit Rows(const GroupSpec& spec) : values(spec.datasets.size()) {}
  std::size_t count = 0;
  std::vector<std::vector<double>> values = {};

  void clear() {
    count = 0;
    for (auto& v : values) v.clear();
  }
};

}  // namespace dynvert
