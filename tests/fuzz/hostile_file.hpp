#pragma once

/// Valid HDF5 files whose content is hostile. HDF5 1.10 itself crashes on some damaged files; what it writes itself it
/// reads, so that what is met here are dynvert's own faults.

#include <fuzzer/FuzzedDataProvider.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace dynvert::fuzz {

/// Changes a file in place, as the bytes say: objects are removed, renamed, linked in circles and to elsewhere,
/// replaced by datasets of other types, shapes and sizes; attributes are lost, added and lie; numbers are overwritten.
/// @param elsewhere  a file that external links and storage name
void spoil(const std::string& path, const std::string& elsewhere, FuzzedDataProvider& bytes);

/// Appends the journal of a commit that was cut short, intact but for what it says.
void append_journal(int descriptor, FuzzedDataProvider& bytes);

/// Identifiers of HDF5 that are open: reading must leave no more of them than it found. (Failing calls of `spoil` do.)
[[nodiscard]] long open_identifiers();

}  // namespace dynvert::fuzz
