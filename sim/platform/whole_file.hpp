#pragma once

#include <string>
#include <string_view>

namespace dynvert {

/// Writes a file at once: it is there with all of its contents, or not at all.
/// @param overwrite  whether an existing regular file may be replaced, if it begins with `signature`: one that this
///                   program has written, and no other
/// @throws IoError  it exists and must not be replaced; it cannot be written
void write_whole_file(const std::string& path, std::string_view contents, bool overwrite, std::string_view signature);

}  // namespace dynvert
