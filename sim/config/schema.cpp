#include <dynvert/sim/config/schema.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert {

namespace {

// Numbers of trials and samples: beyond any experiment, and far from any overflow of a product of two.
constexpr std::int64_t many = 1'000'000'000;

KeySpec flag(std::string_view table, std::string_view name, std::string_view standard, std::string_view text) {
  return {table, name, KeyType::boolean, standard, text, "true, false"};
}

KeySpec free_text(std::string_view table, std::string_view name, std::string_view standard, std::string_view allowed,
                  std::string_view text) {
  return {table, name, KeyType::text, standard, text, allowed};
}

KeySpec whole(std::string_view table, std::string_view name, std::string_view standard, std::int64_t least,
              std::int64_t greatest, std::string_view text) {
  KeySpec key{table, name, KeyType::integer, standard, text};
  key.min_integer = least;
  key.greatest_integer = greatest;
  return key;
}

KeySpec integers_of(std::string_view table, std::string_view name, std::string_view standard, std::int64_t least,
                    std::int64_t greatest, std::string_view allowed, std::string_view text) {
  auto key = whole(table, name, standard, least, greatest, text);
  key.type = KeyType::integers;
  key.allowed = allowed;
  return key;
}

/// Ranges are those of each number of a list.
KeySpec typed(KeySpec key, KeyType type, std::string_view allowed) {
  key.type = type;
  key.allowed = allowed;
  return key;
}

KeySpec above(std::string_view table, std::string_view name, std::string_view standard, double least,
              std::string_view text) {
  KeySpec key{table, name, KeyType::real, standard, text};
  key.least = least;
  key.min_excluded = true;
  return key;
}

KeySpec at_least(std::string_view table, std::string_view name, std::string_view standard, double least,
                 std::string_view text) {
  auto key = above(table, name, standard, least, text);
  key.min_excluded = false;
  return key;
}

KeySpec below(KeySpec key, double greatest) {
  key.greatest = greatest;
  key.greatest_excluded = true;
  return key;
}

KeySpec choice(std::string_view table, std::string_view name, std::string_view standard,
               std::vector<Choice> Vocabulary::*choices, std::string_view text) {
  KeySpec key{table, name, KeyType::text, standard, text};
  key.choices = choices;
  return key;
}

KeySpec name_of(std::string_view table, std::string_view name, KeyType type, std::string_view standard,
                std::vector<std::string> Vocabulary::*names, std::string_view text) {
  KeySpec key{table, name, type, standard, text};
  key.names = names;
  return key;
}

KeySpec one_of(std::string_view table, std::string_view name, std::string_view standard, std::vector<std::string> names,
               std::string_view text) {
  KeySpec key{table, name, KeyType::text, standard, text};
  key.fixed_names = std::move(names);
  return key;
}

KeySpec governed(KeySpec key, std::string_view by) {
  key.governed_by = by;
  return key;
}

std::vector<KeySpec> make_schema() {
  constexpr auto any_seed = std::numeric_limits<std::int64_t>::max();
  return {
      free_text("experiment", "title", "\"\"", "any text", "Title of the experiment, for people"),
      whole("experiment", "seed", "0", 0, any_seed, "Seed of every random number"),
      whole("experiment", "trials", "required, or epochs", 1, many,
            "Number of trials; of a circuit, whose trials differ in what is drawn, by default 1"),
      whole("experiment", "epochs", "required, or trials", 1, many, "Passes through the data set, in place of trials"),
      whole("experiment", "threads", "1", 1, 1024, "Number of threads; the numbers do not depend on it"),
      one_of("experiment", "fast", "\"auto\"", {"auto", "off"},
             "Whether faster forms that are equal up to rounding may take the place of plain ones"),
      flag("experiment", "reproducible", "false",
           "Whether every x86-64 processor gives the same bits, at a price in speed"),

      choice("task", "kind", "required", &Vocabulary::tasks, "What is learned"),
      whole("task", "inputs", "first of network.layers", 1, 1'000'000,
            "Number of inputs; must be the first of network.layers"),
      whole("task", "outputs", "last of network.layers", 1, 1'000'000,
            "Number of outputs; must be the last of network.layers"),
      governed(whole("task", "samples", "2000; mnist_ tasks: 60000; dataset: all in the file", 1, many,
                     "Size of the training set; of files, so many from the first"),
               "kind"),
      governed(whole("task", "test_samples", "mnist_ tasks: 10000; digits: 500; dataset: all in the file", 0, many,
                     "Size of the test set; 0: none, or for dataset all in the file"),
               "kind"),
      governed(above("task", "teacher_half_width", "1.0; tanh_teacher: 0.01", 0,
                     "The weights of the teacher are drawn from U(-w, w)"),
               "kind"),
      governed(free_text("task", "path", "required", "a file name",
                         "mnist_ tasks: the folder with the four files; dataset: an HDF5 or IDX file"),
               "kind"),
      governed(free_text("task", "targets_path", "\"\"", "a file name",
                         "An IDX file of the targets or labels, path being one of the inputs; empty: path is HDF5"),
               "kind"),
      governed(free_text("task", "group", "\"/\"", "a group of the file, from /",
                         "HDF5: the group that holds x, and t or labels"),
               "kind"),
      governed(free_text("task", "test_path", "\"\"", "a file name", "The same of the test set; empty: there is none"),
               "kind"),
      governed(free_text("task", "test_targets_path", "\"\"", "a file name", "The same of the test set"), "kind"),
      governed(free_text("task", "test_group", "\"\"", "a group of the file, from /",
                         "The same of the test set, in the file path where test_path is empty; empty: as group"),
               "kind"),
      governed(one_of("task", "targets", "\"values\"", {"values", "classes"},
                      "What the network is to give: numbers, or a class, whose output is 1 and the others 0"),
               "kind"),
      governed(one_of("task", "scaling", "\"standardised\"; mnist_autoencoder: \"unit\"; dataset: \"none\"",
                      {"none", "unit", "standardised"},
                      "Inputs as they are, bytes divided by 255, or less the training set's mean and divided by its "
                      "deviation, one number each"),
               "kind"),

      integers_of("network", "layers", "required", 1, 1'000'000, "3 to 1000 layers of 1 to 1000000 units",
                  "Units of each layer, from the inputs to the outputs"),
      name_of("network", "activation", KeyType::name_or_names, "\"linear\"", &Vocabulary::activations,
              "Rate function of the hidden layers: one name, or a list with one name a hidden layer"),
      name_of("network", "output", KeyType::text, "\"linear\"", &Vocabulary::outputs,
              "Rate function of the last layer"),
      flag("network", "bias", "false", "Whether the layers have biases, which learn"),
      {"network", "init", KeyType::table, "{}", "Weights at the start, see [network.init]", "keys of [network.init]"},

      choice("network.init", "kind", "\"uniform\"", &Vocabulary::inits, "Where the weights at the start come from"),
      governed(at_least("network.init", "half_width", "0.01", 0, "uniform: weights and biases are drawn from U(-w, w)"),
               "kind"),
      governed(above("network.init", "gain", "1.0", 0, "orthogonal: factor of the orthogonal matrices; biases are 0"),
               "kind"),
      governed(free_text("network.init", "path", "required", "a file name", "file: an HDF5 file"), "kind"),
      governed(free_text("network.init", "group", "\"/\"", "a group of the file, from /",
                         "file: the group that holds W1.. and b1.."),
               "kind"),
      governed(whole("network.init", "snapshot", "-1", -1, many,
                     "file: of several snapshots the one after so many trials; -1: the last"),
               "kind"),

      at_least("learning", "rate", "required", 0, "Learning rate eta"),
      below(at_least("learning", "decay", "0.0", 0, "Weight decay lambda, a trial"), 1),
      whole("learning", "batch", "1", 1, 1'000'000, "Samples a trial; their weight changes add up"),
      above("learning", "clip_delta", "none", 0, "Largest norm of the credit signal of a hidden layer, a sample"),
      flag("learning", "normalise_updates", "false", "Divide each weight change by its Frobenius norm"),
      flag("learning", "skip_first", "false", "The first trial changes nothing"),
      one_of("learning", "precision", "\"double\"", {"double", "single"},
             "Of the first layer's weights, where models learn in blocks of trials"),

      choice("inversion", "signal", "\"step\"", &Vocabulary::error_signals, "The error that the loops invert, in time"),
      whole("inversion", "samples", "1", 1, 1'000'000,
            "Errors, each with an input of its own, that are drawn; each is inverted at every point of the grid"),
      above("inversion", "amplitude", "1.0", 0, "Standard deviation of the components of an error"),
      at_least("inversion", "onset", "0.0", 0, "When the error appears"),
      governed(above("inversion", "rise", "10.0", 0, "ramp: how long the error takes to its full size"), "signal"),
      governed(at_least("inversion", "noise", "0.5", 0,
                        "noise: standard deviation of the fluctuations around the error, relative to amplitude"),
               "signal"),
      governed(above("inversion", "noise_tau", "1.0", 0, "noise: correlation time of the fluctuations"), "signal"),
      typed(at_least("inversion", "alpha", "[]", 0, "Leaks of the grid; empty: the model's own"), KeyType::reals,
            "finite real numbers at least 0"),
      typed(above("inversion", "ratio", "[]", 0,
                  "Ratios tau_u / tau_delta of the grid, tau_delta as the model has it; empty: the model's own"),
            KeyType::reals, "finite real numbers above 0"),
      [] {
        KeySpec key{"inversion", "feedback", KeyType::names, "[]",
                    "Kinds of feedback: each model becomes one model NAME_KIND for each; empty: the model's own"};
        key.choices = &Vocabulary::feedback_kinds;
        return key;
      }(),

      choice("dynamics", "solver", "\"dopri5\"", &Vocabulary::solvers, "How the equations are advanced in time"),
      governed(above("dynamics", "dt", "0.5", 0,
                     "Step of a fixed-step solver, first step of an adaptive one; time between the samples of a trace "
                     "where record.interval is 0"),
               "solver"),
      governed(above("dynamics", "duration", "499.5", 0,
                     "Length of the inversion; for a fixed-step solver a whole number of dt"),
               "solver"),
      governed(below(at_least("dynamics", "settle_tolerance", "0.0", 0,
                              "Ends a trial early, once tau times the rate of change is below this part of the largest "
                              "state; 0: never"),
                     1),
               "solver"),
      governed(below(above("dynamics", "rtol", "1e-06", 0, "Relative tolerance of an adaptive solver"), 1), "solver"),
      governed(above("dynamics", "atol", "1e-09", 0, "Absolute tolerance of an adaptive solver"), "solver"),
      above("dynamics", "tau_delta", "1.0", 0, "Time constant of the error populations"),
      above("dynamics", "tau_u", "1.0", 0, "Time constant of the controllers"),
      above("dynamics", "tau_h", "1.0", 0, "Time constant of the forward populations, where they move"),
      one_of("dynamics", "forward", "\"instantaneous\"", {"instantaneous", "dynamic"},
             "How the forward pass is computed: at once, or in time before the inversion"),
      above("dynamics", "forward_duration", "50.0", 0,
            "Length of a dynamic forward pass; for a fixed-step solver a whole number of dt"),
      name_of("dynamics", "transfer", KeyType::text, "\"linear\"", &Vocabulary::transfers,
              "What the error populations transmit, and how credit is read from them"),
      {"dynamics", "phases", KeyType::phases, "[]",
       "concurrent models: when stimulus and target are on, see [[dynamics.phases]]; empty: both for duration",
       "phases in the order of time, at most 1000, the target on in one of them"},
      one_of("dynamics", "plasticity", "\"end_of_trial\"", {"end_of_trial", "continuous"},
             "concurrent models: when the weights change"),
      above("dynamics", "tau_w", "1.0", 0, "continuous plasticity: time constant of the weights"),
      one_of("dynamics", "on_divergence", "\"stop\"", {"stop", "skip"},
             "What a trial that diverges does: stop ends the run, skip leaves the weights as they are and goes on"),
      above("dynamics", "divergence_limit", "1000000.0", 0, "A state beyond this has diverged"),
      governed(whole("dynamics", "max_steps", "1000000", 1, many, "A loop that needs more steps ends with an error"),
               "solver"),

      at_least("dynamics.phases", "start", "end of the phase before", 0,
               "When the phase begins; in a gap between two phases nothing is on"),
      above("dynamics.phases", "duration", "required", 0,
            "How long it lasts; for a fixed-step solver a whole number of dt"),
      flag("dynamics.phases", "stimulus", "false", "Whether the input is shown"),
      flag("dynamics.phases", "target", "false", "Whether the target is, so that there is an error"),

      choice("feedback", "kind", "\"negative_transpose\"", &Vocabulary::feedback_kinds,
             "Where the feedback weights B come from"),
      governed(name_of("feedback", "factor", KeyType::text, "\"negative_transpose\"", &Vocabulary::feedback_factors,
                       "product: the kind of the matrices of each layer that it is made of"),
               "kind"),
      governed(above("feedback", "gain", "1.0", 0, "Factor k of the negative_ kinds, as in B = -k W'"), "kind"),
      governed(above("feedback", "half_width", "0.5", 0, "random, optimised: B is drawn from U(-w, w)"), "kind"),
      governed(
          [] {
            auto key =
                at_least("feedback", "margin", "0.0", -1e6,
                         "optimised, or with restabilise: the spectral abscissa of the loop is brought below this");
            key.greatest = 0;
            return key;
          }(),
          "kind"),
      flag("feedback", "restabilise", "false", "Optimise B again whenever its loop becomes unstable during learning"),
      governed(free_text("feedback", "path", "required", "a file name", "file: an HDF5 file"), "kind"),
      governed(
          free_text("feedback", "group", "\"/\"", "a group of the file, from /", "file: the group that holds B2.."),
          "kind"),
      governed(whole("feedback", "snapshot", "-1", -1, many,
                     "file: of several snapshots the one after so many trials; -1: the last"),
               "kind"),

      integers_of("record", "trials", "[]", 0, many, "numbers of trials, each once, at most 100000",
                  "Trials whose trajectories are kept, the first trial is 0"),
      whole("record", "every", "0", 0, many,
            "Keep the trajectories of every so many trials, in place of trials; 0: none"),
      at_least("record", "interval", "0.0", 0,
               "Time between the samples of a trace, a whole number of dt for a fixed-step solver; 0: dt"),
      {"record", "populations", KeyType::names, "[]", "Populations whose trajectories are kept; empty: all",
       "delta_l, u_l, a_l, h_0, t, W_l, b_l of the models' layers, each once"},
      whole("record", "weights_every", "0", 0, many,
            "Trials between snapshots of the weights; 0: the first and the last only"),
      whole("record", "evaluate_every", "1", 1, many, "Trials between evaluations of the loss"),
      name_of("record", "measures", KeyType::names, "[]", &Vocabulary::measures, "What is measured in each trial"),
      whole("record", "unsettled_limit", "10", 0, 1'000'000,
            "So many trials a model that diverged or did not settle are kept unasked"),
      whole("record", "compression", "0", 0, 9, "Level of gzip, 0: none"),
      at_least("record", "commit_interval", "2.0", 0,
               "Seconds between commits to the file, more where the disk is slow: what a crash may lose"),

      free_text("model", "name", "required", "letters, digits and _, no digit first",
                "Name of the model, and of its group in the file"),
      choice("model", "credit", "required", &Vocabulary::credits,
             "How the error becomes a credit signal for each hidden layer"),
      at_least("model", "alpha", "0.01", 0, "Leak of the controller"),
      {"model", "feedback", KeyType::table, "{}", "Keys of [feedback] of this model's own", "keys of [feedback]"},

      free_text("population", "name", "required", "letters, digits and _, no digit first",
                "Name of the population, and of its dataset in the file"),
      whole("population", "units", "1", 1, 1'000'000, "Number of units"),
      above("population", "tau", "1.0", 0, "Time constant"),
      at_least("population", "leak", "1.0", 0, "Leak; 0: an integrator"),
      name_of("population", "rate", KeyType::text, "\"linear\"", &Vocabulary::outputs, "Rate function"),
      typed({"population", "initial", KeyType::real_or_reals, "[]",
             "State at the start: one number, or one for each unit; empty: 0"},
            KeyType::real_or_reals, "finite real numbers"),
      at_least("population", "initial_half_width", "0.0", 0,
               "A number from U(-w, w) is added to the state at the start of each unit in each trial"),

      free_text("projection", "name", "SOURCE_TARGET", "letters, digits and _, no digit first",
                "Name of the projection, and of its weights in the file"),
      free_text("projection", "source", "required", "name of a population", "Where it comes from"),
      free_text("projection", "target", "required", "name of a population", "Where it goes to"),
      choice("projection", "kind", "\"one_to_one\"", &Vocabulary::projections, "Where its weights come from"),
      governed({"projection", "weight", KeyType::real, "1.0", "one_to_one: from each unit to the one of its number",
                "a finite real number"},
               "kind"),
      governed({"projection", "matrix", KeyType::matrix, "required",
                "matrix: the weights, a row for each unit of the target", "rows of finite real numbers of one length"},
               "kind"),
      governed(at_least("projection", "half_width", "1.0", 0, "uniform: the weights are drawn from U(-w, w)"), "kind"),
      governed(free_text("projection", "path", "required", "a file name", "file: an HDF5 file"), "kind"),
      governed(free_text("projection", "group", "\"/\"", "a group of the file, from /", "file: the group"), "kind"),
      governed(free_text("projection", "dataset", "required", "name of a dataset",
                         "file: the matrix, units of the target x units of the source"),
               "kind"),
      choice("projection", "transmits", "\"rate\"", &Vocabulary::transmissions,
             "What it transmits of its source: its rate, its state, or its state times a gain"),
      governed(free_text("projection", "follows", "required", "name of a population of the source's size",
                         "gain: the population whose slope g'(x) is the gain"),
               "transmits"),
      governed(flag("projection", "reciprocal", "false", "gain: 1/g'(x) in place of g'(x)"), "transmits"),

      free_text("input", "population", "required", "name of a population", "Where the input arrives; inputs add up"),
      choice("input", "shape", "\"step\"", &Vocabulary::inputs, "Its course in time"),
      typed({"input", "amplitude", KeyType::real_or_reals, "[1.0]", "Its size: one number, or one for each unit"},
            KeyType::real_or_reals, "finite real numbers"),
      at_least("input", "start", "0.0", 0, "When it begins"),
      at_least("input", "duration", "0.0", 0, "How long it lasts; 0: to the end"),
      governed(at_least("input", "rise", "0.0", 0, "ramp: how long it takes to its full size"), "shape"),
      governed(above("input", "period", "1.0", 0, "sine: the period"), "shape"),
      governed(above("input", "noise_tau", "1.0", 0, "noise: the correlation time"), "shape"),
  };
}

std::string real_range(const KeySpec& key) {
  std::string text;
  const bool bounded = key.least > -std::numeric_limits<double>::infinity();
  if (bounded) text = fmt::format("{} {}", key.min_excluded ? "above" : "at least", key.least);
  if (key.greatest < std::numeric_limits<double>::infinity())
    text += fmt::format("{}{} {}", bounded ? ", " : "", key.greatest_excluded ? "below" : "at most", key.greatest);
  return text;
}

}  // namespace

