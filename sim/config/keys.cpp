#include <dynvert/sim/config/keys.hpp>
#include <dynvert/sim/config/model_circuit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

// Numbers of trials and samples: beyond any experiment, and far from any overflow of a product of two.
constexpr std::int64_t many = 1'000'000'000;
constexpr std::int64_t any_seed = std::numeric_limits<std::int64_t>::max();

using enum ExperimentKind;

Key timed(std::string_view name, double& value, const Range& range, std::string_view meaning) {
  Key key = real(name, value, range, meaning);
  key.units = "time";
  return key;
}

/// Applies to these kinds of experiments alone.
Key of_experiments(Key key, std::vector<ExperimentKind> kinds, const KeyContext& context) {
  key.experiments = std::move(kinds);
  const bool included = std::ranges::find(key.experiments, context.kind) != key.experiments.end();
  if (included) return key;
  return unless(std::move(key), context.kind == inversion ? "[inversion]" : "[[population]]");
}

std::string value_text(std::string_view key, std::string_view value) { return fmt::format("{} = \"{}\"", key, value); }

/// What a model is, as reasons name it.
std::string model_text(const KeyContext& context) {
  return value_text(context.circuit ? "circuit" : "credit", context.credit->name);
}

/// Applies where the model's credit, or its circuit, uses the key.
Key by_model(Key key, const KeyContext& context) {
  if (!context.circuit) return governed(std::move(key), "credit", context.credit);
  key = governed(std::move(key), "credit", nullptr);
  return uses(context.credit, key.name) ? key : unless(std::move(key), model_text(context));
}

}  // namespace

KeyContext KeyContext::of(const ModelConfig& model) const {
  if (!model.description) return {registry, kind, find_choice(registry.credits, model.credit)};
  auto own = std::make_shared<const Choice>(circuit_choice(model));
  return {registry, kind, own.get(), own};
}

std::vector<Key> keys_of(Config& c, const KeyContext& context) {
  return {
      free_text("title", c.title, "any text", "Title of the experiment"),
      whole("seed", &c.seed, 0, any_seed, "Seed of every random number"),
      of_experiments(
          with_default(whole("trials", &c.trials, 1, many,
                             "Number of trials; default 1 for a circuit, whose trials differ in what is random"),
                       "required, or epochs"),
          {learning, circuit}, context),
      of_experiments(
          with_default(whole("epochs", std::monostate{}, 1, many, "Passes through the data set, instead of trials"),
                       "required, or trials"),
          {learning}, context),
      whole("threads", &c.threads, 1, 1024, "Number of threads; the numbers do not depend on it"),
      of_experiments(
          one_of("fast", c.fast, {"auto", "off"},
                 "Whether loops may be integrated in accelerated forms, which are equal up to rounding error"),
          {learning}, context),
      flag("reproducible", c.reproducible, "Whether every x86-64 processor gives the same bits, at a cost in speed"),
  };
}

