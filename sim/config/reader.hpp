#pragma once

/// Reading the tables of a configuration: where things stand, which keys are known, which apply. What the loaders of
/// the kinds of experiments have in common. Of use to sim/config alone.

#include <dynvert/models/equations/circuit_text.hpp>
#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/toml_tree.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

inline constexpr std::size_t longest_name =
    48;  // of a model, a population; with what is put before it, MATLAB takes 63
inline constexpr std::size_t max_weights = 100'000'000;  // of a network or circuit, 0.8 GB

class ConfigReader {
 public:
  /// Keeps references.
  ConfigReader(const toml::table& tree, const std::string& file, const KeyContext& context);

  /// Where the key of the table stands; the table where the key is absent; the file where that is absent, too.
  [[nodiscard]] KeyPlace place(const toml::table* in, std::string_view prefix, std::string_view key) const;
  /// @throws ConfigError
  [[noreturn]] void fail_at(const toml::table* in, std::string_view prefix, std::string_view key, std::string fault,
                            std::string allowed) const;
  [[noreturn]] void fail_unused(const toml::table* in, std::string_view prefix, std::string_view key,
                                const std::string& reason) const;
  [[noreturn]] void unknown(const toml::key& key, const std::string& prefix,
                            const std::vector<std::string>& known) const;

  /// The table of that name within another; nullptr: absent.
  const toml::table* table(const toml::table& in, std::string_view name, const std::string& key) const;
  /// The tables of a list [[NAME]]; none: absent. @param most  how many there may be
  [[nodiscard]] std::vector<const toml::table*> tables(std::string_view name, std::size_t most) const;
  /// Fails where a key is missing that has no default.
  void require(const toml::table* in, const std::vector<Key>& keys, std::string_view prefix,
               std::string_view key) const;

  /// Reads the keys of a table, those first that choose a part: it decides which other keys there are.
  /// @param keys  gives them for the values as they are by now, @return the keys as they are in the end
  template <typename Keys>
  std::vector<Key> read_keys(const std::string& prefix, const toml::table* in, const Keys& keys) const {
    std::vector<Key> known = keys();
    read_known(prefix, in, known, true);
    known = keys();
    read_known(prefix, in, known, false);
    return keys();
  }
  /// The same for values whose table is theirs alone.
  template <typename Values>
  std::vector<Key> read_table(const std::string& prefix, const toml::table* in, Values& values,
                              const KeyContext& context) const {
    return read_keys(prefix, in, [&] { return keys_of(values, context); });
  }
  /// Fails at a key that stands there and does not apply, and where one that a part declares is missing.
  void check_used(const toml::table* in, std::string_view prefix, const std::vector<Key>& keys) const;

  /// Names of models and populations: letters, digits and _, no digit first.
  void check_identifier(const toml::table* in, std::string_view prefix, std::string_view key,
                        const std::string& name) const;
  /// Makes a file name absolute; a file must be named where its kind asks for one.
  void resolve_path(const toml::table* in, const std::string& prefix, std::string& path, const std::string& group,
                    std::string_view key = "path") const;

  [[nodiscard]] const toml::table& tree() const { return tree_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  /// File names in the configuration are relative to it.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const KeyContext& context() const { return context_; }
  [[nodiscard]] const ConfigRegistry& registry() const { return context_.registry; }

 private:
  /// @param choosers  those that name a part, or the others
  void read_known(const std::string& prefix, const toml::table* in, const std::vector<Key>& keys, bool choosers) const;

  const toml::table& tree_;
  const std::string& file_;
  KeyContext context_;
  std::filesystem::path folder_;
};

/// [network] and [network.init]. @throws ConfigError
void read_network(const ConfigReader& reader, NetworkConfig& network);
void check_network(const ConfigReader& reader, NetworkConfig& network);
/// [task], whose network and other keys have been read. @throws ConfigError, IoError  see TaskKind::count_samples
void check_task(const ConfigReader& reader, const toml::table& in, Config& config);
/// [[population]], [[projection]], [[input]] and their [dynamics]. @throws ConfigError
[[nodiscard]] CircuitConfig read_circuit(const ConfigReader& reader, const RecordConfig& record,
                                         std::vector<std::string>& notes);
/// [inversion]. @throws ConfigError
[[nodiscard]] InversionConfig read_inversion(const ConfigReader& reader);
/// Every [[model]] with its [dynamics] and [feedback], and notes. @param config  all else has been read
/// @throws ConfigError
void read_models(const ConfigReader& reader, Config& config);

/// The circuit of a model, where that is a file of equations: model_circuit.cpp.
/// @{
/// Reads circuit, circuit_text and the text itself, and makes a description of the parameters alone: what else may
/// stand in the model's table follows from these. Nothing: the table says neither.
/// @param prefix  "model.DFC"
/// @throws ConfigError, EquationError
[[nodiscard]] std::optional<equations::CircuitText> read_model_circuit(const ConfigReader& reader,
                                                                       const toml::table& own,
                                                                       const std::string& prefix, ModelConfig& model);
/// Gives parameters that have the name of a key of [dynamics], and are not in the model's own table, its value there.
/// @param dynamics  nullptr: the configuration has none
void read_circuit_defaults(const ConfigReader& reader, const toml::table& own, const std::string& prefix,
                           const toml::table* dynamics, ModelConfig& model);
/// The description, for the network and with the model's parameters, which all have values then.
/// @throws EquationError
void expand_model_circuit(const equations::CircuitText& text, const NetworkConfig& network, ModelConfig& model);
/// @}

}  // namespace dynvert