const std::vector<KeySpec>& config_schema() {
  static const std::vector<KeySpec> schema = make_schema();
  return schema;
}

const KeySpec* find_key(std::string_view table, std::string_view name) {
  const auto& schema = config_schema();
  const auto found = std::find_if(schema.begin(), schema.end(),
                                  [&](const KeySpec& key) { return key.table == table && key.name == name; });
  return found == schema.end() ? nullptr : &*found;
}

std::vector<std::string> key_names(std::string_view table) {
  std::vector<std::string> names;
  for (const auto& key : config_schema())
    if (key.table == table) names.emplace_back(key.name);
  return names;
}

std::vector<std::string> names_of(const KeySpec& key, const Vocabulary& vocabulary) {
  if (key.names != nullptr) return vocabulary.*key.names;
  if (key.choices == nullptr) return key.fixed_names;
  std::vector<std::string> names;
  for (const auto& c : vocabulary.*key.choices) names.push_back(c.name);
  return names;
}

std::string allowed_text(const KeySpec& key, const Vocabulary& vocabulary) {
  if (const auto names = names_of(key, vocabulary); !names.empty()) return fmt::format("{}", fmt::join(names, ", "));
  if (!key.allowed.empty()) return std::string(key.allowed);
  if (key.type == KeyType::integer) return fmt::format("{} to {}", key.min_integer, key.greatest_integer);
  return real_range(key);
}

std::string_view type_text(KeyType type) {
  switch (type) {
    case KeyType::boolean:
      return "boolean";
    case KeyType::integer:
      return "integer";
    case KeyType::real:
      return "real";
    case KeyType::text:
      return "text";
    case KeyType::names:
      return "list of names";
    case KeyType::integers:
      return "list of integers";
    case KeyType::reals:
      return "list of reals";
    case KeyType::real_or_reals:
      return "real or list of reals";
    case KeyType::matrix:
      return "list of lists of reals";
    case KeyType::name_or_names:
      return "name or list of names";
    case KeyType::phases:
      return "list of tables";
    case KeyType::table:
      return "table";
  }
  return "";
}

const Choice* find_choice(const std::vector<Choice>& choices, std::string_view name) {
  const auto found = std::find_if(choices.begin(), choices.end(), [&](const Choice& c) { return c.name == name; });
  return found == choices.end() ? nullptr : &*found;
}

bool uses(const Choice* choice, std::string_view key) {
  return choice != nullptr && std::find(choice->uses.begin(), choice->uses.end(), key) != choice->uses.end();
}

}  // namespace dynvert
