#include <dynvert/sim/config/keys.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace dynvert {

std::vector<Binding> bindings(Config& c) {
  return {{"title", &c.title},     {"seed", &c.seed}, {"trials", &c.trials},
          {"threads", &c.threads}, {"fast", &c.fast}, {"reproducible", &c.reproducible}};
}

std::vector<Binding> bindings(TaskConfig& t) {
  return {{"kind", &t.kind},
          {"inputs", &t.inputs},
          {"outputs", &t.outputs},
          {"samples", &t.samples},
          {"test_samples", &t.test_samples},
          {"teacher_half_width", &t.teacher_half_width},
          {"path", &t.path},
          {"targets_path", &t.targets_path},
          {"group", &t.group},
          {"test_path", &t.test_path},
          {"test_targets_path", &t.test_targets_path},
          {"test_group", &t.test_group},
          {"targets", &t.targets},
          {"scaling", &t.scaling}};
}

std::vector<Binding> bindings(NetworkConfig& n) {
  return {{"layers", &n.layers}, {"activation", &n.activation}, {"output", &n.output}, {"bias", &n.bias}};
}

std::vector<Binding> bindings(InitConfig& i) {
  return {{"kind", &i.kind}, {"half_width", &i.half_width}, {"gain", &i.gain},
          {"path", &i.path}, {"group", &i.group},           {"snapshot", &i.snapshot}};
}

std::vector<Binding> bindings(LearningConfig& l) {
  return {{"rate", &l.rate},
          {"decay", &l.decay},
          {"batch", &l.batch},
          {"clip_delta", &l.clip_delta},
          {"normalise_updates", &l.normalise_updates},
          {"skip_first", &l.skip_first},
          {"precision", &l.precision}};
}

std::vector<Binding> bindings(InversionConfig& i) {
  return {{"signal", &i.signal}, {"samples", &i.samples},  {"amplitude", &i.amplitude}, {"onset", &i.onset},
          {"rise", &i.rise},     {"noise", &i.noise},      {"noise_tau", &i.noise_tau}, {"alpha", &i.alpha},
          {"ratio", &i.ratio},   {"feedback", &i.feedback}};
}

std::vector<Binding> bindings(PopulationConfig& p) {
  return {{"name", &p.name},
          {"units", &p.units},
          {"tau", &p.tau},
          {"leak", &p.leak},
          {"rate", &p.rate},
          {"initial", &p.initial},
          {"initial_half_width", &p.initial_half_width}};
}

std::vector<Binding> bindings(ProjectionConfig& p) {
  return {{"name", &p.name},
          {"source", &p.source},
          {"target", &p.target},
          {"kind", &p.kind},
          {"weight", &p.weight},
          {"matrix", &p.matrix},
          {"half_width", &p.half_width},
          {"path", &p.path},
          {"group", &p.group},
          {"dataset", &p.dataset},
          {"transmits", &p.transmits},
          {"follows", &p.follows},
          {"reciprocal", &p.reciprocal}};
}

std::vector<Binding> bindings(InputConfig& i) {
  return {{"population", &i.population}, {"shape", &i.shape}, {"amplitude", &i.amplitude}, {"start", &i.start},
          {"duration", &i.duration},     {"rise", &i.rise},   {"period", &i.period},       {"noise_tau", &i.noise_tau}};
}

std::vector<Binding> bindings(DynamicsConfig& d) {
  return {{"solver", &d.solver},
          {"dt", &d.dt},
          {"duration", &d.duration},
          {"settle_tolerance", &d.settle_tolerance},
          {"rtol", &d.rtol},
          {"atol", &d.atol},
          {"tau_delta", &d.tau_delta},
          {"tau_u", &d.tau_u},
          {"tau_h", &d.tau_h},
          {"forward", &d.forward},
          {"forward_duration", &d.forward_duration},
          {"transfer", &d.transfer},
          {"phases", &d.phases},
          {"plasticity", &d.plasticity},
          {"tau_w", &d.tau_w},
          {"on_divergence", &d.on_divergence},
          {"divergence_limit", &d.divergence_limit},
          {"max_steps", &d.max_steps}};
}