std::vector<Key> keys_of(TaskConfig& t, const KeyContext& context) {
  const Choice* const kind = find_choice(context.registry.tasks, t.kind);
  const auto used = [&](Key key) { return governed(std::move(key), "kind", kind); };
  const std::string pair = t.targets_path.empty() ? std::string() : "targets_path, which makes the files an IDX pair";
  const std::string hdf5 = t.targets_path.empty() ? "an HDF5 file (targets_path is empty)" : std::string();
  const std::string classes = t.targets == "classes" ? value_text("targets", t.targets) : std::string();
  const std::string values = t.targets == "values" ? value_text("targets", t.targets) : std::string();
  const auto dataset = [&](std::string_view name, std::string& value, std::string_view meaning) {
    return used(unless(free_text(name, value, "name of a dataset, from the group", meaning), pair));
  };
  std::vector<Key> keys{
      required(choice("kind", &t.kind, context.registry.tasks, "What is learned")),
      with_default(whole("inputs", &t.inputs, 1, 1'000'000, "Number of inputs; must be the first of network.layers"),
                   "first of network.layers"),
      with_default(whole("outputs", &t.outputs, 1, 1'000'000, "Number of outputs; must be the last of network.layers"),
                   "last of network.layers"),
      used(whole("samples", &t.samples, 1, many,
                 "Size of the training set; from files, so many samples from the first")),
      used(whole("test_samples", &t.test_samples, 0, many,
                 "Size of the test set; 0: none, or for dataset all in the file")),
      used(required(free_text("path", t.path, "a file name",
                              "mnist_ tasks: the folder with the four files; dataset: an HDF5 or IDX file"))),
      used(free_text("targets_path", t.targets_path, "a file name",
                     "An IDX file of the targets or labels, path being one of the inputs; empty: path is HDF5")),
      used(unless(free_text("group", t.group, "a group of the file, from /", "HDF5: the group that holds the datasets"),
                  pair)),
      dataset("x", t.x, "HDF5: the dataset of the inputs"),
      unless(dataset("t", t.t, "HDF5: the dataset of the targets"), classes),
      unless(dataset("labels", t.labels,
                     "HDF5: the dataset of the classes: one number per sample, or 1 at the class and 0 at the others"),
             values),
      used(free_text("test_path", t.test_path, "a file name", "The same of the test set; empty: there is none")),
      used(
          unless(free_text("test_targets_path", t.test_targets_path, "a file name", "The same of the test set"), hdf5)),
      used(unless(free_text("test_group", t.test_group, "a group of the file, from /",
                            "The same of the test set, in the file path where test_path is empty; empty: as group"),
                  pair)),
      dataset("test_x", t.test_x, "The same of the test set; empty: as x"),
      unless(dataset("test_t", t.test_t, "The same of the test set; empty: as t"), classes),
      unless(dataset("test_labels", t.test_labels, "The same of the test set; empty: as labels"), values),
      used(unless(flag("transposed", t.transposed,
                       "HDF5: whether the sample is the last axis, as in a matrix that MATLAB has saved with a row for "
                       "each sample"),
                  pair)),
      used(one_of("targets", t.targets, {"values", "classes"},
                  "What the network should output: numbers, or a class, coded as 1 at its output and 0 at the others")),
      used(unless(whole("labels_from", &t.labels_from, 0, 1'000'000, "The label of the first class; in MATLAB often 1"),
                  values)),
      used(one_of("scaling", t.scaling, {"none", "unit", "standardised"},
                  "Inputs as they are, bytes divided by 255, or minus the mean of the training set and divided by its "
                  "standard deviation, one number each")),
  };
  add_own_keys(keys, t.parameters, "kind", context.registry.tasks, t.kind);
  return keys;
}

std::vector<Key> keys_of(NetworkConfig& n, const KeyContext& context) {
  Key layers = whole("layers", &n.layers, 1, 1'000'000, "Units of each layer, from the inputs to the outputs");
  layers.allowed = "3 to 1000 layers of 1 to 1000000 units";
  Key init{.name = "init",
           .type = KeyType::table,
           .meaning = "Initial weights, see [network.init]",
           .allowed = "keys of [network.init]"};
  return {
      required(std::move(layers)),
      with_default(
          typed(choice("activation", &n.activation, context.registry.activations,
                       "Rate function of the hidden layers: one name, or a list with one name per hidden layer"),
                KeyType::name_or_names),
          "\"linear\""),
      choice("output", &n.output, context.registry.outputs, "Rate function of the last layer"),
      flag("bias", n.bias, "Whether the layers have biases, which learn"),
      std::move(init),
  };
}

