#pragma once

/// The configuration of an experiment as plain values: what sim/config/load.cpp makes of a TOML file, and what a
/// program that links the library fills in directly. docs/configuration.md describes each key for users.
/// `parameters` are the values of keys that the chosen part declares itself (models/parameter.hpp).

#include <dynvert/models/credit/settling_band.hpp>
#include <dynvert/models/equations/description.hpp>
#include <dynvert/models/parameter.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// [task]
struct TaskConfig {
  std::string kind = {};          ///< name of a registered task
  std::size_t inputs = 0;         ///< n_0; default and required to agree with network.layers
  std::size_t outputs = 0;        ///< n_L; likewise
  std::size_t samples = 2000;     ///< size of the training set; 0 before loading: all that the file holds
  std::size_t test_samples = 0;   ///< of the test set; 0: there is none
  std::string path = {};          ///< data from files: a folder or file (absolute after loading)
  std::string targets_path = {};  ///< dataset: the second file of an IDX pair; empty: HDF5
  std::string group = "/";        ///< dataset: group of an HDF5 file; from there the names of its datasets
  std::string x = "x", t = "t", labels = "labels";
  std::string test_path = {};  ///< dataset: likewise of the test set; empty: none, or of the training set's file
  std::string test_targets_path = {};
  std::string test_group = {};                             ///< empty: that of the training set
  std::string test_x = {}, test_t = {}, test_labels = {};  ///< empty: as those of the training set
  bool transposed = false;                                 ///< the sample is the last axis in HDF5
  std::string targets = "values";                          ///< "values" | "classes"
  int labels_from = 0;                                     ///< the label of the first class
  std::string scaling = "none";                            ///< "none" | "unit" | "standardised"
  ParameterValues parameters = {};

  bool operator==(const TaskConfig&) const = default;
};

/// network.init
struct InitConfig {
  std::string kind = "uniform";  ///< "uniform" | "orthogonal" | "file"
  double half_width = 0.01;      ///< uniform
  double gain = 1;               ///< orthogonal
  std::string path;              ///< file: HDF5 file (absolute after loading)
  std::string group = "/";       ///< file: group with W1.., b1..
  int snapshot = -1;             ///< file: with several snapshots, the one after so many trials; -1: the last
  ParameterValues parameters = {};

  bool operator==(const InitConfig&) const = default;
};

/// [network]
struct NetworkConfig {
  std::vector<std::size_t> layers;      ///< n_0 .. n_L, at least three
  std::vector<std::string> activation;  ///< g_1 .. g_{L-1} of the hidden layers
  std::string output = "linear";        ///< g_L
  bool bias = false;
  InitConfig init;

  bool operator==(const NetworkConfig&) const = default;
};

/// [learning]
struct LearningConfig {
  double rate = 0;   ///< eta
  double decay = 0;  ///< lambda
  std::size_t batch = 1;
  double clip_delta = std::numeric_limits<double>::infinity();  ///< largest norm of a hidden layer's delta (per sample)
  bool normalise_updates = false;
  bool skip_first = false;           ///< the first trial changes nothing
  std::string precision = "double";  ///< of the first layer's weights while they learn in blocks

  bool operator==(const LearningConfig&) const = default;
};

/// An entry of dynamics.phases
struct PhaseConfig {
  double start = 0;  ///< after loading always set; default: the end of the phase before
  double duration = 0;
  bool stimulus = false, target = false;

  bool operator==(const PhaseConfig&) const = default;
};

