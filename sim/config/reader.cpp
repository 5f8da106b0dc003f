#include <dynvert/sim/config/reader.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert {

ConfigReader::ConfigReader(const toml::table& tree, const std::string& file, const KeyContext& context)
    : tree_(tree), file_(file), context_(context), folder_((std::filesystem::current_path() / file).parent_path()) {}

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

void ConfigReader::require(const toml::table* in, const std::vector<Key>& keys, std::string_view prefix,
                           std::string_view key) const {
  if (in == nullptr || !in->contains(key)) fail_at(in, prefix, key, "is missing", allowed_text(*find_key(keys, key)));
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
  if (nearest.empty()) nearest = find_in_tables(registry(), word);
  throw ConfigError({at.file, at.line, at.column, at.key, prefix.empty() ? "unknown table" : "unknown key", word,
                     fmt::format("{}", fmt::join(known, ", ")), nearest, true});
}

void ConfigReader::read_known(const std::string& prefix, const toml::table* in, const std::vector<Key>& keys,
                              bool choosers) const {
  if (in == nullptr) return;
  for (const auto& [name, node] : *in) {
    if (const Key* key = find_key(keys, name.str())) {
      if ((key->choices != nullptr) == choosers)
        read_value(*key, node, fmt::format("{}.{}", prefix, name.str()), file_);
    } else if (!choosers) {
      std::vector<std::string> known;
      for (const Key& key_there : keys) known.emplace_back(key_there.name);
      unknown(name, prefix, known);
    }
  }
}

void ConfigReader::check_used(const toml::table* in, std::string_view prefix, const std::vector<Key>& keys) const {
  if (in != nullptr) {
    for (const auto& [name, node] : *in)
      if (const Key* key = find_key(keys, name.str()); key != nullptr && !key->applies())
        fail_unused(in, prefix, name.str(), key->excluded_by);
  }
  for (const Key& key : keys) {
    const auto* own = std::get_if<ParameterSlot>(&key.slot);
    if (own != nullptr && key.required && key.applies() && own->values->find(key.name) == nullptr)
      fail_at(in, prefix, key.name, "is missing", allowed_text(key));
  }
}

void ConfigReader::fail_unused(const toml::table* in, std::string_view prefix, std::string_view key,
                               const std::string& reason) const {
  const auto* node = in != nullptr ? in->get(key) : nullptr;
  const KeyPlace at = place(in, prefix, key);
  throw ConfigError({.file = at.file,
                     .line = at.line,
                     .column = at.column,
                     .key = at.key,
                     .fault = "does not apply with " + reason,
                     .found = node != nullptr ? describe(*node) : "",
                     .allowed = "leave it out",
                     .idle_key = true});
}

void ConfigReader::resolve_path(const toml::table* in, const std::string& prefix, std::string& path,
                                const std::string& group, std::string_view key) const {
  if (path.empty()) fail_at(in, prefix, key, "is missing", "a file name");
  if (path.starts_with('~'))
    fail_at(
        in, prefix, key,
        fmt::format("found {}: nobody has replaced ~ by a home folder (a shell does so only at the start of a word)",
                    in_quotes(path)),
        fmt::format("the whole path, on a command line \"$HOME/..\"; for a file of that name {}",
                    in_quotes("./" + path)));
  if (!group.starts_with('/')) fail_at(in, prefix, "group", "found " + in_quotes(group), "a group of the file, from /");
  path = (folder_ / path).lexically_normal().string();
  try {  // the name is UTF-8, but the folder need not be, and the resolved text is
    static_cast<void>(parse_tree("path = " + toml_text(Slot(&path)), file_));
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

}  // namespace dynvert