std::vector<Key> keys_of(InitConfig& i, const KeyContext& context) {
  const Choice* const kind = find_choice(context.registry.inits, i.kind);
  const auto used = [&](Key key) { return governed(std::move(key), "kind", kind); };
  std::vector<Key> keys{
      choice("kind", &i.kind, context.registry.inits, "Where the initial weights come from"),
      used(real("half_width", i.half_width, at_least(0), "uniform: weights and biases are drawn from U(-w, w)")),
      used(real("gain", i.gain, above(0), "orthogonal: factor of the orthogonal matrices; biases are 0")),
      used(required(free_text("path", i.path, "a file name", "file: an HDF5 file"))),
      used(free_text("group", i.group, "a group of the file, from /", "file: the group that holds W1.. and b1..")),
      used(whole("snapshot", &i.snapshot, -1, many,
                 "file: with several snapshots, the one after so many trials; -1: the last")),
  };
  add_own_keys(keys, i.parameters, "kind", context.registry.inits, i.kind);
  return keys;
}

std::vector<Key> keys_of(LearningConfig& l, const KeyContext&) {
  Key clip = with_default(
      real("clip_delta", l.clip_delta, above(0), "Largest norm of the credit signal of a hidden layer, per sample"),
      "none");
  clip.written = std::isfinite(l.clip_delta);
  return {
      required(real("rate", l.rate, at_least(0), "Learning rate eta")),
      real("decay", l.decay, at_least(0).below(1), "Weight decay lambda, per trial"),
      whole("batch", &l.batch, 1, 1'000'000, "Samples per trial; their weight changes add up"),
      std::move(clip),
      flag("normalise_updates", l.normalise_updates, "Divide each weight change by its Frobenius norm"),
      flag("skip_first", l.skip_first, "The first trial changes nothing"),
      one_of("precision", l.precision, {"double", "single"},
             "Precision of the first layer's weights in models that learn in blocks of trials"),
  };
}

std::vector<Key> keys_of(InversionConfig& i, const KeyContext& context) {
  const Choice* const signal = find_choice(context.registry.error_signals, i.signal);
  const auto used = [&](Key key) { return governed(std::move(key), "signal", signal); };
  Key feedback = choice("feedback", &i.feedback, context.registry.feedback_kinds,
                        "Kinds of feedback: each model becomes one model NAME_KIND for each; empty: the model's own");
  feedback.written = false;  // models that differ in their kind of feedback are written out
  std::vector<Key> keys{
      choice("signal", &i.signal, context.registry.error_signals, "The error that the loops invert, in time"),
      whole("samples", &i.samples, 1, 1'000'000,
            "Number of random errors, each with its own input; each is inverted at every point of the grid"),
      real("amplitude", i.amplitude, above(0), "Standard deviation of the components of an error"),
      timed("onset", i.onset, at_least(0), "When the error appears"),
      used(timed("rise", i.rise, above(0), "ramp: time until the error reaches its full size")),
      used(real("noise", i.noise, at_least(0),
                "noise: standard deviation of the fluctuations around the error, relative to amplitude")),
      used(timed("noise_tau", i.noise_tau, above(0), "noise: correlation time of the fluctuations")),
      reals("alpha", i.alpha, at_least(0), "finite real numbers at least 0",
            "Leaks of the grid; empty: the model's own"),
      reals("ratio", i.ratio, above(0), "finite real numbers above 0",
            "Ratios tau_u / tau_delta of the grid, with the model's tau_delta; empty: the model's own"),
      std::move(feedback),
  };
  add_own_keys(keys, i.parameters, "signal", context.registry.error_signals, i.signal);
  return keys;
}