std::vector<Binding> bindings(PhaseConfig& p) {
  return {{"start", &p.start}, {"duration", &p.duration}, {"stimulus", &p.stimulus}, {"target", &p.target}};
}

std::vector<Binding> bindings(FeedbackConfig& f) {
  return {{"kind", &f.kind},        {"factor", &f.factor},           {"gain", &f.gain}, {"half_width", &f.half_width},
          {"margin", &f.margin},    {"restabilise", &f.restabilise}, {"path", &f.path}, {"group", &f.group},
          {"snapshot", &f.snapshot}};
}

std::vector<Binding> bindings(RecordConfig& r) {
  return {{"trials", &r.trials},
          {"every", &r.every},
          {"interval", &r.interval},
          {"populations", &r.populations},
          {"weights_every", &r.weights_every},
          {"evaluate_every", &r.evaluate_every},
          {"measures", &r.measures},
          {"unsettled_limit", &r.unsettled_limit},
          {"compression", &r.compression},
          {"commit_interval", &r.commit_interval}};
}

std::vector<Binding> bindings(ModelConfig& m) {
  return {{"name", &m.name}, {"credit", &m.credit}, {"alpha", &m.alpha}};
}

namespace {

/// The key has no meaning where its table lets a choice govern it, and the choice does not use it.
std::string unused_by(const std::vector<Choice>& choices, const std::string& chosen, std::string_view table,
                      std::string_view key) {
  const KeySpec* spec = find_key(table, key);
  if (spec == nullptr || spec->governed_by.empty() || uses(find_choice(choices, chosen), key)) return {};
  return fmt::format("{} = \"{}\"", spec->governed_by, chosen);
}

/// A key of [dynamics] for a model with loops.
std::string no_meaning_in_loop(const ModelConfig& model, const Choice* credit, std::string_view key,
                               const Vocabulary& vocabulary) {
  const DynamicsConfig& d = model.dynamics;
  const bool concurrent = uses(credit, "phases");
  const auto by_credit = fmt::format("credit = \"{}\"", model.credit);
  const bool moves = concurrent || d.forward == "dynamic";
  if ((key == "phases" || key == "plasticity" || key == "tau_w") && !concurrent) return by_credit;
  if ((key == "forward" || key == "forward_duration") && concurrent) return by_credit;
  if (key == "tau_w" && d.plasticity != "continuous") return fmt::format("plasticity = \"{}\"", d.plasticity);
  if ((key == "tau_h" || key == "forward_duration") && !moves) return fmt::format("forward = \"{}\"", d.forward);
  if (key == "duration" && concurrent && !d.phases.empty()) return "phases, which have durations of their own";
  const bool time = key == "duration" || key == "phases" || key == "forward_duration";
  return unused_by(vocabulary.solvers, d.solver, "dynamics", time ? "duration" : key);
}

}  // namespace

std::string no_meaning(const TaskConfig& task, std::string_view key, const Vocabulary& vocabulary) {
  const bool idx = !task.targets_path.empty();
  if (idx && (key == "group" || key == "test_group")) return "targets_path, which makes the files an IDX pair";
  if (!idx && key == "test_targets_path") return "an HDF5 file (targets_path is empty)";
  return unused_by(vocabulary.tasks, task.kind, "task", key);
}

std::string no_meaning(const InitConfig& init, std::string_view key, const Vocabulary& vocabulary) {
  return unused_by(vocabulary.inits, init.kind, "network.init", key);
}

std::string no_meaning(const InversionConfig& inversion, std::string_view key, const Vocabulary& vocabulary) {
  return unused_by(vocabulary.error_signals, inversion.signal, "inversion", key);
}

