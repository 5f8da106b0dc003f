#pragma once

/// Faults of the HDF5 library itself, told from those of dynvert.

#include <functional>
#include <optional>
#include <string>

namespace dynvert::fuzz {

/// Runs `body` in a process of its own.
/// @return where the library crashed or hung, by its innermost function that is exported: "H5O_msg_read"; nothing:
///         all was well. Any other end of the process ends this one, too, with the report.
[[nodiscard]] std::optional<std::string> library_fault(const std::function<void()>& body);

}  // namespace dynvert::fuzz