std::vector<Key> keys_of(DynamicsConfig& d, const KeyContext& context) {
  const Choice* const solver = find_choice(context.registry.solvers, d.solver);
  const Choice* const credit = context.credit;
  const bool concurrent = uses(credit, "phases");
  const auto reason = [](bool against, std::string text) { return against ? std::move(text) : std::string(); };
  const auto by_solver = [&](Key key) { return governed(std::move(key), "solver", solver); };
  const auto by_credit = [&](Key key) { return by_model(std::move(key), context); };
  const auto learns = [&](Key key) { return of_experiments(std::move(key), {learning}, context); };
  const auto of_loops = [&](Key key) { return of_experiments(std::move(key), {learning, inversion}, context); };
  const std::string still =
      reason(credit != nullptr && !concurrent && d.forward != "dynamic", value_text("forward", d.forward));
  Key phases{.name = "phases",
             .type = KeyType::tables,
             .slot = &d.phases,
             .meaning =
                 "concurrent models: when stimulus and target are on, see [[dynamics.phases]]; empty: both for "
                 "duration",
             .allowed = "phases in temporal order, at most 1000, the target on in one of them"};
  std::vector<Key> keys{
      choice("solver", &d.solver, context.registry.solvers, "How the equations are integrated in time"),
      by_solver(timed("dt", d.dt, above(0),
                      "Step of a fixed-step solver, first step of an adaptive one; time between the samples of a trace "
                      "where record.interval is 0")),
      by_solver(unless(timed("duration", d.duration, above(0),
                             "Length of the inversion; for a fixed-step solver a whole number of dt"),
                       reason(concurrent && !d.phases.empty(), "phases, which have their own durations"))),
      by_solver(
          real("settle_tolerance", d.settle_tolerance, at_least(0).below(1),
               "Ends a trial early, once tau times the rate of change is below this fraction of the largest state; "
               "0: never")),
      by_solver(real("rtol", d.rtol, above(0).below(1), "Relative tolerance of an adaptive solver")),
      by_solver(real("atol", d.atol, above(0), "Absolute tolerance of an adaptive solver")),
      of_loops(timed("tau_delta", d.tau_delta, above(0), "Time constant of the error populations")),
      of_loops(timed("tau_u", d.tau_u, above(0), "Time constant of the controllers")),
      learns(
          unless(timed("tau_h", d.tau_h, above(0), "Time constant of the forward populations, where they are dynamic"),
                 still)),
      learns(by_credit(one_of("forward", d.forward, {"instantaneous", "dynamic"},
                              "How the forward pass is computed: instantaneously, or in time before the inversion"))),
      learns(by_solver(
          unless(by_credit(timed("forward_duration", d.forward_duration, above(0),
                                 "Length of a dynamic forward pass; for a fixed-step solver a whole number of dt")),
                 still))),
      of_loops(choice("transfer", &d.transfer, context.registry.transfers,
                      "What the error populations transmit, and how credit is read from them")),
      learns(by_solver(by_credit(std::move(phases)))),
      learns(by_credit(one_of("plasticity", d.plasticity, {"end_of_trial", "continuous"},
                              "concurrent models: when the weights change"))),
      learns(unless(by_credit(timed("tau_w", d.tau_w, above(0), "continuous plasticity: time constant of the weights")),
                    reason(credit != nullptr && d.plasticity != "continuous", value_text("plasticity", d.plasticity)))),
      of_experiments(
          one_of("on_divergence", d.on_divergence, {"stop", "skip"},
                 "What a trial that diverges does: stop ends the run, skip leaves the weights unchanged and continues"),
          {learning, circuit}, context),
      real("divergence_limit", d.divergence_limit, above(0), "A state beyond this has diverged"),
      real("settling_band", d.settling_band, above(0).below(1),
           "A loop or circuit has settled where it stays this near to its steady state, relative to it; 0.02: the 2 % "
           "criterion"),
      by_solver(whole("max_steps", &d.max_steps, 1, many,
                      "A trial with a loop or circuit that needs more steps fails, as one that diverges")),
  };
  add_own_keys(keys, d.parameters, "solver", context.registry.solvers, d.solver);
  if (credit == nullptr) return keys;
  // what named models have in common, a circuit declares itself, or has not
  for (Key& key : keys)
    if (!uses(credit, "dynamics") || (context.circuit && is_key_of_named_models(key.name)))
      key.excluded_by = model_text(context);
  return keys;
}

