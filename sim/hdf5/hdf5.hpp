#pragma once

/// A small layer over the HDF5 1.10 C API: each call that dynvert needs is wrapped once, and a call that fails throws
/// an IoError whose message carries the library's own explanation. HDF5's printing of errors is held back for the
/// length of one call and on the calling thread only; a program that links dynvert keeps the setting that it chose.

#include <hdf5.h>

#include <dynvert/sim/hdf5/attribute.hpp>
#include <dynvert/sim/hdf5/file_driver.hpp>
#include <dynvert/sim/platform/io_error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace dynvert::h5 {

/// Owner of one HDF5 identifier. Move-only; closes on destruction and never throws there.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Closer closer) noexcept : id_(id), closer_(closer) {}
  Handle(Handle&& other) noexcept;
  Handle& operator=(Handle&& other) noexcept;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { reset(); }

  [[nodiscard]] hid_t id() const noexcept { return id_; }
  [[nodiscard]] bool open() const noexcept { return id_ >= 0; }
  void reset() noexcept;

 private:
  hid_t id_ = H5I_INVALID_HID;
  Closer closer_ = nullptr;
};

/// A file, with the path that its errors name.
struct File {
  Handle handle;
  std::string path;
  bool has_locks = true;  ///< false: the file system has none, so that one who writes it is not noticed
};

/// Creates an HDF5 file (bounds EARLIEST..V18) in the empty file `target`, which must outlive the handle.
[[nodiscard]] File create_file(TransactionalFile& target, const std::string& path);

/// Opens the HDF5 file that `target` holds for reading and writing; `target` must outlive the handle.
[[nodiscard]] File open_transactional(TransactionalFile& target, const std::string& path);

/// Opens the file itself, without HDF5. @return its descriptor
/// @throws IoError where it is missing, a folder, not to be opened, or has no HDF5 signature
[[nodiscard]] int open_descriptor(const std::string& path, bool writing);

/// Opens for reading. Says plainly when the file is missing, a folder, not HDF5, truncated, being written, or left in
/// the middle of a commit.
[[nodiscard]] File open_file(const std::string& path);

/// Hands everything to the file driver.
void flush(const File& file);

/// @return whether an object stands at this absolute path; false also where a part of the path is no group
/// @throws IoError  a part of the path is a link to another file
[[nodiscard]] bool has(const File& file, const std::string& path);

/// Creates a group and those above it that are missing; none may be there already as something else.
void create_group(const File& file, const std::string& path);

/// @return names of what is in a group, in order of creation where the file keeps it, else by name
[[nodiscard]] std::vector<std::string> children(const File& file, const std::string& group);

/// The same of a file that dynvert wrote, where every object has one name: what is done for each group below a group
/// ends.
/// @throws IoError  the group has links, or more names than one, or lies deeper than those of any run
[[nodiscard]] std::vector<std::string> tree_children(const File& file, const std::string& group);

[[nodiscard]] bool is_group(const File& file, const std::string& path);

/// Creates or changes an attribute. Invalid UTF-8 and NUL become U+FFFD.
void write_attribute(const File& file, const std::string& object, const std::string& name, const AttributeValue& value);

/// @return the attribute; nothing where there is none, or where it is an array or of another type
[[nodiscard]] std::optional<AttributeValue> read_attribute(const File& file, const std::string& object,
                                                           const std::string& name);

[[nodiscard]] std::vector<std::string> attribute_names(const File& file, const std::string& object);

enum class Type { float64, float32, int64, uint8, other };

/// An open dataset.
struct Dataset {
  Handle handle;
  std::string name;  ///< "FILE:/path", for messages
  Type type = Type::other;
  std::vector<std::size_t> shape;  ///< as it was opened or last resized
  /// created or opened for rows to be appended, and each row is one chunk, stored as it is in memory
  bool row_is_chunk = false;
};

struct Creation {
  Type type = Type::float64;  ///< float64 (fill value NaN) or int64 (fill value -1)
  std::vector<std::size_t> shape;
  std::vector<std::size_t> chunk;  ///< empty: contiguous; else chunked and, if `grows`, unlimited along axis 0
  bool grows = false;
  int compression = 0;  ///< gzip level 0..9, of chunked datasets
};

[[nodiscard]] Dataset create_dataset(const File& file, const std::string& path, const Creation& creation);

enum class Caching { as_hdf5, one_chunk };
/// @param caching  one_chunk: for rows to be appended, as create_dataset has it
/// @throws IoError  none is there; its values are in another file; it declares more values, or larger chunks, than a
/// file
///                  of this size could hold
[[nodiscard]] Dataset open_dataset(const File& file, const std::string& path, Caching caching = Caching::as_hdf5);

/// Where in the file the values of a contiguous dataset stand; nothing where none were written.
[[nodiscard]] std::optional<std::uint64_t> address_of(const Dataset& dataset);

/// Unlinks a group or dataset; no handle of it may be open.
void remove(const File& file, const std::string& path);

/// Sets the length of axis 0.
void resize(Dataset& dataset, std::size_t rows);

/// Writes rows first .. first + count - 1 in C order. Integers must be whole (the caller checks).
void write_rows(const Dataset& dataset, std::size_t first, std::size_t count, std::span<const double> values);

/// Writes the whole dataset in C order.
void write_all(const Dataset& dataset, std::span<const double> values);

/// Reads rows first .. first + count - 1 in C order, whatever real or integer type they have; 0-d: one row.
[[nodiscard]] std::vector<double> read_rows(const Dataset& dataset, std::size_t first, std::size_t count);

/// Reads elements first .. first + count - 1 of axis 1 of one row, in C order.
/// @throws ValueError  for what the dataset does not have
[[nodiscard]] std::vector<double> read_stretch(const Dataset& dataset, std::size_t row, std::size_t first,
                                               std::size_t count);

/// @return for each axis the name of its dimension scale; empty where it has none
[[nodiscard]] std::vector<std::string> axis_names(const Dataset& dataset);

/// Makes a 1-d dataset a dimension scale.
void make_scale(const Dataset& dataset, const std::string& name);
void attach_scale(const Dataset& dataset, const Dataset& scale, std::size_t axis);
[[nodiscard]] bool is_attached(const Dataset& dataset, const Dataset& scale, std::size_t axis);

}  // namespace dynvert::h5
