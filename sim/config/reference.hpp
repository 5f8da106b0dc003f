#pragma once

/// The reference of keys, from the lists that the program reads configurations by: what `dynvert keys` prints, the
/// tables of docs/configuration.md, and what a shell completes.

#include <dynvert/sim/config/config_registry.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// @param name  a table ("network.init"), a key ("dynamics.solver"), or nothing: every table
/// @throws ConfigError  there is none of that name; with the nearest
/// @{
[[nodiscard]] std::string keys_text(const ConfigRegistry& registry, std::string_view name);
/// A table of keys, or of the parts that a key may name.
[[nodiscard]] std::string keys_markdown(const ConfigRegistry& registry, std::string_view name);
/// @}

/// The page with its tables written anew: those between "<!-- keys: NAME -->" and "<!-- end -->".
/// @throws ConfigError  an unknown name, a table without an end, a table or a key that names parts without a place
[[nodiscard]] std::string with_key_tables(const ConfigRegistry& registry, const std::string& page);

/// The tables and keys that `dynvert keys` knows.
[[nodiscard]] std::vector<std::string> reference_names(const ConfigRegistry& registry);
/// What may stand before the "=" of a --set. @param text  the configuration that it changes, for the names of models
/// and of the parts of circuits; one that is no TOML gives none
[[nodiscard]] std::vector<std::string> settable_keys(const ConfigRegistry& registry, const std::string& text);
/// The names that a key of --set may take; empty: it takes no names. @param key  "model.DI.solver"
[[nodiscard]] std::vector<std::string> settable_values(const ConfigRegistry& registry, std::string_view key);

}  // namespace dynvert
