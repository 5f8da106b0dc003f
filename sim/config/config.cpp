#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/config/reader.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

namespace dynvert {

namespace {

constexpr std::size_t largest_file = 4 << 20;  // bytes
constexpr std::size_t max_layers = 1000;
constexpr std::size_t max_models = 1000;
constexpr std::size_t max_recorded = 100'000;  // entries of record.trials
constexpr std::size_t max_trials = 1'000'000'000;

class Loader : private ConfigReader {
 public:
  Loader(const toml::table& tree, const std::string& file, const Vocabulary& vocabulary)
      : ConfigReader(tree, file, vocabulary), tree_(tree), file_(file), vocabulary_(vocabulary) {}

  Config load() {
    config_.kind = tree_.contains("population")  ? ExperimentKind::circuit
                   : tree_.contains("inversion") ? ExperimentKind::inversion
                                                 : ExperimentKind::learning;
    check_tables();
    // what is unknown is reported before what is missing: a key may be missing because it is misspelt
    const auto* experiment = table(tree_, "experiment", "experiment");
    const auto* record = table(tree_, "record", "record");
    read_table("experiment", "experiment", experiment, bindings(config_));
    read_table("record", "record", record, bindings(config_.record));
    for (const auto& named : {std::pair{"experiment", experiment}, std::pair{"record", record}})
      check_meaning(named.second, named.first,
                    [&](std::string_view key) { return no_meaning(config_.kind, named.first, key); });

    // what people run these for are the trajectories
    if (config_.kind != ExperimentKind::learning && config_.record.trials.empty() && config_.record.every == 0)
      config_.record.every = 1;
    switch (config_.kind) {
      case ExperimentKind::learning:
        load_learning(experiment);
        break;
      case ExperimentKind::inversion:
        load_inversion();
        break;
      case ExperimentKind::circuit:
        if (experiment == nullptr || !experiment->contains("trials")) config_.trials = 1;
        config_.circuit = read_circuit(*this, config_.record);
        break;
    }
    check_record(record);
    config_.source = file_;
    config_.resolved = resolved_toml(config_, vocabulary_);
    return std::move(config_);
  }

 private:
  void check_tables() const {
    using Kind = ExperimentKind;
    const std::vector<std::pair<std::string, std::vector<Kind>>> known{
        {"experiment", {Kind::learning, Kind::inversion, Kind::circuit}},
        {"task", {Kind::learning}},
        {"network", {Kind::learning, Kind::inversion}},
        {"learning", {Kind::learning}},
        {"inversion", {Kind::inversion}},
        {"dynamics", {Kind::learning, Kind::inversion, Kind::circuit}},
        {"feedback", {Kind::learning, Kind::inversion}},
        {"record", {Kind::learning, Kind::inversion, Kind::circuit}},
        {"model", {Kind::learning, Kind::inversion}},
        {"population", {Kind::circuit}},
        {"projection", {Kind::circuit}},
        {"input", {Kind::circuit}}};
    std::vector<std::string> names;
    for (const auto& [name, kinds] : known) names.push_back(name);
    for (const auto& [key, node] : tree_) {
      const auto found = std::ranges::find(known, key.str(), [](const auto& k) { return std::string_view(k.first); });
      if (found == known.end()) unknown(key, "", names);
      if (std::ranges::find(found->second, config_.kind) != found->second.end()) continue;
      const std::string_view reason = config_.kind == Kind::learning    ? "models that learn"
                                      : config_.kind == Kind::inversion ? "[inversion], which has no learning"
                                                                        : "[[population]], a circuit of one's own";
      fail(place_of(key.source(), std::string(key.str()), file_), fmt::format("has no meaning with {}", reason), "",
           "leave it out");
    }
  }