std::string no_meaning(const ProjectionConfig& projection, std::string_view key, const Vocabulary& vocabulary) {
  const KeySpec* spec = find_key("projection", key);
  if (spec != nullptr && spec->governed_by == "transmits")
    return unused_by(vocabulary.transmissions, projection.transmits, "projection", key);
  return unused_by(vocabulary.projections, projection.kind, "projection", key);
}

std::string no_meaning(const InputConfig& input, std::string_view key, const Vocabulary& vocabulary) {
  return unused_by(vocabulary.inputs, input.shape, "input", key);
}

std::string no_meaning(const CircuitConfig& circuit, std::string_view key, const Vocabulary& vocabulary) {
  static constexpr std::array<std::string_view, 9> of_circuits{
      "solver", "dt", "duration", "settle_tolerance", "rtol", "atol", "on_divergence", "divergence_limit", "max_steps"};
  if (std::ranges::find(of_circuits, key) == of_circuits.end()) return "[[population]]";
  return unused_by(vocabulary.solvers, circuit.dynamics.solver, "dynamics", key);
}

std::string no_meaning(ExperimentKind kind, std::string_view table, std::string_view key) {
  if (kind == ExperimentKind::learning) return {};
  const bool inversion = kind == ExperimentKind::inversion;
  const std::string by = inversion ? "[inversion]" : "[[population]]";
  if (table == "experiment") return key == "epochs" || key == "fast" || (inversion && key == "trials") ? by : "";
  if (key == "weights_every" || key == "evaluate_every" || key == "unsettled_limit") return by;
  return !inversion && key == "measures" ? by : "";
}

std::string no_meaning(const ModelConfig& model, ExperimentKind kind, std::string_view table, std::string_view key,
                       const Vocabulary& vocabulary) {
  if (kind == ExperimentKind::inversion) {
    static constexpr std::array<std::string_view, 7> of_learning{"tau_h",      "forward", "forward_duration", "phases",
                                                                 "plasticity", "tau_w",   "on_divergence"};
    if (table == "dynamics" && std::ranges::find(of_learning, key) != of_learning.end()) return "[inversion]";
    if (table == "feedback" && key == "restabilise") return "[inversion], where no weights change";
  }
  const Choice* credit = find_choice(vocabulary.credits, model.credit);
  const auto by_credit = fmt::format("credit = \"{}\"", model.credit);
  const bool loop = uses(credit, "dynamics");
  if (table == "dynamics") return loop ? no_meaning_in_loop(model, credit, key, vocabulary) : by_credit;
  if (table == "model") return (key == "alpha" || key == "feedback") && !uses(credit, key) ? by_credit : "";
  if (!uses(credit, "feedback")) return by_credit;
  if (key == "restabilise") return loop ? "" : by_credit;
  if (key == "margin") {
    if (!loop) return by_credit;
    if (model.feedback.restabilise) return {};
    const auto by_kind = unused_by(vocabulary.feedback_kinds, model.feedback.kind, "feedback", key);
    return by_kind.empty() ? "" : by_kind + " and restabilise = false";
  }
  if (model.feedback.kind == "product" && (key == "gain" || key == "half_width")) {
    return uses(find_choice(vocabulary.feedback_kinds, model.feedback.factor), key)
               ? ""
               : fmt::format("factor = \"{}\"", model.feedback.factor);
  }
  return unused_by(vocabulary.feedback_kinds, model.feedback.kind, "feedback", key);
}

