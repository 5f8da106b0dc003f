#pragma once

/// The parts that a configuration can name: what each is called, which keys it makes use of, and which it declares for
/// itself. sim/registry.cpp makes this from the registries of the program, so that config knows neither solvers nor
/// tasks.

#include <dynvert/models/parameter.hpp>
#include <dynvert/sim/config/config.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// A part that a key can name. A key that the chosen part does not use is an error.
struct Choice {
  std::string name;
  std::vector<std::string> keys = {};      ///< the common keys that it uses, of those that its kind governs
  std::string summary = {};                ///< one line for people
  std::vector<Parameter> parameters = {};  ///< keys of the same table that it declares itself
  TaskConfig defaults = {};  ///< of a task: the values of keys that are not given; inputs, outputs: those it must have
  bool gives_probabilities = true;  ///< of a task: its targets may be the probabilities of a softmax output
  /// of a task whose samples are counted in its files: fills in samples and test_samples where they are not given
  std::function<void(TaskConfig&)> count_samples = nullptr;
  bool fixed_step = false;    ///< of a solver: durations are a whole number of dt
  bool linear_only = false;   ///< of a solver: it takes linear circuits with constant input
  bool takes_noise = false;   ///< of a solver: it adds white noise
  bool spans_layers = false;  ///< of a rule of credit: its feedback can be a product of the layers' matrices
  bool one_to_one = false;    ///< of a projection: it has one number in place of a matrix
  bool constant = false;      ///< of the shape of an input: it does not change while it is on
};

struct ConfigRegistry {
  std::vector<Choice> tasks;    ///< task.kind
  std::vector<Choice> credits;  ///< model.credit; keys: of [[model]] and [dynamics]; "dynamics", "feedback": whether
                                ///< it has loops, and feedback weights
  std::vector<Choice> solvers;
  std::vector<Choice> feedback_kinds;    ///< feedback.kind. One that uses margin stabilises a loop, so it is for models
                                         ///< with loops; one that uses factor is for models whose feedback spans layers
  std::vector<Choice> feedback_factors;  ///< formulas that the factors of a product can have
  std::vector<Choice> inits;             ///< network.init.kind
  std::vector<Choice> error_signals;     ///< inversion.signal
  std::vector<Choice> projections;       ///< projection.kind
  std::vector<Choice> transmissions;     ///< projection.transmits
  std::vector<Choice> inputs;            ///< input.shape
  std::vector<Choice> transfers;
  std::vector<Choice> activations;  ///< of hidden layers
  std::vector<Choice> outputs;      ///< of the last layer, and of populations
  std::vector<Choice> measures;
};

/// @return nullptr: no such name
[[nodiscard]] const Choice* find_choice(const std::vector<Choice>& choices, std::string_view name);
/// Whether it uses the key or declares it. nullptr: it uses none
[[nodiscard]] bool uses(const Choice* choice, std::string_view key);

}  // namespace dynvert