  void load_learning(const toml::table* experiment) {
    const auto* task = table(tree_, "task", "task");
    const auto* network = table(tree_, "network", "network");
    const auto* learning = table(tree_, "learning", "learning");
    read_table("task", "task", task, bindings(config_.task));
    require(task, "task", "task", "kind");
    read_network(network);
    read_table("learning", "learning", learning, bindings(config_.learning));
    require(learning, "learning", "learning", "rate");
    check_network(*network);
    check_init(table(*network, "init", "network.init"));
    check_task(*this, *task, config_);
    check_trials(experiment, *learning);
    read_models();
  }

  void load_inversion() {
    const auto* network = table(tree_, "network", "network");
    read_network(network);
    config_.inversion = read_inversion(*this);
    check_network(*network);
    check_init(table(*network, "init", "network.init"));
    InversionConfig& inversion = config_.inversion;
    const auto points = [](const std::vector<double>& axis) { return std::max<std::size_t>(1, axis.size()); };
    config_.trials = points(inversion.alpha) * points(inversion.ratio) * inversion.samples;
    if (const auto* feedback = table(tree_, "feedback", "feedback");
        feedback != nullptr && feedback->contains("kind") && !inversion.feedback.empty())
      fail_no_meaning(feedback, "feedback", "kind", "inversion.feedback, which names the kinds");
    read_models();
    inversion.feedback.clear();
  }

  void read_network(const toml::table* network) {
    read_table("network", "network", network, bindings(config_.network));
    require(network, "network", "network", "layers");
  }

  // --- checks -------------------------------------------------------------------------------------------------------

  void check_network(const toml::table& in) {
    auto& net = config_.network;
    const auto& n = net.layers;
    if (n.size() < 3 || n.size() > max_layers)
      fail_at(&in, "network", "layers", fmt::format("found {} layers", n.size()),
              fmt::format("3 to {}: inputs, at least one hidden layer, outputs", max_layers));
    std::size_t weights = 0;
    for (std::size_t l = 1; l < n.size(); ++l) {
      weights += n[l] * n[l - 1];
      if (weights > max_weights)
        fail_at(&in, "network", "layers",
                fmt::format("up to W{}, which is {} x {}, there would be {} weights, which is too large", l, n[l],
                            n[l - 1], weights),
                fmt::format("at most {} weights in all", max_weights));
    }
    const std::size_t hidden = n.size() - 2;
    if (!in.contains("activation")) net.activation = {"linear"};
    const auto* given = in.get("activation");
    if (given == nullptr || given->is_string()) net.activation.resize(hidden, net.activation.front());
    if (net.activation.size() != hidden)
      fail_at(&in, "network", "activation", fmt::format("found {} names", net.activation.size()),
              fmt::format("one name, or one for each of the {} hidden layers", hidden));
  }

  void check_init(const toml::table* in) {
    auto& init = config_.network.init;
    const std::string prefix = "network.init";
    read_table(prefix, prefix, in, bindings(init));
    check_meaning(in, prefix, [&](std::string_view key) { return no_meaning(init, key, vocabulary_); });
    if (no_meaning(init, "path", vocabulary_).empty()) resolve_path(in, prefix, init.path, init.group);
  }

  [[nodiscard]] bool has_samples() const { return no_meaning(config_.task, "samples", vocabulary_).empty(); }

  void check_trials(const toml::table* in, const toml::table& learning) {
    const bool trials = in != nullptr && in->contains("trials"), epochs = in != nullptr && in->contains("epochs");
    if (trials == epochs)
      fail_at(in, "experiment", trials ? "epochs" : "trials",
              trials ? "is given together with trials" : "is missing, and so is epochs", "either trials or epochs");
    const std::size_t samples = config_.task.samples, batch = config_.learning.batch;
    if (has_samples() && batch > samples)
      fail_at(&learning, "learning", "batch", fmt::format("{} is more than the {} samples of the task", batch, samples),
              fmt::format("1 to {}", samples));
    if (!epochs) return;
    const std::size_t passes = number("experiment", *in, "epochs");
    if (!has_samples())
      fail_no_meaning(in, "experiment", "epochs", fmt::format("task.kind = \"{}\"", config_.task.kind));
    if (samples % batch != 0)
      fail_at(&learning, "learning", "batch",
              fmt::format("{} does not divide the {} samples of an epoch", batch, samples),
              "a divisor of task.samples, or experiment.trials in place of epochs");
    if (samples / batch > max_trials / passes)
      fail_at(in, "experiment", "epochs", fmt::format("{} epochs are too many trials", passes),
              fmt::format("at most {} trials", max_trials));
    config_.trials = passes * (samples / batch);
  }

