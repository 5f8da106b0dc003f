#pragma once

/// The TOML side of loading a configuration: text to tree, changes to the tree, a node to a checked value. Of use to
/// sim/config alone.

#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/keys.hpp>

#include <toml++/toml.h>

#include <string>
#include <string_view>

namespace dynvert {

/// A key of the tree as people write it, and the place where an error about it points to.
struct KeyPlace {
  std::string key;  ///< dotted
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
};

[[nodiscard]] KeyPlace place_of(const toml::source_region& region, std::string key, const std::string& file);

/// @throws ConfigError
[[noreturn]] void fail(const KeyPlace& place, std::string fault, std::string found, std::string allowed,
                       std::string nearest = "");

/// @throws ConfigError  not UTF-8, not TOML
[[nodiscard]] toml::table parse_tree(std::string_view text, const std::string& file);

/// Puts the value of "key=value" into the tree; its nodes name `origin` as their file.
/// @throws ConfigError  no such form, no such model
void apply_set(toml::table& tree, const std::string& set, const std::string& origin, const ConfigRegistry& registry);

/// Takes a key, a table or one of many tables out of the tree: "record.every", "record", "model.DI".
/// @throws ConfigError  it is not there
void apply_unset(toml::table& tree, const std::string& path, const std::string& origin, const ConfigRegistry& registry);

/// The names of the inputs: their own, or POPULATION_SHAPE, with a number from 2 on where that is taken.
[[nodiscard]] std::vector<std::string> input_names(const toml::array& inputs);

/// Whether a table is one of many, each with a name: "model", "population", "projection", "input".
[[nodiscard]] bool is_named_table(std::string_view kind);
/// The names that the tables of [[kind]] go by.
[[nodiscard]] std::vector<std::string> names_in_list(const toml::table& tree, std::string_view kind);

/// "the string \"x\"", "the integer 3"
[[nodiscard]] std::string describe(const toml::node& node);

/// Checks the type, the range and the names of a value and stores it.
/// @param name  of the key, dotted
/// @throws ConfigError
void read_value(const Key& key, const toml::node& node, const std::string& name, const std::string& file);

}  // namespace dynvert
