#include <dynvert/sim/config/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dynvert {

namespace {

std::string message(const ConfigError::Data& d) {
  std::string text = d.file;
  if (d.line > 0) text += fmt::format(":{}", d.line);
  if (!d.key.empty()) text += ": " + d.key;
  text += ": " + d.fault;
  const char* label = d.unknown_key ? "llowed here: " : "llowed: ";
  if (!d.nearest.empty()) text += fmt::format("; did you mean \"{}\"?", d.nearest);
  if (!d.allowed.empty()) text += (d.nearest.empty() ? "; a" : " A") + (label + d.allowed);
  return text;
}

}  // namespace

ConfigError::ConfigError(Data data) : Error(message(data)), data_(std::move(data)) {}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string out = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + (text.size() > longest ? "...\"" : "\"");
}

}  // namespace dynvert