  void check_record(const toml::table* in) {
    auto& record = config_.record;
    if (!record.trials.empty() && record.every > 0)
      fail_at(in, "record", "every", "is given together with record.trials", "either record.trials or record.every");
    if (record.trials.size() > max_recorded)
      fail_at(in, "record", "trials", fmt::format("found {} trials", record.trials.size()),
              fmt::format("at most {}; record.every takes them at regular intervals", max_recorded));
    std::sort(record.trials.begin(), record.trials.end());
    if (const auto twice = std::adjacent_find(record.trials.begin(), record.trials.end()); twice != record.trials.end())
      fail_at(in, "record", "trials", fmt::format("{} stands there twice", *twice), "each trial once");
    if (!record.trials.empty() && record.trials.back() >= config_.trials)
      fail_at(in, "record", "trials",
              fmt::format("found {}, but the experiment has {} trials", record.trials.back(), config_.trials),
              fmt::format("0 to {}", config_.trials - 1));

    std::vector<std::string> known;
    for (const auto& population : config_.circuit.populations) known.push_back(population.name);
    const std::size_t depth = std::max<std::size_t>(1, config_.network.layers.size()) - 1;
    for (std::size_t l = 1; l < depth; ++l) known.push_back(fmt::format("delta_{}", l));
    for (std::size_t l = 1; l <= depth; ++l) {
      for (const auto* name : {"u_{}", "a_{}", "W{}", "b{}"}) known.push_back(fmt::format(fmt::runtime(name), l));
    }
    if (depth > 0) known.insert(known.end(), {"h_0", "t"});
    for (std::size_t l = 1; l < depth; ++l) {
      for (std::size_t m = l + 1; m < depth; ++m) known.push_back(fmt::format("delta_{}_run_{}", m, l));
    }
    for (const auto& name : record.populations)
      if (std::find(known.begin(), known.end(), name) == known.end())
        fail(place(in, "record", "populations"), "no population has the name " + in_quotes(name), name,
             depth < 5 ? fmt::format("{}", fmt::join(known, ", "))
                       : fmt::format("delta_1 .. delta_{}, u_1 .. u_{}, a_1 .. a_{}, h_0, t, W1 .. W{}, b1 .. b{}",
                                     depth - 1, depth, depth, depth, depth),
             nearest_name(name, known));
  }

  // --- models -------------------------------------------------------------------------------------------------------

  void read_models() {
    const auto* dynamics = table(tree_, "dynamics", "dynamics");
    const auto* feedback = table(tree_, "feedback", "feedback");
    DynamicsConfig dynamics_defaults;
    FeedbackConfig feedback_defaults;
    read_table("dynamics", "dynamics", dynamics, bindings(dynamics_defaults));
    read_table("feedback", "feedback", feedback, bindings(feedback_defaults));

    if (!tree_.contains("model"))
      throw ConfigError({file_, 0, 0, "model", "is missing: there is nothing to simulate", "",
                         "one [[model]] or more, each with name and credit"});
    std::set<std::string> used_dynamics, used_feedback;
    const auto list = tables("model", max_models);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& own = *list[i];
      const auto numbered = fmt::format("model[{}]", i + 1);
      const auto* own_feedback = table(own, "feedback", numbered + ".feedback");
      std::string name;
      const auto prefix = read_name(own, numbered, name);
      for (const std::string& kind : feedback_kinds()) {
        ModelConfig model;
        model.dynamics = dynamics_defaults;
        model.feedback = feedback_defaults;
        model.name = kind.empty() ? name : fmt::format("{}_{}", name, kind);
        read_model(own, prefix, dynamics, feedback, kind, model);
        note_used(dynamics, &own, model, "dynamics", used_dynamics);
        note_used(feedback, own_feedback, model, "feedback", used_feedback);
        for (const auto& earlier : config_.models)
          if (earlier.name == model.name)
            fail_at(&own, numbered, "name", fmt::format("two models have the name {}", in_quotes(model.name)),
                    "a name of its own for each model");
        check_precision(prefix, model);
        config_.models.push_back(std::move(model));
      }
    }
    // a default that no model needs is no error, or no sweep over solvers could be written; people are told
    check_unused(dynamics, "dynamics", used_dynamics);
    check_unused(feedback, "feedback", used_feedback);
    if (dynamics != nullptr && dynamics->contains("solver") && dynamics_defaults.settle_tolerance > 0 &&
        !used_dynamics.contains("settle_tolerance") &&
        !uses(find_choice(vocabulary_.solvers, dynamics_defaults.solver), "settle_tolerance"))
      fail_no_meaning(dynamics, "dynamics", "settle_tolerance",
                      fmt::format("solver = \"{}\"", dynamics_defaults.solver));
  }

