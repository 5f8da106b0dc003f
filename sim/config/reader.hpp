#pragma once

/// Reading the tables of a configuration: where things stand, which keys are known, which have a meaning. What the
/// loaders of the kinds of experiments have in common. Of use to sim/config*.cpp only.

#include <dynvert/sim/config/toml_tree.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

inline constexpr std::size_t longest_name = 64;          // of a model, a population
inline constexpr std::size_t max_weights = 100'000'000;  // of a network or circuit, 0.8 GB

class ConfigReader {
 public:
  /// Keeps references.
  ConfigReader(const toml::table& tree, const std::string& file, const Vocabulary& vocabulary);

  /// Where the key of the table stands; the table where the key is absent; the file where that is absent, too.
  [[nodiscard]] KeyPlace place(const toml::table* in, std::string_view prefix, std::string_view key) const;
  /// @throws ConfigError
  [[noreturn]] void fail_at(const toml::table* in, std::string_view prefix, std::string_view key, std::string fault,
                            std::string allowed) const;
  [[noreturn]] void fail_no_meaning(const toml::table* in, std::string_view prefix, std::string_view key,
                                    const std::string& reason) const;
  [[noreturn]] void unknown(const toml::key& key, const std::string& prefix,
                            const std::vector<std::string>& known) const;

  /// The table of that name within another; nullptr: absent.
  const toml::table* table(const toml::table& in, std::string_view name, const std::string& key) const;
  /// The tables of a list [[NAME]]; none: absent. @param most  how many there may be
  [[nodiscard]] std::vector<const toml::table*> tables(std::string_view name, std::size_t most) const;
  void require(const toml::table* in, std::string_view schema, std::string_view prefix, std::string_view key) const;
  /// Reads the keys of a table. @param also  a second table of the schema whose keys may stand there
  void read_table(std::string_view schema, const std::string& prefix, const toml::table* in,
                  const std::vector<Binding>& slots, std::string_view also = "") const;
  /// A number that is no value of the configuration itself.
  [[nodiscard]] std::size_t number(std::string_view schema, const toml::table& in, std::string_view key) const;
  /// Names of models and populations: letters, digits and _, no digit first.
  void check_identifier(const toml::table* in, std::string_view prefix, std::string_view key,
                        const std::string& name) const;

  template <typename NoMeaning>
  void check_meaning(const toml::table* in, std::string_view prefix, const NoMeaning& reason_of) const {
    if (in == nullptr) return;
    for (const auto& [key, node] : *in)
      if (const std::string reason = reason_of(key.str()); !reason.empty())
        fail_no_meaning(in, prefix, key.str(), reason);
  }

  /// Makes a file name absolute; a file must be named where its kind asks for one.
  void resolve_path(const toml::table* in, const std::string& prefix, std::string& path, const std::string& group,
                    std::string_view key = "path") const;

  [[nodiscard]] const toml::table& tree() const { return tree_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  const toml::table& tree_;
  const std::string& file_;
  const Vocabulary& vocabulary_;
  std::filesystem::path folder_;
};

/// Gives keys without a meaning the value that they have when nobody sets them, so that equal configurations are equal.
template <typename Values, typename HasNoMeaning>
void reset_unused(Values& values, const HasNoMeaning& has_no_meaning) {
  Values standard;
  const auto from = bindings(standard);
  const auto to = bindings(values);
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (!has_no_meaning(to[i].key)) continue;
    std::visit([&](auto* value) { *value = *std::get<decltype(value)>(from[i].slot); }, to[i].slot);
  }
}

/// time / dt as a number of steps, or nothing where it is not whole.
/// @param end  where the time is a difference of two, the later of them, whose rounding it has
[[nodiscard]] std::optional<double> whole_number_of_steps(double time, double dt, double end = 0);
/// The two times next to `time` that are a whole number of dt.
[[nodiscard]] std::string nearest_times(double time, double dt);

/// The times of a run: each stretch that a solver runs through has a whole number of steps, where it needs that, and of
/// the samples of a trace.
struct Stretch {
  std::string_view key;  ///< the key at fault for it
  std::string text;      ///< "phases[2].duration"
  double duration = 0;
  bool divides = false;  ///< it ends at a switch, which falls on a sample of the trace
  double end = 0;        ///< when it ends, where its duration is a difference of times
};
/// @param own  the model's own table, or that of the defaults, @param at  fails at a key of the dynamics
void check_stretch(
    const ConfigReader& reader, const toml::table& own, const std::string& prefix, const DynamicsConfig& dynamics,
    double interval, const Stretch& stretch,
    const std::function<void(std::string_view key, const std::string& fault, const std::string& allowed)>& at);

/// Completes config.task, whose given keys have been read. @throws ConfigError, IoError  see TaskKind::count_samples
void check_task(const ConfigReader& reader, const toml::table& in, Config& config);
/// [[population]], [[projection]], [[input]] and their [dynamics]. @throws ConfigError
[[nodiscard]] CircuitConfig read_circuit(const ConfigReader& reader, const RecordConfig& record);
/// [inversion]. @throws ConfigError
[[nodiscard]] InversionConfig read_inversion(const ConfigReader& reader);

}  // namespace dynvert
