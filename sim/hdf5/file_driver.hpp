#pragma once

/// The file driver through which HDF5 writes dynvert's files.
///
/// HDF5 1.10 crashes when the system refuses a write (measured: a segmentation fault at the limit of the file size). So
/// the library is told that every write went well, and whoever uses the file asks it for its `error` after each call.

#include <hdf5.h>

#include <dynvert/sim/platform/transactional_file.hpp>

namespace dynvert::h5 {

/// Registers the driver with HDF5. @return its identifier (to be unregistered with H5FDunregister), negative on failure
[[nodiscard]] hid_t register_write_driver() noexcept;

/// Makes a file access property list use the driver with `target`, which must outlive the HDF5 file.
/// @return negative on failure
[[nodiscard]] herr_t use_write_driver(hid_t access_list, hid_t driver, TransactionalFile& target) noexcept;

}  // namespace dynvert::h5
