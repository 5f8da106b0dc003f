#include <dynvert/sim/config/reader.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace dynvert {

namespace {

/// A key that is known in another table only: "dynamics.solver".
std::string elsewhere(std::string_view word) {
  for (const auto& key : config_schema())
    if (key.name == word) return fmt::format("{}.{}", key.table, key.name);
  return {};
}

}  // namespace

ConfigReader::ConfigReader(const toml::table& tree, const std::string& file, const Vocabulary& vocabulary)
    : tree_(tree),
      file_(file),
      vocabulary_(vocabulary),
      folder_((std::filesystem::current_path() / file).parent_path()) {}

KeyPlace ConfigReader::place(const toml::table* in, std::string_view prefix, std::string_view key) const {
  auto name = fmt::format("{}.{}", prefix, key);
  if (in == nullptr) return {std::move(name), file_};
  const auto* node = in->get(key);
  return place_of(node != nullptr ? node->source() : in->source(), std::move(name), file_);
}

void ConfigReader::fail_at(const toml::table* in, std::string_view prefix, std::string_view key, std::string fault,
                           std::string allowed) const {
  const auto* node = in != nullptr ? in->get(key) : nullptr;
  fail(place(in, prefix, key), std::move(fault), node != nullptr ? describe(*node) : "", std::move(allowed));
}

const toml::table* ConfigReader::table(const toml::table& in, std::string_view name, const std::string& key) const {
  const auto* node = in.get(name);
  if (node == nullptr) return nullptr;
  if (!node->is_table())
    fail(place_of(node->source(), key, file_), "found " + describe(*node), describe(*node), "a table of keys");
  return node->as_table();
}

void ConfigReader::require(const toml::table* in, std::string_view schema, std::string_view prefix,
                           std::string_view key) const {
  if (in == nullptr || !in->contains(key))
    fail_at(in, prefix, key, "is missing", allowed_text(*find_key(schema, key), vocabulary_));
}

void ConfigReader::unknown(const toml::key& key, const std::string& prefix,
                           const std::vector<std::string>& known) const {
  // quoted keys may hold anything; bare ones are shown as they are
  const bool bare = std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  const std::string word(key.str());
  const auto at = place_of(
      key.source(),
      (prefix.empty() ? "" : prefix + ".") + (bare && word.size() <= longest_name ? word : in_quotes(word)), file_);
  auto nearest = nearest_name(word, known);
  if (nearest.empty()) nearest = elsewhere(word);
  throw ConfigError({at.file, at.line, at.column, at.key, prefix.empty() ? "unknown table" : "unknown key", word,
                     fmt::format("{}", fmt::join(known, ", ")), nearest, true});
}

void ConfigReader::read_table(std::string_view schema, const std::string& prefix, const toml::table* in,
                              const std::vector<Binding>& slots, std::string_view also) const {
  if (in == nullptr) return;
  for (const auto& [key, node] : *in) {
    const KeySpec* spec = find_key(schema, key.str());
    if (spec == nullptr && !also.empty()) spec = find_key(also, key.str());
    if (spec == nullptr) {
      auto known = key_names(schema);
      for (auto& name : key_names(also)) known.push_back(std::move(name));
      unknown(key, prefix, known);
    }
    for (const auto& binding : slots)
      if (binding.key == key.str())
        read_value(*spec, node, fmt::format("{}.{}", prefix, key.str()), file_, vocabulary_, binding.slot);
  }
}

std::size_t ConfigReader::number(std::string_view schema, const toml::table& in, std::string_view key) const {
  std::size_t value = 0;
  read_value(*find_key(schema, key), *in.get(key), fmt::format("{}.{}", schema, key), file_, vocabulary_, &value);
  return value;
}

void ConfigReader::fail_no_meaning(const toml::table* in, std::string_view prefix, std::string_view key,
                                   const std::string& reason) const {
  fail_at(in, prefix, key, "has no meaning with " + reason, "leave it out");
}

void ConfigReader::resolve_path(const toml::table* in, const std::string& prefix, std::string& path,
                                const std::string& group, std::string_view key) const {
  if (path.empty()) fail_at(in, prefix, key, "is missing", "a file name");
  if (!group.starts_with('/')) fail_at(in, prefix, "group", "found " + in_quotes(group), "a group of the file, from /");
  path = (folder_ / path).lexically_normal().string();
  try {  // the name is UTF-8, but the folder need not be, and the resolved text is
    static_cast<void>(parse_tree("path = " + toml_text(&path), file_));
  } catch (const ConfigError&) {
    fail_at(in, prefix, key, "is in a folder whose name is not UTF-8", "a folder with a name in UTF-8");
  }
}