/// [dynamics] and the same keys of a [[model]]
struct DynamicsConfig {
  std::string solver = "dopri5";
  double dt = 0.5;
  double duration = 499.5;
  double settle_tolerance = 0;
  double rtol = 1e-6;
  double atol = 1e-9;
  double tau_delta = 1;
  double tau_u = 1;
  double tau_h = 1;                         ///< forward populations, where they move
  std::string forward = "instantaneous";    ///< "instantaneous" | "dynamic"
  double forward_duration = 50;             ///< of a dynamic forward pass
  std::string transfer = "linear";          ///< a name of Transfer (models/credit/credit.hpp)
  std::vector<PhaseConfig> phases;          ///< concurrent models; empty: stimulus and target on for `duration`
  std::string plasticity = "end_of_trial";  ///< concurrent models: "end_of_trial" | "continuous"
  double tau_w = 1;                         ///< time constant of continuous plasticity
  std::string on_divergence = "stop";       ///< "stop" | "skip"
  double divergence_limit = 1e6;
  double settling_band = default_settling_band;  ///< a loop has settled within this of its steady state
  std::size_t max_steps = 1'000'000;             ///< a loop that needs more ends with an error
  ParameterValues parameters = {};

  bool operator==(const DynamicsConfig&) const = default;
};

/// [feedback] and [[model]].feedback
struct FeedbackConfig {
  std::string kind = "negative_transpose";
  std::string factor = "negative_transpose";  ///< product: the formula of its factors
  double gain = 1;                            ///< k of -k W'
  double half_width = 0.5;                    ///< random, optimised
  double margin = 0;                          ///< optimised: the spectral abscissa asked for lies below this
  bool restabilise = false;
  std::string path;         ///< file: HDF5 file (absolute after loading)
  std::string group = "/";  ///< file: group with B2..
  int snapshot = -1;        ///< file: with several snapshots, the one after so many trials; -1: the last
  ParameterValues parameters = {};

  bool operator==(const FeedbackConfig&) const = default;
};

/// [inversion]: loops without learning, over a grid of parameters
struct InversionConfig {
  std::string signal = "step";        ///< "step" | "ramp" | "noise": the error in time
  std::size_t samples = 1;            ///< errors, each with an input of its own, that are drawn and inverted
  double amplitude = 1;               ///< standard deviation of the components of an error
  double onset = 0;                   ///< when the error appears
  double rise = 10;                   ///< ramp: time until it reaches its full size
  double noise = 0.5;                 ///< noise: standard deviation of its fluctuations, relative to amplitude
  double noise_tau = 1;               ///< noise: their correlation time
  std::vector<double> alpha;          ///< leaks of the grid; empty: the model's own
  std::vector<double> ratio;          ///< tau_u / tau_delta of the grid, tau_delta as it is; empty: the model's own
  std::vector<std::string> feedback;  ///< kinds: a model NAME_KIND for each model and kind; empty after loading
  ParameterValues parameters = {};

  bool operator==(const InversionConfig&) const = default;
};

/// One [[population]] of a circuit of the user's own
struct PopulationConfig {
  std::string name = {};
  std::size_t units = 1;
  double tau = 1;
  double leak = 1;
  std::string rate = "linear";
  double noise = 0;                  ///< sigma of tau dx = (..) dt + sigma dW
  std::vector<double> initial = {};  ///< state at the start: nothing (0), one number, or one for each unit
  double initial_half_width = 0;     ///< U(-w, w) is added to it, drawn for each trial

  bool operator==(const PopulationConfig&) const = default;
};

/// One [[projection]]
struct ProjectionConfig {
  std::string name = {};  ///< after loading always set; default: SOURCE_TARGET
  std::string source = {}, target = {};
  std::string kind = "one_to_one";               ///< "one_to_one" | "matrix" | "uniform" | "file"
  double weight = 1;                             ///< one_to_one
  std::vector<std::vector<double>> matrix = {};  ///< matrix: rows are targets
  double half_width = 1;                         ///< uniform
  std::string path = {};                         ///< file: HDF5 file (absolute after loading)
  std::string group = "/";
  std::string dataset = {};        ///< file: name of the matrix
  std::string transmits = "rate";  ///< "rate" | "state" | "gain"
  std::string follows = {};        ///< gain: the population whose slope it is
  bool reciprocal = false;         ///< gain: 1 / slope
  ParameterValues parameters = {};

  bool operator==(const ProjectionConfig&) const = default;
};

