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

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

ConfigError::ConfigError(Data data) : Error(message(data)), data_(std::move(data)) {}

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest = 64;  // no key is that long, and a hostile one costs no time
  std::string best;
  if (word.empty() || word.size() > longest) return best;
  std::size_t least = word.size() / 3 + 2;
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance < least && distance < std::max(word.size(), candidate.size())) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

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
