#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dynvert {

/// The text with each byte that is no part of valid UTF-8, and NUL, as U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// The number of code points of valid UTF-8.
[[nodiscard]] std::size_t count_characters(std::string_view utf8);

}  // namespace dynvert