std::vector<Key> keys_of(PhaseConfig& p) {
  return {
      with_default(
          timed("start", p.start, at_least(0), "When the phase begins; in a gap between two phases nothing is on"),
          "end of the phase before"),
      required(
          timed("duration", p.duration, above(0), "How long it lasts; for a fixed-step solver a whole number of dt")),
      flag("stimulus", p.stimulus, "Whether the input is shown"),
      flag("target", p.target, "Whether the target is, so that there is an error"),
  };
}

std::vector<Key> keys_of(FeedbackConfig& f, const KeyContext& context) {
  const auto& kinds = context.registry.feedback_kinds;
  const Choice* const kind = find_choice(kinds, f.kind);
  // what a product is scaled by are its factors
  const bool product = uses(kind, "factor");
  const Choice* const scaled = product ? find_choice(kinds, f.factor) : kind;
  const Choice* const credit = context.credit;
  const auto used = [&](Key key) { return governed(std::move(key), "kind", kind); };
  const auto scale = [&](Key key) {
    const bool excluded = product && !uses(scaled, key.name);
    return used(unless(std::move(key), excluded ? value_text("factor", f.factor) : ""));
  };
  const std::string loopless = credit != nullptr && !uses(credit, "dynamics") ? model_text(context) : std::string();
  Key margin = unless(real("margin", f.margin, at_least(-1e6).at_most(0),
                           "optimised, or with restabilise: the spectral abscissa of the loop is brought below this"),
                      loopless);
  margin.governed_by = {"kind"};
  const bool restabilises = f.restabilise && context.kind == learning;
  if (!uses(kind, "margin") && !restabilises)
    margin = unless(std::move(margin), value_text("kind", f.kind) + " and restabilise = false");
  std::vector<Key> keys{
      choice("kind", &f.kind, kinds, "Where the feedback weights B come from"),
      used(choice("factor", &f.factor, context.registry.feedback_factors,
                  "product: the kind of the layer matrices that are multiplied")),
      scale(real("gain", f.gain, above(0), "Factor k of the negative_ kinds, as in B = -k W'")),
      scale(real("half_width", f.half_width, above(0), "random, optimised: B is drawn from U(-w, w)")),
      std::move(margin),
      of_experiments(unless(flag("restabilise", f.restabilise,
                                 "Optimise B again whenever its loop becomes unstable during learning"),
                            loopless),
                     {learning}, context),
      used(required(free_text("path", f.path, "a file name", "file: an HDF5 file"))),
      used(free_text("group", f.group, "a group of the file, from /", "file: the group that holds B2..")),
      used(whole("snapshot", &f.snapshot, -1, many,
                 "file: with several snapshots, the one after so many trials; -1: the last")),
  };
  add_own_keys(keys, f.parameters, "kind", kinds, f.kind);
  if (credit != nullptr && !uses(credit, "feedback"))
    for (Key& key : keys) key.excluded_by = model_text(context);
  return keys;
}

