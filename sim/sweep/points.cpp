#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/sweep/points.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace dynvert {

namespace {

constexpr std::size_t longest_value = 32;  // characters of a value in a name
constexpr std::size_t longest_name = 200;  // file systems take 255 bytes, and an index and an ending follow
constexpr const char* over_form = "KEY=V1,V2,..., as in model.DI.alpha=0.01,0.1";
constexpr const char* seeds_form = "FIRST:LAST or a list, as in 1:10 or 1,5,9; each 0 to 9223372036854775807";

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

/// Splits at commas outside of quotes, brackets and braces. A quote or bracket within a bare word is a character of it.
/// @throws ValueError naming `option`
std::vector<std::string> split_values(std::string_view text, const std::string& option) {
  std::vector<std::string> values(1);
  std::string open;    // brackets that are to be closed
  char quote = '\0';   // that is to be closed
  bool starts = true;  // nothing but blanks yet
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' && quote == '\0' && open.empty()) {
      values.emplace_back();
      starts = true;
      continue;
    }
    values.back() += c;
    if (quote != '\0') {
      if (c == '\\' && quote == '"' && i + 1 < text.size()) {
        values.back() += text[++i];
      } else if (c == quote) {
        quote = '\0';
      }
    } else if ((c == '"' || c == '\'') && (starts || !open.empty())) {
      quote = c;
    } else if ((c == '[' || c == '{') && (starts || !open.empty())) {
      open += c == '[' ? ']' : '}';
    } else if (!open.empty() && c == open.back()) {
      open.pop_back();
    }
    starts = starts && (c == ' ' || c == '\t');
  }
  if (quote != '\0' || !open.empty()) {
    throw ValueError(option, fmt::format("{} is never closed", quote != '\0' ? "a quote" : "a bracket"), over_form);
  }
  for (std::string& value : values) value = trimmed(value);
  return values;
}

void refuse_repeated(const std::vector<std::string>& values, const std::string& option) {
  std::unordered_set<std::string> seen;
  for (const std::string& value : values) {
    if (!seen.insert(value).second) {
      throw ValueError(option, fmt::format("{} is listed twice", in_quotes(value)), "each value once");
    }
  }
}

[[noreturn]] void too_many_points(const std::string& object) {
  throw ValueError(object, "has too many points", fmt::format("at most {}", max_sweep_points));
}

std::uint64_t parse_seed(const std::string& text, const std::string& option) {
  std::uint64_t seed = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seed);
  if (error != std::errc() || stop != end ||
      seed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw ValueError(option, text.empty() ? "a seed is missing" : fmt::format("{} is no seed", in_quotes(text)),
                     seeds_form);
  }
  return seed;
}

/// What of a text can stand in the name of a file everywhere: runs of other characters become one _, none at the ends.
std::string safe(std::string_view text) {
  std::string name;
  bool gap = false;
  for (const char c : text) {
    if (!is_letter_or_digit(c) && c != '.' && c != '+' && c != '-') {
      gap = true;
      continue;
    }
    if (gap && !name.empty()) name += '_';
    gap = false;
    name += c;
  }
  return name.empty() ? "_" : name;
}

/// The last parts of a dotted key, as many as no other key ends with.
std::string short_key(const SweepAxis& axis, const std::vector<SweepAxis>& axes) {
  for (auto dot = axis.key.rfind('.'); dot != std::string::npos && dot > 0; dot = axis.key.rfind('.', dot - 1)) {
    const std::string tail = axis.key.substr(dot);
    const auto ends_so = [&](const SweepAxis& other) { return &other != &axis && other.key.ends_with(tail); };
    if (std::ranges::none_of(axes, ends_so)) return tail.substr(1);
  }
  return axis.key;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

}  // namespace

SweepAxis parse_over(const std::string& text) {
  const std::string option = "--over " + text;
  const auto equals = text.find('=');
  std::string key = trimmed(std::string_view(text).substr(0, equals));
  if (equals == std::string::npos || key.empty()) throw ValueError(option, "is not of the form KEY=VALUES", over_form);
  std::vector<std::string> values = split_values(std::string_view(text).substr(equals + 1), option);
  if (std::ranges::find(values, "") != values.end()) throw ValueError(option, "a value is empty", over_form);
  if (values.size() > max_sweep_points) too_many_points("--over " + key);
  refuse_repeated(values, option);
  return {std::move(key), std::move(values)};
}

SweepAxis parse_seeds(const std::string& text) {
  const std::string option = "--seeds " + text;
  SweepAxis axis{.key = seed_key, .values = {}};
  if (const auto colon = text.find(':'); colon != std::string::npos) {
    const std::uint64_t first = parse_seed(trimmed(text.substr(0, colon)), option);
    const std::uint64_t last = parse_seed(trimmed(text.substr(colon + 1)), option);
    if (first > last) throw ValueError(option, "ends before it begins", seeds_form);
    if (last - first >= max_sweep_points) too_many_points(option);
    for (std::uint64_t seed = first; seed <= last; ++seed) axis.values.push_back(fmt::format("{}", seed));
    return axis;
  }
  for (const std::string& seed : split_values(text, option)) {
    axis.values.push_back(fmt::format("{}", parse_seed(seed, option)));
  }
  if (axis.values.size() > max_sweep_points) too_many_points("--seeds");
  refuse_repeated(axis.values, option);
  return axis;
}

std::vector<SweepPoint> sweep_points(const std::vector<SweepAxis>& axes) {
  std::size_t count = 1;
  std::vector<std::string> keys;
  for (const SweepAxis& axis : axes) {
    const auto again = [&](const SweepAxis& other) { return &other != &axis && other.key == axis.key; };
    if (std::ranges::any_of(axes, again)) throw ValueError("the sweep", axis.key + " is swept twice", "each key once");
    // neither factor is above the limit, so the product has room
    count *= axis.values.size();
    if (count > max_sweep_points) too_many_points("the sweep");
    keys.push_back(safe(short_key(axis, axes)));
  }
  std::vector<SweepPoint> points(count);
  std::unordered_map<std::string, std::size_t> taken;  // names, and the next index to try
  for (std::size_t p = 0; p < count; ++p) {
    SweepPoint& point = points[p];
    point.values.resize(axes.size());
    std::size_t rest = p;
    for (std::size_t a = axes.size(); a-- > 0; rest /= axes[a].values.size()) {
      point.values[a] = axes[a].values[rest % axes[a].values.size()];
    }
    std::string name;
    for (std::size_t a = 0; a < axes.size(); ++a) {
      // no name that is safe has two _ in a row
      name += fmt::format("{}{}_{}", a == 0 ? "" : "__", keys[a], safe(point.values[a]).substr(0, longest_value));
    }
    name.resize(std::min(name.size(), longest_name));
    point.name = name;
    while (!taken.emplace(lower(point.name), 2).second) point.name = fmt::format("{}_{}", name, taken[lower(name)]++);
  }
  return points;
}

std::vector<std::string> sets_of(const std::vector<SweepAxis>& axes, const SweepPoint& point) {
  std::vector<std::string> sets;
  for (std::size_t a = 0; a < axes.size(); ++a) sets.push_back(fmt::format("{}={}", axes[a].key, point.values[a]));
  return sets;
}

}  // namespace dynvert
