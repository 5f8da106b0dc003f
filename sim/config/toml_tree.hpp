#pragma once

/// The TOML side of loading a configuration: text to tree, changes to the tree, a node to a checked value. Of use to
/// sim/config/config.cpp only.

#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/schema.hpp>

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
void apply_set(toml::table& tree, const std::string& set, const std::string& origin);

/// "the string \"x\"", "the integer 3"
[[nodiscard]] std::string describe(const toml::node& node);

/// Checks the type, the range and the names of a value and stores it.
/// @throws ConfigError
void read_value(const KeySpec& spec, const toml::node& node, const std::string& key, const std::string& file,
                const Vocabulary& vocabulary, const Slot& slot);

}  // namespace dynvert
