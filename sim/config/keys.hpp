#pragma once

/// Where each key of the schema lives in the configuration, and whether it has a meaning there.

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/config/schema.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace dynvert {

static_assert(std::is_same_v<std::size_t, std::uint64_t>, "the integers of a configuration have 64 bits");

using Slot =
    std::variant<bool*, int*, std::size_t*, double*, std::string*, std::vector<std::size_t>*, std::vector<double>*,
                 std::vector<std::vector<double>>*, std::vector<std::string>*, std::vector<PhaseConfig>*>;

/// A key and the value that it sets. Keys that are tables have none, nor has experiment.epochs: trials holds its
/// result.
struct Binding {
  std::string_view key;
  Slot slot;
};

/// The keys of [experiment]
[[nodiscard]] std::vector<Binding> bindings(Config& config);
[[nodiscard]] std::vector<Binding> bindings(TaskConfig& task);
[[nodiscard]] std::vector<Binding> bindings(NetworkConfig& network);
[[nodiscard]] std::vector<Binding> bindings(InitConfig& init);
[[nodiscard]] std::vector<Binding> bindings(LearningConfig& learning);
[[nodiscard]] std::vector<Binding> bindings(InversionConfig& inversion);
[[nodiscard]] std::vector<Binding> bindings(PopulationConfig& population);
[[nodiscard]] std::vector<Binding> bindings(ProjectionConfig& projection);
[[nodiscard]] std::vector<Binding> bindings(InputConfig& input);
[[nodiscard]] std::vector<Binding> bindings(DynamicsConfig& dynamics);
[[nodiscard]] std::vector<Binding> bindings(PhaseConfig& phase);
[[nodiscard]] std::vector<Binding> bindings(FeedbackConfig& feedback);
[[nodiscard]] std::vector<Binding> bindings(RecordConfig& record);
/// The keys of [[model]] that are not keys of [dynamics]
[[nodiscard]] std::vector<Binding> bindings(ModelConfig& model);

/// The choice that leaves the key without a meaning, as the file would say it: `solver = "exact"`. Empty: it has one.
/// @{
[[nodiscard]] std::string no_meaning(const TaskConfig& task, std::string_view key, const Vocabulary& vocabulary);
[[nodiscard]] std::string no_meaning(const InitConfig& init, std::string_view key, const Vocabulary& vocabulary);
[[nodiscard]] std::string no_meaning(const InversionConfig& inversion, std::string_view key,
                                     const Vocabulary& vocabulary);
[[nodiscard]] std::string no_meaning(const ProjectionConfig& projection, std::string_view key,
                                     const Vocabulary& vocabulary);
[[nodiscard]] std::string no_meaning(const InputConfig& input, std::string_view key, const Vocabulary& vocabulary);
/// of [dynamics]
[[nodiscard]] std::string no_meaning(const CircuitConfig& circuit, std::string_view key, const Vocabulary& vocabulary);
/// @param table  "model", "dynamics" or "feedback": which the key is from
[[nodiscard]] std::string no_meaning(const ModelConfig& model, ExperimentKind kind, std::string_view table,
                                     std::string_view key, const Vocabulary& vocabulary);
/// @param table  "experiment" or "record"
[[nodiscard]] std::string no_meaning(ExperimentKind kind, std::string_view table, std::string_view key);
/// @}

/// The value as TOML; a double in the fewest digits that read back as the same double.
[[nodiscard]] std::string toml_text(const Slot& slot);

/// The whole configuration as TOML, every key that has a meaning written out in the order of the schema.
/// What a program fills in itself can so be written down, too.
[[nodiscard]] std::string resolved_toml(const Config& config, const Vocabulary& vocabulary);

}  // namespace dynvert