std::vector<Key> keys_of(RecordConfig& r, const KeyContext& context) {
  const auto learns = [&](Key key) { return of_experiments(std::move(key), {learning}, context); };
  Key trials = whole("trials", &r.trials, 0, many, "Trials whose trajectories are recorded; the first trial is 0");
  trials.allowed = "numbers of trials, each once, at most 100000";
  Key every = whole("every", &r.every, 0, many,
                    "Interval, in trials, at which trajectories are recorded, instead of trials; 0: none");
  Key population{.name = "population",
                 .type = KeyType::tables,
                 .slot = &r.population,
                 .meaning = "Populations of which some units or fewer samples are recorded, see [[record.population]]",
                 .allowed = "tables with different names, at most 1000"};
  population.written = !r.population.empty();
  // one excludes the other, so only the one that is in use is written
  trials.written = r.every == 0;
  every.written = r.every > 0;
  return {
      std::move(trials),
      std::move(every),
      timed("interval", r.interval, at_least(0),
            "Time between the samples of a trace, a whole number of dt for a fixed-step solver; 0: dt. A trace whose "
            "last sample falls before the end is noted"),
      {.name = "populations",
       .type = KeyType::names,
       .slot = &r.populations,
       .meaning = "Populations whose trajectories are recorded; empty: all",
       .allowed = "delta_l, u_l, a_l, h_0, t, W_l, b_l of the models' layers, the populations of circuits, each once"},
      std::move(population),
      learns(whole("weights_every", &r.weights_every, 0, many,
                   "Trials between snapshots of the weights; 0: the first and the last only")),
      learns(whole("evaluate_every", &r.evaluate_every, 1, many, "Trials between evaluations of the loss")),
      of_experiments(choice("measures", &r.measures, context.registry.measures, "What is measured in each trial"),
                     {learning, inversion}, context),
      learns(whole("unsettled_limit", &r.unsettled_limit, 0, 1'000'000,
                   "So many trials of each model that diverged or did not settle are recorded automatically")),
      whole("compression", &r.compression, 0, 9, "gzip level, 0: none"),
      real("commit_interval", r.commit_interval, at_least(0),
           "Seconds between commits to the file, more where the disk is slow: what a crash may lose; 0: after each "
           "block of trials"),
  };
}

std::vector<Key> keys_of(RecordedPopulation& p) {
  Key units = whole("units", &p.units, 0, many, "Units that are recorded; empty: all");
  units.allowed = "numbers of units from 0, in ascending order";
  return {
      required(free_text("name", p.name, "a population that is recorded", "Name of the population")),
      std::move(units),
      timed("interval", p.interval, at_least(0),
            "Time between its samples, a whole number of record.interval, or of dt where that is 0; 0: that of the "
            "others"),
  };
}

std::vector<Key> keys_of(ModelConfig& m, const KeyContext& context) {
  const KeyContext own = context.of(m);
  const auto used = [&](Key key) { return by_model(std::move(key), own); };
  const bool named = !m.credit.empty();
  const auto of_circuits = [&](Key key) {
    return unless(std::move(key), named ? value_text("credit", m.credit) : std::string());
  };
  std::vector<Key> keys{
      required(free_text("name", m.name, "letters, digits and _, no digit first",
                         "Name of the model, and of its group in the file")),
      with_default(unless(choice("credit", &m.credit, context.registry.credits,
                                 "How the error becomes a credit signal for each hidden layer"),
                          m.description ? value_text("circuit", m.circuit) : ""),
                   "required, or circuit"),
      of_circuits(with_default(free_text("circuit", m.circuit, "a file name",
                                         "A file of equations in place of credit, see docs/equations.md: beside the "
                                         "configuration, or one that comes with dynvert"),
                               "required, or credit")),
      of_circuits(with_default(
          free_text("circuit_text", m.circuit_text, "a circuit file's text",
                    "The text in place of the file's, which is not read then; circuit is its name all the same"),
          "read from the file")),
  };
  // before the keys of named models, whose names they may have
  if (m.description)
    for (const Parameter& parameter : m.description->parameters) keys.push_back(own_key(parameter, m.parameters));
  keys.push_back(used(real("alpha", m.alpha, at_least(0), "Leak of the controller")));
  keys.push_back(used({.name = "feedback",
                       .type = KeyType::table,
                       .meaning = "Keys of [feedback] for this model alone",
                       .allowed = "keys of [feedback]"}));
  if (!m.description) add_own_keys(keys, m.parameters, "credit", context.registry.credits, m.credit);
  return keys;
}