  /// @return the model as messages name it: "model.DI"
  std::string read_name(const toml::table& own, const std::string& numbered, std::string& name) const {
    if (!own.contains("name")) read_table("model", numbered, &own, {}, "dynamics");  // it may be there, misspelt
    require(&own, "model", numbered, "name");
    read_value(*find_key("model", "name"), *own.get("name"), numbered + ".name", file_, vocabulary_, &name);
    check_identifier(&own, numbered, "name", name);
    return "model." + name;
  }

  /// The kinds that each model is written out for; an empty name: the model's own.
  [[nodiscard]] std::vector<std::string> feedback_kinds() const {
    return config_.inversion.feedback.empty() ? std::vector<std::string>{""} : config_.inversion.feedback;
  }

  /// Why a key of the model has no meaning. Where it is written out for several kinds of feedback, one that makes use
  /// of a key of [feedback] is enough.
  [[nodiscard]] std::string reason_against(const ModelConfig& model, std::string_view which,
                                           std::string_view key) const {
    std::string reason = no_meaning(model, config_.kind, which, key, vocabulary_);
    if (which != "feedback" || config_.inversion.feedback.empty()) return reason;
    if (key == "kind") return "inversion.feedback, which names the kinds";
    ModelConfig other = model;
    for (const std::string& kind : config_.inversion.feedback) {
      other.feedback.kind = kind;
      if (no_meaning(other, config_.kind, which, key, vocabulary_).empty()) return {};
    }
    return reason;
  }

  /// What the experiment can do nothing with.
  void check_credit(const toml::table& own, const std::string& prefix, const ModelConfig& model) const {
    if (config_.kind != ExperimentKind::inversion) return;
    const auto has_loops = [](const Choice& credit) { return uses(&credit, "dynamics") && !uses(&credit, "phases"); };
    if (has_loops(*find_choice(vocabulary_.credits, model.credit))) return;
    std::vector<std::string> allowed;
    for (const Choice& credit : vocabulary_.credits)
      if (has_loops(credit)) allowed.push_back(credit.name);
    fail_at(&own, prefix, "credit",
            fmt::format("\"{}\" has no loops that [inversion] could drive by an error of its own", model.credit),
            fmt::format("{}", fmt::join(allowed, ", ")));
  }

