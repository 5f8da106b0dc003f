#pragma once

/// What a configuration may say: every table and key, as data. The parser, the resolved text and the test of
/// docs/configuration.md read it from here. Names that registries hold are handed in as a Vocabulary.

#include <dynvert/sim/config/config.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// A name that a key may take, and what it makes use of. A key that the chosen name does not use is an error.
struct Choice {
  std::string name;
  std::vector<std::string> uses = {};
  TaskConfig defaults = {};  ///< of a task: the values of keys that are not given; inputs, outputs: those it must have
  bool gives_probabilities = true;  ///< of a task: its targets may be the probabilities of a softmax output
  /// of a task whose samples are counted in its files: fills in samples and test_samples where they are not given
  std::function<void(TaskConfig&)> count_samples = nullptr;
};

/// The names that the registries of the program know.
struct Vocabulary {
  std::vector<Choice> tasks;           ///< task.kind; uses: keys of [task] besides kind, inputs and outputs
  std::vector<Choice> credits;         ///< model.credit; uses: "alpha", "dynamics", "feedback", "phases", "product"
  std::vector<Choice> solvers;         ///< uses: dt, duration, settle_tolerance, rtol, atol, max_steps
  std::vector<Choice> feedback_kinds;  ///< feedback.kind; uses: factor, gain, half_width, margin, path, group. A kind
                                       ///< that uses margin stabilises a loop, so it is for models with dynamics only;
                                       ///< one that uses factor is for models whose credit uses "product"
  std::vector<Choice> inits;           ///< network.init.kind; uses: half_width, path, group
  std::vector<std::string> fixed_step_solvers;  ///< those whose duration is a whole number of dt
  std::vector<std::string> activations;         ///< of hidden layers
  std::vector<std::string> outputs;             ///< of the last layer
  std::vector<std::string> measures;
  std::vector<std::string> transfers;
  std::vector<std::string> feedback_factors;  ///< formulas that the factors of a product can have
  std::vector<Choice> error_signals;          ///< inversion.signal; uses: keys of [inversion] that are its own
  std::vector<Choice> projections;    ///< projection.kind; uses: weight, matrix, half_width, path, group, dataset
  std::vector<Choice> transmissions;  ///< projection.transmits; uses: follows, reciprocal
  std::vector<Choice> inputs;         ///< input.shape; uses: rise, period, noise_tau
};

enum class KeyType {
  boolean,
  integer,
  real,
  text,
  names,
  integers,
  reals,
  real_or_reals,
  matrix,
  name_or_names,
  phases,
  table
};

/// One key of one table.
struct KeySpec {
  std::string_view table;  ///< "network.init"
  std::string_view name;
  KeyType type = KeyType::text;
  std::string_view default_text;  ///< as TOML, or a word: "required", "none"
  std::string_view description;   ///< one line

  std::string_view allowed{};  ///< in words, where neither a range nor a list of names says it
  std::int64_t min_integer = 0;
  std::int64_t greatest_integer = std::numeric_limits<std::int64_t>::max();
  double least = -std::numeric_limits<double>::infinity();
  double greatest = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
  bool greatest_excluded = false;
  std::vector<Choice> Vocabulary::*choices = nullptr;     ///< the names allowed, from the vocabulary
  std::vector<std::string> Vocabulary::*names = nullptr;  ///< likewise
  std::vector<std::string> fixed_names = {};              ///< names that no registry holds
  std::string_view governed_by{};  ///< the key whose choice decides whether this key has a meaning ("solver")
};

/// Every key, table after table, in the order in which people read and the resolved text lists them.
/// Keys of [[model]] besides those listed under "model" are the keys of "dynamics".
[[nodiscard]] const std::vector<KeySpec>& config_schema();

/// @return nullptr: no such key
[[nodiscard]] const KeySpec* find_key(std::string_view table, std::string_view name);
[[nodiscard]] std::vector<std::string> key_names(std::string_view table);

/// The names that the key may take; empty: it is no key of names.
[[nodiscard]] std::vector<std::string> names_of(const KeySpec& key, const Vocabulary& vocabulary);

/// What is allowed, in words: "above 0", "1 to 1024", "euler, rk4".
[[nodiscard]] std::string allowed_text(const KeySpec& key, const Vocabulary& vocabulary);

/// "real", "list of names"
[[nodiscard]] std::string_view type_text(KeyType type);

/// @return nullptr: no such name
[[nodiscard]] const Choice* find_choice(const std::vector<Choice>& choices, std::string_view name);
[[nodiscard]] bool uses(const Choice* choice, std::string_view key);

}  // namespace dynvert
