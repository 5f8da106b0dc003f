// [[model]] with the defaults of [dynamics] and [feedback].

#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/sim/config/check_times.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/config/model_circuit.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace dynvert {

namespace {

constexpr std::size_t max_models = 1000;

/// A table of defaults, and which of them models use.
template <typename Values>
struct Defaults {
  std::string name;
  const toml::table* table = nullptr;
  Values values = {};
  std::set<std::string> used = {};

  /// @param own  the model's own table, @param keys  of the model
  void note_used(const toml::table* own, const std::vector<Key>& keys) {
    if (table == nullptr) return;
    for (const auto& [key, node] : *table)
      if ((own == nullptr || !own->contains(key.str())) && applies(keys, key.str())) used.emplace(key.str());
  }
  /// A default that no model needs is no error, or no sweep over solvers could be written; people are told.
  void report_unused(const ConfigReader& reader, std::vector<std::string>& notes) const {
    if (table == nullptr) return;
    for (const auto& [key, node] : *table) {
      if (used.contains(std::string(key.str()))) continue;
      const auto at = reader.place(table, name, key.str());
      notes.push_back(fmt::format("{}{}: {}: not used by any model", at.file,
                                  at.line > 0 ? fmt::format(":{}", at.line) : "", at.key));
    }
  }
};

class ModelReader {
 public:
  ModelReader(const ConfigReader& reader, Config& config) : reader_(reader), config_(config) {
    read_defaults(dynamics_);
    read_defaults(feedback_);
  }

  void read() {
    if (!reader_.tree().contains("model"))
      throw ConfigError({reader_.file(), 0, 0, "model", "is missing: there is nothing to simulate", "",
                         "one [[model]] or more, each with name and credit or circuit"});
    const auto list = reader_.tables("model", max_models);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& own = *list[i];
      const auto numbered = fmt::format("model[{}]", i + 1);
      std::string name;
      const auto prefix = read_name(own, numbered, name);
      for (const std::string& kind : feedback_kinds()) {
        ModelConfig model;
        model.dynamics = dynamics_.values;
        model.feedback = feedback_.values;
        model.name = kind.empty() ? name : fmt::format("{}_{}", name, kind);
        read_model(own, prefix, kind, model);
        if (std::ranges::find(config_.models, model.name, &ModelConfig::name) != config_.models.end())
          reader_.fail_at(&own, numbered, "name", fmt::format("two models have the name {}", in_quotes(model.name)),
                          "a different name for each model");
        check_precision(prefix, model);
        config_.models.push_back(std::move(model));
      }
    }
    dynamics_.report_unused(reader_, config_.notes);
    feedback_.report_unused(reader_, config_.notes);
    check_default_tolerance();
  }

 private:
  template <typename Values>
  void read_defaults(Defaults<Values>& defaults) const {
    defaults.table = reader_.table(reader_.tree(), defaults.name, defaults.name);
    static_cast<void>(reader_.read_table(defaults.name, defaults.table, defaults.values, reader_.context()));
  }

  /// The keys that may stand in [[model]] itself.
  std::vector<Key> own_keys(ModelConfig& model) const {
    const KeyContext context = reader_.context().of(model);
    std::vector<Key> keys = keys_of(model, context);
    for (Key& key : keys_of(model.dynamics, context)) keys.push_back(std::move(key));
    return keys;
  }

  /// @return the model as messages name it: "model.DI"
  std::string read_name(const toml::table& own, const std::string& numbered, std::string& name) const {
    ModelConfig model;
    const std::vector<Key> keys = own_keys(model);
    if (!own.contains("name")) {  // or misspelt
      static_cast<void>(read_model_circuit(reader_, own, numbered, model));
      reader_.read_keys(numbered, &own, [&] { return own_keys(model); });
    }
    reader_.require(&own, keys, numbered, "name");
    read_value(*find_key(keys, "name"), *own.get("name"), numbered + ".name", reader_.file());
    reader_.check_identifier(&own, numbered, "name", model.name);
    name = model.name;
    return "model." + name;
  }