  /// @param kind  of feedback; empty: as the tables say
  void read_model(const toml::table& own, const std::string& prefix, const toml::table* dynamics,
                  const toml::table* feedback, const std::string& kind, ModelConfig& model) const {
    const std::string name = model.name;
    auto slots = bindings(model);
    for (const auto& binding : bindings(model.dynamics)) slots.push_back(binding);
    read_table("model", prefix, &own, slots, "dynamics");
    model.name = name;
    require(&own, "model", prefix, "credit");
    check_credit(own, prefix, model);
    check_meaning(&own, prefix, [&](std::string_view key) {
      return reason_against(model, find_key("model", key) != nullptr ? "model" : "dynamics", key);
    });

    const auto feedback_prefix = prefix + ".feedback";
    const auto* own_feedback = table(own, "feedback", feedback_prefix);
    read_table("feedback", feedback_prefix, own_feedback, bindings(model.feedback));
    if (!kind.empty()) model.feedback.kind = kind;
    check_kind(own_feedback, feedback_prefix, feedback, own, prefix, model);
    check_meaning(own_feedback, feedback_prefix,
                  [&](std::string_view key) { return reason_against(model, "feedback", key); });

    reset_unused(model.dynamics, [&](std::string_view key) {
      return !no_meaning(model, config_.kind, "dynamics", key, vocabulary_).empty();
    });
    // judged by the model as it was read: resetting one key must not change what the next one means
    const ModelConfig as_read = model;
    reset_unused(model.feedback, [&](std::string_view key) {
      return !no_meaning(as_read, config_.kind, "feedback", key, vocabulary_).empty();
    });
    if (no_meaning(model, config_.kind, "feedback", "path", vocabulary_).empty()) {
      const bool inherited = own_feedback == nullptr || !own_feedback->contains("path");
      const auto* in = inherited && feedback != nullptr && feedback->contains("path") ? feedback : own_feedback;
      resolve_path(in != nullptr ? in : &own, in == feedback && in != nullptr ? "feedback" : feedback_prefix,
                   model.feedback.path, model.feedback.group);
    }
    check_times(own, prefix, dynamics, model);
    check_dynamics(own, prefix, dynamics, model);
  }

  /// Combinations that no single key shows.
  void check_dynamics(const toml::table& own, const std::string& prefix, const toml::table* dynamics,
                      const ModelConfig& model) const {
    if (!uses(find_choice(vocabulary_.credits, model.credit), "dynamics")) return;
    const auto& d = model.dynamics;
    const auto at = [&](std::string_view key, const std::string& fault, const std::string& allowed) {
      const bool inherited = !own.contains(key) && dynamics != nullptr && dynamics->contains(key);
      fail_at(inherited ? dynamics : &own, inherited ? "dynamics" : prefix, key, fault, allowed);
    };
    if (d.transfer == "linearised") {
      for (const std::string& g : config_.network.activation)
        if (g == "relu")
          at("transfer", "\"linearised\" divides by the slope of the rate function, and relu's can be 0",
             "linear or nonlinear with relu; leaky_relu in place of it");
    }
    if (d.plasticity != "continuous" || !no_meaning(model, config_.kind, "dynamics", "plasticity", vocabulary_).empty())
      return;
    if (!uses(find_choice(vocabulary_.solvers, d.solver), "duration"))
      at("solver", fmt::format("\"{}\" has no time in which plasticity = \"continuous\" could act", d.solver),
         "a solver that integrates, as dopri5, or plasticity = \"end_of_trial\"");
    if (d.solver == "exact")
      at("solver", "\"exact\" is for linear circuits, and weights that move with the state make it bilinear",
         "dopri5, rk4, euler, sequential_euler, rosenbrock4");
    const auto* learning = tree_["learning"].as_table();
    const auto excluded = [&](std::string_view key, bool used) {
      if (used)
        fail_at(learning, "learning", key,
                fmt::format("has no meaning for weights that change all the time (plasticity = \"continuous\" of {})",
                            prefix),
                "leave it out, or plasticity = \"end_of_trial\"");
    };
    excluded("clip_delta", std::isfinite(config_.learning.clip_delta));
    excluded("normalise_updates", config_.learning.normalise_updates);
    if (config_.learning.batch > 1)
      fail_at(learning, "learning", "batch",
              fmt::format("found {}, but plasticity = \"continuous\" of {} makes the weights part of a trial's state",
                          config_.learning.batch, prefix),
              "1, or plasticity = \"end_of_trial\"");
  }