namespace {

std::string text_of(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + "\"";
}

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(int value) { return fmt::format("{}", value); }
std::string text_of(std::size_t value) { return fmt::format("{}", value); }

std::string text_of(double value) {
  auto text = fmt::format("{}", value);  // the shortest text that reads back as the same double
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string text_of(PhaseConfig phase) {
  std::string out = "{ ";
  for (const auto& b : bindings(phase))
    out += fmt::format("{}{} = {}", out.size() > 2 ? ", " : "", b.key, toml_text(b.slot));
  return out + " }";
}

template <typename T>
std::string text_of(const std::vector<T>& values) {
  std::string out = "[";
  for (const auto& value : values) out += (out.size() > 1 ? ", " : "") + text_of(value);
  return out + "]";
}

std::string line(const Binding& binding) { return fmt::format("{} = {}\n", binding.key, toml_text(binding.slot)); }

}  // namespace

std::string toml_text(const Slot& slot) {
  return std::visit([](const auto* value) { return text_of(*value); }, slot);
}

namespace {

/// The keys of a table that have a meaning.
template <typename Values, typename NoMeaning>
std::string section(std::string_view header, Values& values, const NoMeaning& reason_of) {
  std::string lines;
  for (const auto& b : bindings(values))
    if (reason_of(b.key).empty()) lines += line(b);
  return lines.empty() ? "" : fmt::format("{}{}{}", header, header.empty() ? "" : "\n", lines);
}

std::string models_text(Config& c, const Vocabulary& vocabulary) {
  std::string out;
  for (auto& model : c.models) {
    const auto of = [&](std::string_view table) {
      return [&, table](std::string_view key) { return no_meaning(model, c.kind, table, key, vocabulary); };
    };
    out += section("\n[[model]]", model, of("model"));
    out += section("", model.dynamics, of("dynamics"));
    out += section("\n[model.feedback]", model.feedback, of("feedback"));
  }
  return out;
}

std::string circuit_text(CircuitConfig& circuit, const Vocabulary& vocabulary) {
  const auto has_meaning = [](std::string_view) { return std::string(); };
  std::string out = section("\n[dynamics]", circuit.dynamics,
                            [&](std::string_view key) { return no_meaning(circuit, key, vocabulary); });
  for (auto& population : circuit.populations) out += section("\n[[population]]", population, has_meaning);
  for (auto& projection : circuit.projections)
    out += section("\n[[projection]]", projection,
                   [&](std::string_view key) { return no_meaning(projection, key, vocabulary); });
  for (auto& input : circuit.inputs)
    out += section("\n[[input]]", input, [&](std::string_view key) { return no_meaning(input, key, vocabulary); });
  return out;
}

}  // namespace

std::string resolved_toml(const Config& config, const Vocabulary& vocabulary) {
  Config c = config;  // slots point to values that may be changed
  const auto has_meaning = [](std::string_view) { return std::string(); };
  std::string out = section("[experiment]", c, [&](auto key) { return no_meaning(c.kind, "experiment", key); });

  const bool learning = c.kind == ExperimentKind::learning;
  if (learning) out += section("\n[task]", c.task, [&](auto key) { return no_meaning(c.task, key, vocabulary); });
  if (c.kind != ExperimentKind::circuit) {
    out += section("\n[network]", c.network, has_meaning);
    out += section("\n[network.init]", c.network.init,
                   [&](auto key) { return no_meaning(c.network.init, key, vocabulary); });
  }
  if (learning) {
    const bool clips = std::isfinite(c.learning.clip_delta);
    out += section("\n[learning]", c.learning,
                   [&](auto key) { return std::string(key == "clip_delta" && !clips ? "no clipping" : ""); });
  }
  if (c.kind == ExperimentKind::inversion) {
    out += section("\n[inversion]", c.inversion, [&](auto key) {
      // models that differ in their kind of feedback are written out
      return key == "feedback" ? std::string("models") : no_meaning(c.inversion, key, vocabulary);
    });
  }
  // one excludes the other, so only the one that is in use is written
  const std::string_view excluded = c.record.every > 0 ? "trials" : "every";
  out += section("\n[record]", c.record,
                 [&](auto key) { return key == excluded ? std::string(excluded) : no_meaning(c.kind, "record", key); });
  return out + (c.kind == ExperimentKind::circuit ? circuit_text(c.circuit, vocabulary) : models_text(c, vocabulary));
}

}  // namespace dynvert