  /// The kinds that each model is written out for; an empty name: the model's own.
  [[nodiscard]] std::vector<std::string> feedback_kinds() const {
    return config_.inversion.feedback.empty() ? std::vector<std::string>{""} : config_.inversion.feedback;
  }

  /// The keys of the model's feedback, where it is written out for several kinds: a key that one of them uses is none
  /// that does not apply.
  [[nodiscard]] std::vector<Key> keys_for_all_kinds(const ModelConfig& model, std::vector<Key> keys) const {
    const KeyContext context = reader_.context().of(model);
    for (const std::string& kind : config_.inversion.feedback) {
      FeedbackConfig other = model.feedback;
      other.kind = kind;
      const std::vector<Key> with_kind = keys_of(other, context);
      for (Key& key : keys)
        if (applies(with_kind, key.name)) key.excluded_by.clear();
    }
    if (!config_.inversion.feedback.empty()) keys.front().excluded_by = "inversion.feedback, which names the kinds";
    return keys;
  }

  /// @param kind  of feedback; empty: as the tables say
  void read_model(const toml::table& own, const std::string& prefix, const std::string& kind, ModelConfig& model) {
    const std::string name = model.name;
    const auto circuit = read_model_circuit(reader_, own, prefix, model);
    std::vector<Key> keys = reader_.read_keys(prefix, &own, [&] { return own_keys(model); });
    model.name = name;
    if (circuit) {
      read_circuit_defaults(reader_, own, prefix, dynamics_.table, model);
      expand_model_circuit(*circuit, config_.network, model);
      keys = own_keys(model);
    } else if (!own.contains("credit")) {
      reader_.fail_at(&own, prefix, "credit", "is missing, and so is circuit",
                      fmt::format("either credit, one of {}, or circuit, a file of equations",
                                  allowed_text(*find_key(keys, "credit"))));
    }
    check_credit(own, prefix, model);
    reader_.check_used(&own, prefix, keys);

    const KeyContext context = reader_.context().of(model);
    const auto feedback_prefix = prefix + ".feedback";
    const auto* own_feedback = reader_.table(own, "feedback", feedback_prefix);
    reader_.read_table(feedback_prefix, own_feedback, model.feedback, context);
    if (!kind.empty()) model.feedback.kind = kind;
    check_kind(own_feedback, feedback_prefix, own, prefix, model);
    const std::vector<Key> feedback_keys = keys_of(model.feedback, context);
    reader_.check_used(own_feedback, feedback_prefix, keys_for_all_kinds(model, feedback_keys));

    const std::vector<Key> dynamics_keys = keys_of(model.dynamics, context);
    dynamics_.note_used(&own, keys);
    feedback_.note_used(own_feedback, feedback_keys);
    reset_unused<ModelConfig>(keys_of(model, context), context);
    reset_unused<DynamicsConfig>(dynamics_keys, context);
    reset_unused<FeedbackConfig>(feedback_keys, context);
    if (applies(feedback_keys, "path")) resolve_feedback_path(own, own_feedback, feedback_prefix, model);
    const FailAt at = [&](std::string_view key, const std::string& fault, const std::string& allowed) {
      const bool inherited = !own.contains(key) && dynamics_.table != nullptr && dynamics_.table->contains(key);
      reader_.fail_at(inherited ? dynamics_.table : &own, inherited ? dynamics_.name : prefix, key, fault, allowed);
    };
    check_model_times(reader_, own, prefix, config_, model, dynamics_keys, at);
    check_dynamics(prefix, model, dynamics_keys, at);
  }