/// One [[input]]
struct InputConfig {
  std::string name = {};  ///< after loading always set; default: POPULATION_SHAPE, with a number where that is taken
  std::string population = {};
  std::string shape = "step";          ///< a name of InputSignal::Shape (models/circuit/input_signal.hpp)
  std::vector<double> amplitude{1.0};  ///< one number, or one for each unit
  double start = 0;
  double duration = 0;  ///< 0: to the end
  ParameterValues parameters = {};

  bool operator==(const InputConfig&) const = default;
};

/// Steady state and spectrum of a user-defined circuit take matrices of the square of its variables, which are not made
/// beyond so many.
inline constexpr std::size_t max_steady_variables = 4000;

/// A circuit of the user's own: [[population]], [[projection]], [[input]]
struct CircuitConfig {
  std::vector<PopulationConfig> populations;
  std::vector<ProjectionConfig> projections;
  std::vector<InputConfig> inputs;
  DynamicsConfig dynamics;

  bool operator==(const CircuitConfig&) const = default;
};

/// An entry of record.population: a population of which less is recorded than of the others.
struct RecordedPopulation {
  std::string name;
  std::vector<std::size_t> units;  ///< numbers of units; empty: all
  double interval = 0;             ///< time between samples, a whole number of record.interval; 0: record.interval

  bool operator==(const RecordedPopulation&) const = default;
};

/// [record]
struct RecordConfig {
  std::vector<std::size_t> trials;       ///< trials whose trajectories are kept
  std::size_t every = 0;                 ///< or every so many trials; 0: none
  double interval = 0;                   ///< time between samples of a trace; 0: dt
  std::vector<std::string> populations;  ///< empty: all
  std::vector<RecordedPopulation> population;
  std::size_t weights_every = 0;      ///< trials between snapshots of the weights; 0: first and last only
  std::size_t evaluate_every = 1;     ///< trials between evaluations
  std::vector<std::string> measures;  ///< names of registered measures
  std::size_t unsettled_limit =
      10;                      ///< so many trials that did not settle or diverged are recorded automatically, per model
  int compression = 0;         ///< gzip level 0..9
  double commit_interval = 2;  ///< seconds between commits to the file

  bool operator==(const RecordConfig&) const = default;
};

/// One [[model]]
struct ModelConfig {
  std::string name;
  std::string credit;  ///< name of a registered credit model; empty: a circuit file
  double alpha = 0.01;
  DynamicsConfig dynamics;
  FeedbackConfig feedback;
  ParameterValues parameters = {};
  std::string circuit = {};       ///< name of the circuit file
  std::string circuit_text = {};  ///< what is in it
  /// The circuit, for the network and with the model's parameters.
  std::optional<equations::Description> description = std::nullopt;

  bool operator==(const ModelConfig&) const = default;
};

/// What is run: models that learn, their loops without learning, or a circuit of the user's own.
enum class ExperimentKind { learning, inversion, circuit };

struct Config {
  ExperimentKind kind = ExperimentKind::learning;
  std::string title;
  std::uint64_t seed = 0;
  std::size_t trials = 0;  ///< resolved: epochs x samples / batch where epochs were given; inversions: points x samples
  std::size_t threads = 1;
  std::string fast = "auto";  ///< "auto" | "off": no faster form in place of the plain one
  bool reproducible = false;  ///< the same bits on every x86-64 processor (reproducible.hpp)
  TaskConfig task;
  NetworkConfig network;
  LearningConfig learning;
  InversionConfig inversion;
  CircuitConfig circuit;
  RecordConfig record;
  std::vector<ModelConfig> models;

  std::string source;    ///< path of the file it came from
  std::string resolved;  ///< the whole configuration as TOML, every key that has a meaning written out; loading it
                         ///< gives an equal Config
  std::vector<std::string> notes;  ///< what the file says that no model makes use of, one line each, for people

  bool operator==(const Config&) const = default;
};

}  // namespace dynvert
