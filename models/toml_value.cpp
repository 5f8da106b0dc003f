#include <dynvert/models/toml_value.hpp>

#include <fmt/format.h>

namespace dynvert {

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += (c == '"' || c == '\\') ? fmt::format("\\{}", c) : std::string(1, c);
  }
  return out + "\"";
}

std::string toml_real(double value) {
  const std::string text = fmt::format("{}", value);
  // e: an exponent; n: inf, nan
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string toml_value(const ParameterValue& value) {
  const auto list = [](const auto& items, const auto& text) {
    std::string out = "[";
    for (const auto& item : items) out += (out.size() > 1 ? ", " : "") + text(item);
    return out + "]";
  };
  if (const auto* v = std::get_if<bool>(&value)) return *v ? "true" : "false";
  if (const auto* v = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *v);
  if (const auto* v = std::get_if<double>(&value)) return toml_real(*v);
  if (const auto* v = std::get_if<std::string>(&value)) return toml_string(*v);
  if (const auto* v = std::get_if<std::vector<double>>(&value)) return list(*v, toml_real);
  return list(std::get<std::vector<std::string>>(value), toml_string);
}

}  // namespace dynvert
