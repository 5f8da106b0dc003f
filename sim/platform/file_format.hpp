#pragma once

/// What a file is that is not what it should be: people have data in many formats.

#include <optional>
#include <span>
#include <string>

namespace dynvert {

struct FileFormat {
  std::string name;    ///< "a NumPy archive (.npz)"
  std::string remedy;  ///< how its contents become HDF5, or what else helps; empty: nothing is known
};

/// @param head  the first bytes of the file, a few hundred. @return nothing: none that is known
[[nodiscard]] std::optional<FileFormat> recognise_format(std::span<const char> head);

/// The same for a file on the disk. @return nothing where it cannot be read, too
[[nodiscard]] std::optional<FileFormat> recognise_format(const std::string& path);

}  // namespace dynvert