std::vector<Key> keys_of(PopulationConfig& p, const KeyContext& context) {
  return {
      required(free_text("name", p.name, "letters, digits and _, no digit first",
                         "Name of the population, and of its dataset in the file")),
      whole("units", &p.units, 1, 1'000'000, "Number of units"),
      timed("tau", p.tau, above(0), "Time constant"),
      real("leak", p.leak, at_least(0), "Leak; 0: an integrator"),
      choice("rate", &p.rate, context.registry.outputs, "Rate function"),
      real("noise", p.noise, at_least(0),
           "Size sigma of white noise: tau dx = (..) dt + sigma dW, so that alone its variance becomes "
           "sigma^2 / (2 tau leak)"),
      typed(reals("initial", p.initial, {}, "finite real numbers",
                  "Initial state: one number, or one for each unit; empty: 0"),
            KeyType::real_or_reals),
      real("initial_half_width", p.initial_half_width, at_least(0),
           "A number from U(-w, w) is added to the initial state of each unit in each trial"),
  };
}

std::vector<Key> keys_of(ProjectionConfig& p, const KeyContext& context) {
  const auto& registry = context.registry;
  const Choice* const kind = find_choice(registry.projections, p.kind);
  const Choice* const transmits = find_choice(registry.transmissions, p.transmits);
  const auto used = [&](Key key) { return governed(std::move(key), "kind", kind); };
  const auto of_gain = [&](Key key) { return governed(std::move(key), "transmits", transmits); };
  std::vector<Key> keys{
      with_default(free_text("name", p.name, "letters, digits and _, no digit first",
                             "Name of the projection, and of its weights in the file"),
                   "SOURCE_TARGET"),
      required(free_text("source", p.source, "name of a population", "Where it comes from")),
      required(free_text("target", p.target, "name of a population", "Where it goes to")),
      choice("kind", &p.kind, registry.projections, "Where its weights come from"),
      used(real("weight", p.weight, {}, "one_to_one: weight from each unit to the unit with the same number")),
      used(required({.name = "matrix",
                     .type = KeyType::matrix,
                     .slot = &p.matrix,
                     .meaning = "matrix: the weights, a row for each unit of the target",
                     .allowed = "rows of finite real numbers of one length"})),
      used(real("half_width", p.half_width, at_least(0), "uniform: the weights are drawn from U(-w, w)")),
      used(required(free_text("path", p.path, "a file name", "file: an HDF5 file"))),
      used(free_text("group", p.group, "a group of the file, from /", "file: the group")),
      used(required(free_text("dataset", p.dataset, "name of a dataset",
                              "file: the matrix, units of the target x units of the source"))),
      choice("transmits", &p.transmits, registry.transmissions,
             "What it transmits of its source: its rate, its state, or its state times a gain"),
      of_gain(required(free_text("follows", p.follows, "name of a population of the source's size",
                                 "gain: the population whose slope g'(x) is the gain"))),
      of_gain(flag("reciprocal", p.reciprocal, "gain: 1/g'(x) instead of g'(x)")),
  };
  add_own_keys(keys, p.parameters, "kind", registry.projections, p.kind);
  return keys;
}

std::vector<Key> keys_of(InputConfig& i, const KeyContext& context) {
  std::vector<Key> keys{
      with_default(
          free_text("name", i.name, "letters, digits and _, no digit first", "Name of the input, for --set and sweeps"),
          "POPULATION_SHAPE"),
      required(free_text("population", i.population, "name of a population", "Where the input arrives; inputs add up")),
      choice("shape", &i.shape, context.registry.inputs, "Its time course"),
      typed(reals("amplitude", i.amplitude, {}, "finite real numbers", "Its size: one number, or one for each unit"),
            KeyType::real_or_reals),
      timed("start", i.start, at_least(0), "When it begins"),
      timed("duration", i.duration, at_least(0), "How long it lasts; 0: to the end"),
  };
  add_own_keys(keys, i.parameters, "shape", context.registry.inputs, i.shape);
  return keys;
}

}  // namespace dynvert
