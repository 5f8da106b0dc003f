#pragma once

#include <string>

namespace dynvert {

/// SHA-256 of the file's bytes (FIPS 180-4), in hexadecimal: what sha256sum prints.
/// @throws IoError  the file cannot be read
[[nodiscard]] std::string file_sha256(const std::string& path);

}  // namespace dynvert
