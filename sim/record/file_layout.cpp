#include <dynvert/sim/record/file_layout.hpp>

#include <algorithm>

namespace dynvert {
namespace {

constexpr std::size_t smallest_chunk = std::size_t{64} << 10;  // bytes
constexpr std::size_t largest_chunk = std::size_t{1} << 20;

/// HDF5's bookkeeping, measured on files of both kinds: of a group with the table of its names, and of a dataset with
/// its attributes and the references between it and its axes.
constexpr double group_bytes = 1300;
constexpr double dataset_bytes = 1100;

/// A node of the tree that finds chunks (HDF5 file format, B-trees of version 1): 64 children, 65 keys of a size, a
/// filter mask and an offset for each axis and the element.
double chunk_tree_bytes(std::size_t axes, double chunks) {
  constexpr double children = 64;
  const double node = 24 + 8 * children + (children + 1) * (8 + 8 * static_cast<double>(axes + 1));
  // nodes that split are half full
  return node * (1 + (chunks > children ? chunks / (0.5 * children) : 0));
}

double axes_bytes(const GroupSpec& spec) {
  double bytes = group_bytes;
  for (const Axis& axis : spec.axes) bytes += dataset_bytes + static_cast<double>(axis.values.size() * sizeof(double));
  return bytes;
}

}  // namespace

std::vector<std::size_t> shape_of(const GroupSpec& spec, const DatasetSpec& dataset, std::size_t rows) {
  std::vector<std::size_t> shape{rows};
  for (const std::string& axis : dataset.axes) {
    shape.push_back(std::ranges::find(spec.axes, axis, &Axis::name)->values.size());
  }
  return shape;
}

std::vector<std::size_t> chunk_shape(std::vector<std::size_t> extent, std::optional<std::size_t> expected_rows) {
  std::size_t bytes = sizeof(double);
  std::size_t axis = extent.size() - 1;
  for (; axis > 0; --axis) {
    if (extent[axis] > largest_chunk / bytes) {
      // Parts of equal size waste least at the end.
      const std::size_t most = largest_chunk / bytes;
      const std::size_t parts = (extent[axis] + most - 1) / most;
      extent[axis] = (extent[axis] + parts - 1) / parts;
      break;
    }
    bytes *= extent[axis];
  }
  if (axis > 0) {
    std::fill(extent.begin(), extent.begin() + static_cast<std::ptrdiff_t>(axis), std::size_t{1});
    return extent;
  }
  extent[0] = std::max<std::size_t>(1, (smallest_chunk + bytes - 1) / bytes);
  if (expected_rows) extent[0] = std::clamp<std::size_t>(*expected_rows, 1, extent[0]);
  return extent;
}

StoredSize stored_size(const GroupSpec& spec, std::size_t rows, std::size_t expected_rows) {
  StoredSize size{.file = axes_bytes(spec)};
  for (const DatasetSpec& dataset : spec.datasets) {
    const auto shape = shape_of(spec, dataset, rows);
    const auto chunk = chunk_shape(shape, expected_rows);
    double chunks = 1;
    double bytes = sizeof(double);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      chunks *= static_cast<double>((shape[i] + chunk[i] - 1) / chunk[i]);
      bytes *= static_cast<double>(chunk[i]);
    }
    size.file += dataset_bytes + chunks * bytes + (rows > 0 ? chunk_tree_bytes(shape.size(), chunks) : 0);
    size.memory += rows > 0 ? bytes : 0;
  }
  return size;
}

StoredSize stored_state_size(const GroupSpec& spec) {
  StoredSize size{.file = axes_bytes(spec)};
  for (const DatasetSpec& dataset : spec.datasets) {
    double bytes = sizeof(double);
    for (const std::size_t n : shape_of(spec, dataset, state_rows)) bytes *= static_cast<double>(n);
    size.file += dataset_bytes + bytes;
  }
  return size;
}

}  // namespace dynvert