  void check_precision(const std::string& prefix, const ModelConfig& model) const {
    if (config_.kind != ExperimentKind::learning || config_.learning.precision == "double") return;
    const bool moves =
        uses(find_choice(vocabulary_.credits, model.credit), "phases") || model.dynamics.forward == "dynamic";
    const std::string why = against_blocks(config_, moves);
    if (why.empty()) return;
    fail_at(
        tree_["learning"].as_table(), "learning", "precision",
        fmt::format("\"{}\" has no meaning {}: {} does not learn in blocks", config_.learning.precision, why, prefix),
        "\"double\"");
  }

  /// A kind that stabilises its loop needs a loop; a product needs a path of several layers.
  void check_kind(const toml::table* own_feedback, const std::string& feedback_prefix, const toml::table* feedback,
                  const toml::table& own, const std::string& prefix, const ModelConfig& model) const {
    const Choice* credit = find_choice(vocabulary_.credits, model.credit);
    const auto& kinds = vocabulary_.feedback_kinds;
    if (!uses(credit, "feedback")) return;
    const auto reason = [&](const Choice* kind) -> std::string_view {
      if (uses(kind, "margin") && !uses(credit, "dynamics")) return "which has no loop to stabilise";
      if (uses(kind, "factor") && !uses(credit, "product")) return "whose feedback spans one layer";
      return "";
    };
    const std::string_view why = reason(find_choice(kinds, model.feedback.kind));
    if (why.empty()) return;
    std::vector<std::string> possible;
    for (const auto& kind : kinds)
      if (reason(&kind).empty()) possible.push_back(kind.name);
    const auto fault = fmt::format("\"{}\" has no meaning with credit = \"{}\" of {}, {}", model.feedback.kind,
                                   model.credit, prefix, why);
    const bool has_own = own_feedback != nullptr && own_feedback->contains("kind");
    const bool inherited = !has_own && feedback != nullptr && feedback->contains("kind");
    fail_at(has_own     ? own_feedback
            : inherited ? feedback
                        : &own,
            inherited ? "feedback" : feedback_prefix, "kind", fault, fmt::format("{}", fmt::join(possible, ", ")));
  }

  void check_times(const toml::table& own, const std::string& prefix, const toml::table* dynamics,
                   const ModelConfig& model) const {
    const auto means = [&](std::string_view key) {
      return no_meaning(model, config_.kind, "dynamics", key, vocabulary_).empty();
    };
    const auto& d = model.dynamics;
    const auto at = [&](std::string_view key, const std::string& fault, const std::string& allowed) {
      const bool inherited = !own.contains(key) && dynamics != nullptr && dynamics->contains(key);
      fail_at(inherited ? dynamics : &own, inherited ? "dynamics" : prefix, key, fault, allowed);
    };
    std::vector<Stretch> stretches;
    if (means("duration")) stretches.push_back({"duration", "duration", d.duration});
    if (means("duration") && config_.kind == ExperimentKind::inversion) check_error_times(d);
    if (means("forward_duration")) stretches.push_back({"forward_duration", "forward_duration", d.forward_duration});
    if (means("phases")) {
      double end = 0;
      for (std::size_t i = 0; i < d.phases.size(); ++i) {
        const PhaseConfig& phase = d.phases[i];
        if (phase.start > end)
          stretches.push_back(
              {"phases", fmt::format("the gap before phases[{}], of", i + 1), phase.start - end, true, phase.start});
        stretches.push_back({"phases", fmt::format("phases[{}].duration", i + 1), phase.duration, true});
        end = phase.start + phase.duration;
      }
    }
    for (const Stretch& stretch : stretches) check_stretch(*this, own, prefix, d, config_.record.interval, stretch, at);
  }

