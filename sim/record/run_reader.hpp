#pragma once

/// Reads files of the format dynvert-1.

#include <dynvert/sim/hdf5/hdf5.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

class RunReader {
 public:
  /// Rows of a dataset: values in C order, shape with the rows first.
  struct Slab {
    std::vector<std::size_t> shape;
    std::vector<double> values;
  };

  /// Opens for reading.
  /// @throws IoError when the file is missing, not HDF5, truncated, being written, not dynvert's, or of a newer format
  explicit RunReader(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept { return file_.path; }

  /// Whether the file system could lock the file; false: a process that writes it is not noticed.
  [[nodiscard]] bool has_locks() const noexcept { return file_.has_locks; }

  /// Names of the models, in the order in which they were written.
  [[nodiscard]] std::vector<std::string> models() const;

  /// Whether a group or dataset is there ("/models/DI/learning/angle_ndi_2").
  [[nodiscard]] bool has(const std::string& path) const;

  [[nodiscard]] bool is_group(const std::string& path) const;
  /// Whether a dataset holds integers. @throws IoError where there is no such dataset
  [[nodiscard]] bool is_integer(const std::string& dataset) const;

  /// Names of what is in a group, in the order in which it was written. @throws IoError where there is no such group
  [[nodiscard]] std::vector<std::string> children(const std::string& group) const;

  /// Attributes of a group or dataset, by name; arrays are left out. @throws IoError where there is no such object
  [[nodiscard]] std::vector<Attribute> attributes(const std::string& object) const;

  /// One attribute; nothing where there is none.
  [[nodiscard]] std::optional<AttributeValue> attribute(const std::string& object, const std::string& name) const;

  /// @throws IoError where there is no such dataset
  [[nodiscard]] std::vector<std::size_t> shape(const std::string& dataset) const;

  /// A one-dimensional dataset, whole. @throws IoError where it is not there, or has not one dimension
  [[nodiscard]] std::vector<double> column(const std::string& dataset) const;

  /// One value of a one-dimensional dataset. @throws as column(); ValueError for a row that it does not have
  [[nodiscard]] double value(const std::string& dataset, std::size_t row) const;

  /// The length of a one-dimensional dataset. @throws as column()
  [[nodiscard]] std::size_t length(const std::string& dataset) const;

  /// Rows first .. first + count - 1 of a dataset with at least one dimension.
  /// @throws IoError where it is not there; ValueError for rows that it does not have
  [[nodiscard]] Slab rows(const std::string& dataset, std::size_t first, std::size_t count) const;

  /// Elements first .. first + count - 1 of axis 1 of one row, for rows too large to be read at once; shape without the
  /// row. @throws as rows()
  [[nodiscard]] Slab part(const std::string& dataset, std::size_t row, std::size_t first, std::size_t count) const;

  /// Names of the axes, "" for one without a name. @throws IoError where there is no such dataset
  [[nodiscard]] std::vector<std::string> axes(const std::string& dataset) const;

 private:
  [[nodiscard]] h5::Dataset open_column(const std::string& dataset) const;

  h5::File file_;
};

}  // namespace dynvert
