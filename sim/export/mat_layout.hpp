#pragma once

/// Where the numbers stand in a level-5 MAT-file: "MAT-File Format", The MathWorks, chapter 1. libmatio writes level 5
/// from memory only, whole variables at a time. So it is given zeros that take no memory, in the shape that is wanted,
/// and the numbers are put in place afterwards, a block at a time; this finds the places.

#include <cstdint>
#include <string>
#include <vector>

namespace dynvert {

struct MatArray {
  std::uint64_t address = 0;  ///< of its first number
  std::uint64_t bytes = 0;
};

/// The arrays of doubles of a file, in the order in which they stand, fields of structs among them.
/// @throws IoError  what libmatio wrote is not whole: a full disk, which it does not tell
[[nodiscard]] std::vector<MatArray> find_arrays(int descriptor, const std::string& name);

}  // namespace dynvert
