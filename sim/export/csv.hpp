#pragma once

/// Tables as RFC 4180 has them: lines that end with CR LF, fields with a comma, a quote or a line break between quotes.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

[[nodiscard]] std::string csv_field(const std::string& text);

/// A number that reads back as the same double; NaN, Inf, -Inf. @param integer  a whole number
[[nodiscard]] std::string csv_number(double value, bool integer = false);

/// The fields of a line, with its end.
[[nodiscard]] std::string csv_line(const std::vector<std::string>& fields);

/// The lines of a table, the header first. Lines may end with LF alone.
/// @return nothing: a quote that is never closed, or that stands where none may
[[nodiscard]] std::optional<std::vector<std::vector<std::string>>> parse_csv(std::string_view text);

}  // namespace dynvert
