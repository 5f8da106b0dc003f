#pragma once

/// Where the text of a TOML string stands in its file, so that faults within it have their own line and column.

#include <dynvert/models/equations/source.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace dynvert {

/// @param text  of the file, @param file  its name, @param line, column  where the string's first quote is, 1-based
/// @param value  what the string says. With escapes in it, or a key in place of a string, its beginning is all that can
///               be named.
[[nodiscard]] std::shared_ptr<const equations::Source> source_of_string(const std::string& text,
                                                                        const std::string& file, std::size_t line,
                                                                        std::size_t column, const std::string& value);

}  // namespace dynvert