std::vector<const toml::table*> ConfigReader::tables(std::string_view name, std::size_t most) const {
  const auto* node = tree_.get(name);
  if (node == nullptr) return {};
  const auto* list = node->as_array();
  if (list == nullptr || list->empty())
    fail(place_of(node->source(), std::string(name), file_), "found " + describe(*node), describe(*node),
         fmt::format("one [[{}]] or more, with two brackets", name));
  if (list->size() > most)
    fail(place_of(node->source(), std::string(name), file_), fmt::format("found {} of them", list->size()), "",
         fmt::format("1 to {}", most));
  std::vector<const toml::table*> result;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto* own = list->get(i)->as_table();
    if (own == nullptr)
      fail(place_of(list->get(i)->source(), fmt::format("{}[{}]", name, i + 1), file_),
           "found " + describe(*list->get(i)), describe(*list->get(i)), "a table of keys");
    result.push_back(own);
  }
  return result;
}

void ConfigReader::check_identifier(const toml::table* in, std::string_view prefix, std::string_view key,
                                    const std::string& name) const {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > longest_name || !letter(name[0]) || !std::all_of(name.begin(), name.end(), inner))
    fail_at(in, prefix, key, "found " + in_quotes(name),
            fmt::format("letters, digits and _, no digit first, at most {} of them", longest_name));
}

std::optional<double> whole_number_of_steps(double time, double dt, double end) {
  // Both were rounded to doubles when they were read, so the quotient of exact decimals may be off by a few units in
  // the last place.
  const double steps = time / dt, whole = std::round(steps);
  const double size = std::max(steps, end / dt);
  if (whole < 1 || std::abs(steps - whole) > 8 * std::numeric_limits<double>::epsilon() * size) return std::nullopt;
  return whole;
}

std::string nearest_times(double time, double dt) {
  const double steps = std::floor(time / dt);
  return steps < 1 ? fmt::format("{:.15g}", dt) : fmt::format("{:.15g} or {:.15g}", steps * dt, (steps + 1) * dt);
}

void check_stretch(
    const ConfigReader& reader, const toml::table& own, const std::string& prefix, const DynamicsConfig& d,
    double interval, const Stretch& stretch,
    const std::function<void(std::string_view key, const std::string& fault, const std::string& allowed)>& at) {
  const auto& [key, text, duration, divides, end] = stretch;
  const auto* record = reader.tree()["record"].as_table();
  const std::string said = key == text ? fmt::format("{} = {}", key, duration) : fmt::format("{} {}", text, duration);
  if (interval > duration)
    reader.fail_at(record, "record", "interval",
                   fmt::format("found {}, which is longer than {} of {}", interval, said, prefix),
                   fmt::format("at most {}", duration));
  const double sample = interval > 0 ? interval : d.dt;
  // the samples of a trace have one clock for all phases: a switch falls on one of them
  if (divides && !whole_number_of_steps(duration, sample, end))
    at(key,
       fmt::format("{} is not a whole number of {} = {}, the time between the samples of a trace", said,
                   interval > 0 ? "record.interval" : "dt", sample),
       nearest_times(duration, sample));
  const auto& fixed = reader.vocabulary().fixed_step_solvers;
  if (std::find(fixed.begin(), fixed.end(), d.solver) == fixed.end()) return;

  // where the model sets only one of the two, that one is at fault
  const std::string_view blamed = own.contains("dt") && !own.contains(key) ? "dt" : key;
  if (!(duration / d.dt < static_cast<double>(d.max_steps) + 0.5))
    at(blamed,
       fmt::format("{} takes {:g} steps of dt = {}, more than max_steps = {}", said, duration / d.dt, d.dt,
                   d.max_steps),
       "a shorter duration, a larger dt, or a larger max_steps");
  if (!whole_number_of_steps(duration, d.dt, end))
    at(blamed,
       fmt::format("{} is not a whole number of steps of dt = {}, which solver = \"{}\" needs", said, d.dt, d.solver),
       fmt::format("for this dt a duration of {}", nearest_times(duration, d.dt)));
  if (interval > 0 && !whole_number_of_steps(interval, d.dt))
    reader.fail_at(
        record, "record", "interval",
        fmt::format("found {}, which is not a whole number of steps of dt = {} of {}", interval, d.dt, prefix),
        fmt::format("for this dt {}", nearest_times(interval, d.dt)));
}

}  // namespace dynvert