  void resolve_feedback_path(const toml::table& own, const toml::table* own_feedback, const std::string& prefix,
                             ModelConfig& model) const {
    const auto* feedback = feedback_.table;
    const bool inherited = own_feedback == nullptr || !own_feedback->contains("path");
    const auto* in = inherited && feedback != nullptr && feedback->contains("path") ? feedback : own_feedback;
    reader_.resolve_path(in != nullptr ? in : &own, in == feedback && in != nullptr ? feedback_.name : prefix,
                         model.feedback.path, model.feedback.group);
  }

  /// What the experiment can do nothing with.
  void check_credit(const toml::table& own, const std::string& prefix, const ModelConfig& model) const {
    if (config_.kind != ExperimentKind::inversion) return;
    if (model.description)
      reader_.fail_at(&own, prefix, "circuit", "[inversion] drives the loops of named models alone",
                      "credit = \"sequential_inversion\", or another model with loops");
    const auto& credits = reader_.registry().credits;
    const auto has_loops = [](const Choice& credit) { return uses(&credit, "dynamics") && !uses(&credit, "phases"); };
    if (has_loops(*find_choice(credits, model.credit))) return;
    std::vector<std::string> allowed;
    for (const Choice& credit : credits)
      if (has_loops(credit)) allowed.push_back(credit.name);
    reader_.fail_at(&own, prefix, "credit",
                    fmt::format("\"{}\" has no loops that [inversion] can drive by an error", model.credit),
                    fmt::format("{}", fmt::join(allowed, ", ")));
  }

  void check_noise(const ModelConfig& model, const FailAt& at) const {
    const std::string& solver = model.dynamics.solver;
    if (!find_choice(reader_.registry().solvers, solver)->takes_noise) {
      std::vector<std::string> names;
      for (const Choice& choice : reader_.registry().solvers)
        if (choice.takes_noise) names.push_back(choice.name);
      at("solver", fmt::format("\"{}\" cannot add the white noise of the circuit", solver),
         fmt::format("{}", fmt::join(names, ", ")));
    }
    for (const equations::Phase& phase : model.description->phases)
      if (phase.until_settled)
        at("circuit",
           fmt::format("phase \"{}\" lasts until it has settled, which a circuit with white noise never has",
                       phase.name),
           "a phase with a duration");
  }

  /// Combinations that no single key shows.
  void check_dynamics(const std::string& prefix, const ModelConfig& model, const std::vector<Key>& keys,
                      const FailAt& at) const {
    const auto& d = model.dynamics;
    if (applies(keys, "transfer") && d.transfer == "linearised") {
      for (const std::string& g : config_.network.activation)
        if (rate_function(g).flat)
          at("transfer", fmt::format("\"linearised\" divides by the slope of the rate function, and {}'s can be 0", g),
             fmt::format("linear or nonlinear with {}, or another rate function, as leaky_relu", g));
    }
    if (model.description && has_noise(*model.description)) check_noise(model, at);
    if (d.plasticity != "continuous" || !applies(keys, "plasticity")) return;
    if (!uses(find_choice(reader_.registry().solvers, d.solver), "duration"))
      at("solver", fmt::format("\"{}\" has no time in which plasticity = \"continuous\" could act", d.solver),
         "a solver that integrates, such as dopri5, or plasticity = \"end_of_trial\"");
    if (find_choice(reader_.registry().solvers, d.solver)->linear_only)
      at("solver",
         fmt::format("\"{}\" is for linear circuits, and weights that change with the state make it bilinear",
                     d.solver),
         fmt::format("{}", fmt::join(solvers_of_nonlinear(), ", ")));
    const auto* learning = reader_.tree()["learning"].as_table();
    const auto excluded = [&](std::string_view key, bool used) {
      if (!used) return;
      reader_.fail_at(learning, "learning", key,
                      fmt::format("does not apply to weights that change during the whole trial (plasticity = "
                                  "\"continuous\" of {})",
                                  prefix),
                      "leave it out, or plasticity = \"end_of_trial\"");
    };
    excluded("clip_delta", std::isfinite(config_.learning.clip_delta));
    excluded("normalise_updates", config_.learning.normalise_updates);
    if (config_.learning.batch > 1)
      reader_.fail_at(learning, "learning", "batch",
                      fmt::format("found {}, but plasticity = \"continuous\" of {} makes the weights part of a trial's "
                                  "state",
                                  config_.learning.batch, prefix),
                      "1, or plasticity = \"end_of_trial\"");
  }