  /// When the error appears and has risen: a whole number of samples, so that traces show it where it happens.
  void check_error_times(const DynamicsConfig& d) const {
    const InversionConfig& inversion = config_.inversion;
    const auto* in = tree_["inversion"].as_table();
    const double sample = config_.record.interval > 0 ? config_.record.interval : d.dt;
    const double rise = inversion.signal == "ramp" ? inversion.rise : 0;
    const auto check = [&](std::string_view key, double time) {
      if (time > 0 && !whole_number_of_steps(time, sample))
        fail_at(in, "inversion", key,
                fmt::format("found {}, which is not a whole number of {}, the time between the samples of a trace",
                            time, sample),
                nearest_times(time, sample));
    };
    check("onset", inversion.onset);
    check("rise", rise);
    if (inversion.onset + rise >= d.duration)
      fail_at(in, "inversion", inversion.onset >= d.duration ? "onset" : "rise",
              fmt::format("the error is at its full size at {}, but the inversion ends at {}", inversion.onset + rise,
                          d.duration),
              fmt::format("below {}, or a longer dynamics.duration", d.duration));
  }

  /// Notes which defaults the model takes over and makes use of.
  void note_used(const toml::table* defaults, const toml::table* own, const ModelConfig& model,
                 std::string_view table_name, std::set<std::string>& used) const {
    if (defaults == nullptr) return;
    for (const auto& [key, node] : *defaults)
      if ((own == nullptr || !own->contains(key.str())) &&
          no_meaning(model, config_.kind, table_name, key.str(), vocabulary_).empty())
        used.emplace(key.str());
  }

  void check_unused(const toml::table* defaults, const std::string& prefix, const std::set<std::string>& used) {
    if (defaults == nullptr) return;
    for (const auto& [key, node] : *defaults) {
      if (used.contains(std::string(key.str()))) continue;
      const auto at = place(defaults, prefix, key.str());
      config_.notes.push_back(fmt::format("{}{}: {}: no model makes use of this default", at.file,
                                          at.line > 0 ? fmt::format(":{}", at.line) : "", at.key));
    }
  }

  const toml::table& tree_;
  const std::string& file_;
  const Vocabulary& vocabulary_;
  Config config_;
};

[[noreturn]] void fail_file(const std::string& path, std::string fault) {
  throw ConfigError({path, 0, 0, "", std::move(fault), "", "a TOML file that can be read"});
}

}  // namespace

std::string read_config_text(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  const auto status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) fail_file(path, "there is no such file");
  if (code) fail_file(path, "cannot be looked at: " + code.message());
  if (fs::is_directory(status)) fail_file(path, "is a directory");
  if (!fs::is_regular_file(status)) fail_file(path, "is not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail_file(path, "cannot be opened for reading");
  std::string text(largest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) fail_file(path, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

Config parse_config(std::string_view text, const std::string& source_name, std::span<const std::string> sets,
                    std::optional<std::uint64_t> seed, std::optional<std::size_t> threads,
                    const Vocabulary& vocabulary) {
  if (text.size() > largest_file)
    throw ConfigError({source_name, 0, 0, "", fmt::format("is larger than {} bytes", largest_file), "",
                       "a configuration; large data belong into files that it names"});
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw ConfigError(
        {source_name, 0, 0, "", "is empty", "", "a TOML file with [task], [network], [learning], [[model]]"});
  auto tree = parse_tree(text, source_name);
  for (const auto& set : sets) apply_set(tree, set, "--set " + set);
  if (seed) {
    const auto origin = fmt::format("--seed {}", *seed);
    if (*seed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      throw ConfigError({origin, 0, 0, "experiment.seed", "is too large", fmt::format("{}", *seed),
                         allowed_text(*find_key("experiment", "seed"), vocabulary)});
    apply_set(tree, fmt::format("experiment.seed={}", *seed), origin);
  }
  if (threads) apply_set(tree, fmt::format("experiment.threads={}", *threads), fmt::format("--threads {}", *threads));
  return Loader(tree, source_name, vocabulary).load();
}

Config load_config(const std::string& path, std::span<const std::string> sets, std::optional<std::uint64_t> seed,
                   std::optional<std::size_t> threads, const Vocabulary& vocabulary) {
  return parse_config(read_config_text(path), path, sets, seed, threads, vocabulary);
}

}  // namespace dynvert
