#include <dynvert/sim/export/csv.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace dynvert {

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string csv_number(double value, bool integer) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Inf" : "-Inf";
  // of a real the shortest text that reads back as the same double
  return integer ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value);
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::vector<std::string> quoted(fields.size());
  std::ranges::transform(fields, quoted.begin(), csv_field);
  return fmt::format("{}\r\n", fmt::join(quoted, ","));
}

std::optional<std::vector<std::vector<std::string>>> parse_csv(std::string_view text) {
  std::vector<std::vector<std::string>> lines;
  while (!text.empty()) {
    std::vector<std::string> fields;
    for (bool more = true; more;) {
      std::string field;
      if (text.starts_with('"')) {
        text.remove_prefix(1);
        for (;;) {
          const auto end = text.find('"');
          if (end == std::string_view::npos) return std::nullopt;
          field += text.substr(0, end);
          text.remove_prefix(end + 1);
          if (!text.starts_with('"')) break;
          field += '"';
          text.remove_prefix(1);
        }
      } else {
        const auto end = text.find_first_of(",\"\r\n");
        field = text.substr(0, end);
        text.remove_prefix(field.size());
      }
      fields.push_back(std::move(field));
      more = text.starts_with(',');
      if (more) text.remove_prefix(1);
    }
    if (text.starts_with('\r')) text.remove_prefix(1);
    if (!text.empty() && !text.starts_with('\n')) return std::nullopt;
    if (!text.empty()) text.remove_prefix(1);
    lines.push_back(std::move(fields));
  }
  return lines;
}

}  // namespace dynvert
