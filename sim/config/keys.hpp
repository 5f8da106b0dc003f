#pragma once

/// The keys of each table, each in one entry: name, where its value is, what it may be, what it means and when it
/// applies. Defaults are those of the members (config.hpp). Keys that parts declare for themselves come after the
/// common ones.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/config/config_registry.hpp>
#include <dynvert/sim/config/key.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dynvert {

/// What decides, beside the values of a table, which of its keys apply.
struct KeyContext {
  const ConfigRegistry& registry;
  ExperimentKind kind = ExperimentKind::learning;
  const Choice* credit = nullptr;  ///< of the model that the table is for; nullptr: for no model, or for all
  std::shared_ptr<const Choice> circuit = nullptr;  ///< `credit`, where it was made of the model's circuit

  [[nodiscard]] KeyContext of(const ModelConfig& model) const;
};

/// The keys of a table, with slots in these values and the reasons against those that do not apply to them.
/// @{
/// [experiment]
[[nodiscard]] std::vector<Key> keys_of(Config& config, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(TaskConfig& task, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(NetworkConfig& network, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(InitConfig& init, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(LearningConfig& learning, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(InversionConfig& inversion, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(DynamicsConfig& dynamics, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(PhaseConfig& phase);
[[nodiscard]] std::vector<Key> keys_of(FeedbackConfig& feedback, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(RecordConfig& record, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(RecordedPopulation& population);
/// Those that are not keys of [dynamics].
[[nodiscard]] std::vector<Key> keys_of(ModelConfig& model, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(PopulationConfig& population, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(ProjectionConfig& projection, const KeyContext& context);
[[nodiscard]] std::vector<Key> keys_of(InputConfig& input, const KeyContext& context);
/// @}

/// A table as the reference lists it.
struct KeyTable {
  std::string_view name;    ///< "network.init"
  std::string_view header;  ///< "[network.init]", "[[model]]"
  struct Entry {
    Key key;                   ///< without a slot
    std::string default_text;  ///< as TOML, or in words: "required", "none"; "1.0; tanh_teacher: 0.01"
  };
  std::vector<Entry> keys;
};

/// Every table with every key, in the order in which people read and the resolved text lists them.
/// Keys of [[model]] besides those listed under "model" are the keys of "dynamics".
[[nodiscard]] std::vector<KeyTable> key_tables(const ConfigRegistry& registry);
/// "dynamics.solver": a key that some table has; empty: none has it
[[nodiscard]] std::string find_in_tables(const ConfigRegistry& registry, std::string_view key);

/// Copies the value of a key from other values of the same table.
void copy_value(const Key& from, const Key& to);
/// Gives own keys that apply and have no value their default, and takes the value of those that do not apply.
void complete_own_key(const Key& key);

/// Gives keys that do not apply the value that they have when nobody sets them, so that equal configurations are equal,
/// and keys that parts declare their defaults.
/// @param keys  of these values, @param standard  what they are by default
template <typename Values>
void reset_unused(const std::vector<Key>& keys, const KeyContext& context, Values standard = {}) {
  const std::vector<Key> defaults = keys_of(standard, context);
  for (const Key& key : keys) {
    if (std::holds_alternative<ParameterSlot>(key.slot)) {
      complete_own_key(key);
    } else if (!key.applies()) {
      copy_value(*find_key(defaults, key.name), key);
    }
  }
}

/// The whole configuration as TOML, every key that applies written out in the order of the tables.
/// What a program fills in itself can so be written down, too.
[[nodiscard]] std::string resolved_toml(const Config& config, const ConfigRegistry& registry);

}  // namespace dynvert
