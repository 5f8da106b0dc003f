// The tables of a configuration as the reference lists them, with defaults read from values that nobody has set.

#include <dynvert/sim/config/keys.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert {

namespace {

std::string default_of(const Key& key) {
  if (!key.default_words.empty()) return std::string(key.default_words);
  if (key.required) return "required";
  return key.type == KeyType::table ? "{}" : toml_text(key.slot);
}

/// "2000; mnist_classification: 60000": the default, and what it is with parts that have another one.
/// @param with  the value with a part, as TOML; empty: the part does not use the key
template <typename With>
std::string default_by_part(const std::string& standard, const std::vector<Choice>& parts, const With& with) {
  std::string text = standard;
  for (const Choice& part : parts) {
    const std::string own = with(part);
    if (!own.empty() && own != standard) text += fmt::format("; {}: {}", part.name, own);
  }
  return text;
}

void show_own_defaults(KeyTable& table, const std::vector<Choice>& parts) {
  for (KeyTable::Entry& entry : table.keys) {
    const auto* slot = std::get_if<ParameterSlot>(&entry.key.slot);
    if (slot == nullptr || entry.key.required) continue;
    entry.default_text = default_by_part(entry.default_text, parts, [&](const Choice& part) -> std::string {
      const auto own = std::ranges::find(part.parameters, entry.key.name, &Parameter::name);
      ParameterValues none;
      return own == part.parameters.end() ? "" : toml_text(ParameterSlot{&none, &*own});
    });
  }
}

template <typename Values>
KeyTable table_of(std::string_view name, std::string_view header, const KeyContext& context) {
  Values standard{};
  KeyTable table{name, header, {}};
  for (Key& key : keys_of(standard, context)) {
    std::string text = default_of(key);
    table.keys.push_back({std::move(key), std::move(text)});
  }
  std::vector<const std::vector<Choice>*> choosers;
  for (const auto& entry : table.keys)
    if (entry.key.choices != nullptr && entry.key.type == KeyType::text) choosers.push_back(entry.key.choices);
  for (const auto* parts : choosers) show_own_defaults(table, *parts);
  return table;
}

/// A task has defaults for keys that are common to tasks.
void show_task_defaults(KeyTable& table, const KeyContext& context) {
  for (KeyTable::Entry& entry : table.keys) {
    if (entry.key.governed_by.empty() || entry.key.required || std::holds_alternative<ParameterSlot>(entry.key.slot))
      continue;
    entry.default_text = default_by_part(entry.default_text, context.registry.tasks, [&](const Choice& task) {
      TaskConfig values = task.defaults;
      const auto keys = keys_of(values, context);
      const Key& own = *find_key(keys, entry.key.name);
      const auto* size = std::get_if<std::size_t*>(&own.slot);
      if (!uses(&task, entry.key.name)) return std::string();
      return task.count_samples && size != nullptr ? std::string("all in the file") : toml_text(own.slot);
    });
  }
}

/// Of an entry of a list.
template <typename Values>
KeyTable entry_table(std::string_view name, std::string_view header) {
  Values standard;
  KeyTable table{name, header, {}};
  for (Key& key : keys_of(standard)) {
    std::string text = default_of(key);
    table.keys.push_back({std::move(key), std::move(text)});
  }
  return table;
}

}  // namespace

std::vector<KeyTable> key_tables(const ConfigRegistry& registry) {
  const KeyContext context{registry};
  std::vector<KeyTable> tables{table_of<Config>("experiment", "[experiment]", context),
                               table_of<TaskConfig>("task", "[task]", context),
                               table_of<NetworkConfig>("network", "[network]", context),
                               table_of<InitConfig>("network.init", "[network.init]", context),
                               table_of<LearningConfig>("learning", "[learning]", context),
                               table_of<InversionConfig>("inversion", "[inversion]", context),
                               table_of<DynamicsConfig>("dynamics", "[dynamics]", context),
                               entry_table<PhaseConfig>("dynamics.phases", "[[dynamics.phases]]"),
                               table_of<FeedbackConfig>("feedback", "[feedback]", context),
                               table_of<RecordConfig>("record", "[record]", context),
                               entry_table<RecordedPopulation>("record.population", "[[record.population]]"),
                               table_of<ModelConfig>("model", "[[model]]", context),
                               table_of<PopulationConfig>("population", "[[population]]", context),
                               table_of<ProjectionConfig>("projection", "[[projection]]", context),
                               table_of<InputConfig>("input", "[[input]]", context)};
  show_task_defaults(tables[1], context);
  for (KeyTable& table : tables)
    for (KeyTable::Entry& entry : table.keys) entry.key.slot = std::monostate{};  // the values are gone
  return tables;
}

std::string find_in_tables(const ConfigRegistry& registry, std::string_view key) {
  for (const KeyTable& table : key_tables(registry))
    for (const KeyTable::Entry& entry : table.keys)
      if (entry.key.name == key) return fmt::format("{}.{}", table.name, key);
  return {};
}

void copy_value(const Key& from, const Key& to) {
  std::visit(
      [&](auto value) {
        if constexpr (std::is_pointer_v<decltype(value)>) *value = *std::get<decltype(value)>(from.slot);
      },
      to.slot);
}

void complete_own_key(const Key& key) {
  const auto* slot = std::get_if<ParameterSlot>(&key.slot);
  if (slot == nullptr) return;
  const Parameter& parameter = *slot->parameter;
  if (!key.applies()) {
    slot->values->erase(parameter.name);
  } else if (slot->values->find(parameter.name) == nullptr) {
    slot->values->set(parameter.name, parameter.default_value);
  }
}

}  // namespace dynvert