  [[nodiscard]] std::vector<std::string> solvers_of_nonlinear() const {
    std::vector<std::string> names;
    for (const Choice& solver : reader_.registry().solvers)
      if (uses(&solver, "duration") && !solver.linear_only) names.push_back(solver.name);
    return names;
  }

  void check_precision(const std::string& prefix, const ModelConfig& model) const {
    if (config_.kind != ExperimentKind::learning || config_.learning.precision == "double") return;
    const bool forward_moves = model.description
                                   ? first_layer_moves(*model.description)
                                   : uses(find_choice(reader_.registry().credits, model.credit), "phases") ||
                                         model.dynamics.forward == "dynamic";
    const std::string why = against_blocks(config_, forward_moves);
    if (why.empty()) return;
    reader_.fail_at(
        reader_.tree()["learning"].as_table(), "learning", "precision",
        fmt::format("\"{}\" does not apply {}: {} does not learn in blocks", config_.learning.precision, why, prefix),
        "\"double\"");
  }

  /// A kind that stabilises its loop needs a loop; a product needs a path of several layers.
  void check_kind(const toml::table* own_feedback, const std::string& feedback_prefix, const toml::table& own,
                  const std::string& prefix, const ModelConfig& model) const {
    const KeyContext context = reader_.context().of(model);
    const Choice* credit = context.credit;
    const auto& kinds = reader_.registry().feedback_kinds;
    if (!uses(credit, "feedback")) return;
    const auto reason = [&](const Choice* kind) -> std::string_view {
      if (uses(kind, "margin") && !uses(credit, "dynamics")) return "which has no loop to stabilise";
      if (uses(kind, "factor") && !credit->spans_layers) return "whose feedback spans one layer";
      return "";
    };
    const std::string_view why = reason(find_choice(kinds, model.feedback.kind));
    if (why.empty()) return;
    std::vector<std::string> possible;
    for (const auto& kind : kinds)
      if (reason(&kind).empty()) possible.push_back(kind.name);
    const auto fault = fmt::format("\"{}\" does not apply with {} = \"{}\" of {}, {}", model.feedback.kind,
                                   context.circuit ? "circuit" : "credit", credit->name, prefix, why);
    const bool has_own = own_feedback != nullptr && own_feedback->contains("kind");
    const bool inherited = !has_own && feedback_.table != nullptr && feedback_.table->contains("kind");
    reader_.fail_at(has_own     ? own_feedback
                    : inherited ? feedback_.table
                                : &own,
                    inherited ? feedback_.name : feedback_prefix, "kind", fault,
                    fmt::format("{}", fmt::join(possible, ", ")));
  }

  /// A tolerance beside a solver that cannot use it is meant for the models that follow both.
  void check_default_tolerance() const {
    const auto& [name, table, values, used] = dynamics_;
    if (table == nullptr || !table->contains("solver") || !(values.settle_tolerance > 0)) return;
    if (used.contains("settle_tolerance") ||
        uses(find_choice(reader_.registry().solvers, values.solver), "settle_tolerance"))
      return;
    reader_.fail_unused(table, name, "settle_tolerance", fmt::format("solver = \"{}\"", values.solver));
  }

  const ConfigReader& reader_;
  Config& config_;
  Defaults<DynamicsConfig> dynamics_{.name = "dynamics"};
  Defaults<FeedbackConfig> feedback_{.name = "feedback"};
};

}  // namespace

void read_models(const ConfigReader& reader, Config& config) { ModelReader(reader, config).read(); }

}  // namespace dynvert
