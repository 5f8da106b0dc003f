#pragma once

/// What each call of the HDF5 library is wrapped in. Of use to sim/hdf5*.cpp only.

#include <hdf5.h>

#include <dynvert/sim/hdf5/hdf5.hpp>

#include <string>

namespace dynvert::h5 {

/// Ends this process by SIGPROF as soon as one call of the library takes more processor time. For child processes
/// whose end is foreseen (first_pass.hpp), and for good: calls cannot be given up in another way. A child calls it
/// before it calls the library.
void limit_calls(unsigned seconds);

/// Holds back HDF5's printing on this thread while it lives, and is what limit_calls goes by.
class Quiet {
 public:
  Quiet();
  ~Quiet();
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// The library's explanation of the failure just met: its outermost and its innermost message.
[[nodiscard]] std::string explanation();

/// The identifier as an owner. @throws IoError that names the object where the call failed
Handle owned(hid_t id, Handle::Closer closer, const std::string& object, const char* doing);

/// @throws IoError that names the object where the call failed
void checked(herr_t result, const std::string& object, const char* doing);

/// "FILE:/path", as messages name what is in a file
std::string inside(const File& file, const std::string& path);

/// A group or dataset. @throws IoError
Handle open_object(const File& file, const std::string& path);

/// The booleans of h5py: an enumeration FALSE = 0, TRUE = 1 in one byte.
[[nodiscard]] bool is_boolean(hid_t type);
/// Whether the values of a dataset convert to doubles without surprise.
[[nodiscard]] bool is_numeric(hid_t dataset, const std::string& name);

[[noreturn]] void fail(const std::string& object, const std::string& doing);

}  // namespace dynvert::h5
