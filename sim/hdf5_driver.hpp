#pragma once

/// The file driver through which dynvert lets HDF5 write.

#include <hdf5.h>

#include <cstdint>

namespace dynvert::h5 {

/// A POSIX file descriptor that HDF5 writes to, and the first fault that writing met. HDF5 1.10 crashes when the file
/// system refuses a write (measured: a segmentation fault at the limit of the file size); so the library is told that
/// all went well, nothing more is written after the first fault, and whoever uses the file asks for `error` after each
/// call.
struct WriteTarget {
  int descriptor = -1;     ///< open for reading and writing; stays the owner's
  int error = 0;           ///< errno of the first write that failed; 0: none
  std::uint64_t size = 0;  ///< bytes that the file has, as far as HDF5 knows
  std::uint64_t used = 0;  ///< bytes that HDF5 has allotted
};

/// Asks the file system for the room that HDF5 has allotted, so that a full disk shows before the metadata are touched.
/// Where the file system cannot do that, nothing happens.
void reserve(WriteTarget& target) noexcept;

/// Registers the driver with HDF5. @return its identifier (to be unregistered with H5FDunregister), negative on failure
[[nodiscard]] hid_t register_write_driver() noexcept;

/// Makes a file access property list use the driver with `target`, which must outlive the file.
/// @return negative on failure
[[nodiscard]] herr_t use_write_driver(hid_t access_list, hid_t driver, WriteTarget& target) noexcept;

}  // namespace dynvert::h5
