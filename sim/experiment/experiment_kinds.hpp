#pragma once

/// The kinds of experiment. A new kind is one file with one function that returns its ExperimentType, and one line in
/// experiment.cpp; which tables of the configuration it takes is the matter of sim/config.

#include <dynvert/sim/experiment/experiment.hpp>
#include <dynvert/sim/experiment/external_files.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// A part of what `make` does that may refuse the configuration.
struct StartStep {
  std::string key;  ///< all that it depends on: steps of one key do the same
  std::function<void()> run;
  bool stabilises = false;  ///< it optimises feedback
};

struct ExperimentType {
  ExperimentKind kind;
  bool has_models = false;  ///< what runs are [[model]]s: with their weights a file can be set up again
  bool learns = false;      ///< weights change from trial to trial, and each trial shows samples of a task
  std::unique_ptr<Experiment> (*make)(const Config& config);
  /// Together they refuse what `make` refuses, by the same functions. They use the configuration, which must live.
  std::vector<StartStep> (*start_steps)(const Config& config);
  Estimate (*estimate)(const Config& config);
  std::string (*describe)(const Config& config);
  /// the files that it reads beside the configuration, in the order of the configuration
  std::vector<ExternalFile> (*external_files)(const Config& config);
};

[[nodiscard]] const ExperimentType& experiment_type(ExperimentKind kind);

[[nodiscard]] ExperimentType learning_type();
[[nodiscard]] ExperimentType inversion_type();
[[nodiscard]] ExperimentType circuit_type();

/// The network's and the models' files, which experiments with models have in common.
[[nodiscard]] std::vector<ExternalFile> model_files(const Config& config);

/// The steps that experiments with models have in common: initial weights and feedback that are read from files.
[[nodiscard]] std::vector<StartStep> network_steps(const Config& config);
/// The values of a resolved configuration whose dotted keys begin with one of the prefixes, as the key of a step.
[[nodiscard]] std::string step_key(const Config& config, std::initializer_list<std::string_view> prefixes);

/// Parts of descriptions.
/// | text               | for example                                          |
/// |--------------------|------------------------------------------------------|
/// | solver_description | ", dopri5, duration 499.5"                           |
/// | network_line       | "  network   30-20-10"                               |
/// | model_line         | "  model     DI: sequential_inversion, feedback random, sequential_euler, 999 steps of 0.5" |
[[nodiscard]] std::string solver_description(const DynamicsConfig& dynamics);
[[nodiscard]] std::string network_line(const Config& config);
/// @param options  of the model, between its feedback and its solver: ", alpha 0.01"
[[nodiscard]] std::string model_line(const Config& config, const ModelConfig& model, const std::string& options);

}  // namespace dynvert
