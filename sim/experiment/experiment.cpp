#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/config/difference.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/hdf5/first_pass.hpp>
#include <dynvert/sim/platform/reproducible.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/model_credit.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace dynvert {

const ExperimentType& experiment_type(ExperimentKind kind) {
  static const std::array types{learning_type(), inversion_type(), circuit_type()};
  return *std::ranges::find(types, kind, &ExperimentType::kind);
}

std::unique_ptr<Experiment> make_experiment(Config config) {
  if (config.reproducible) require_reproducible_arithmetic();
  return experiment_type(config.kind).make(config);
}

void StartCheck::once(const std::string& key, const std::function<void()>& step) {
  const std::lock_guard lock(mutex_);
  const auto [done, is_new] = done_.emplace(key, nullptr);
  if (is_new) {
    try {
      step();
    } catch (const Error&) {
      done->second = std::current_exception();
    }
  }
  if (done->second) std::rethrow_exception(done->second);
}

void StartCheck::check(const Config& config) {
  if (config.reproducible) require_reproducible_arithmetic();
  // whoever holds the lock is alone in HDF5, so that a child process finds the library in order
  for (const std::string& path : external_hdf5_files(config)) once("first pass " + path, [&] { h5::first_pass(path); });
  for (const StartStep& step : experiment_type(config.kind).start_steps(config)) {
    if (!step.stabilises || stabilises_) once(step.key, step.run);
  }
}

Estimate estimate(const Config& config) { return experiment_type(config.kind).estimate(config); }

std::string describe(const Config& config) { return experiment_type(config.kind).describe(config); }

std::vector<ExternalFile> external_files(const Config& config) {
  return experiment_type(config.kind).external_files(config);
}

std::vector<ExternalFile> model_files(const Config& config) {
  std::vector<ExternalFile> files;
  if (init_kind(config.network.init.kind).reads_file) files.push_back({"/", "init", config.network.init.path});
  for (const ModelConfig& model : config.models) {
    if (credit_of(config, model).credit.feedback && feedback_kind(model.feedback.kind).reads_file)
      files.push_back({"/models/" + model.name, "feedback", model.feedback.path});
  }
  return files;
}

std::string step_key(const Config& config, std::initializer_list<std::string_view> prefixes) {
  std::string key;
  for (const auto& [name, value] : config_values(config.resolved)) {
    const auto begins = [&name = name](std::string_view prefix) { return name.starts_with(prefix); };
    if (std::ranges::any_of(prefixes, begins)) key += fmt::format("{} = {}\n", name, value);
  }
  return key;
}

std::vector<StartStep> network_steps(const Config& config) {
  std::vector<StartStep> steps;
  // what is drawn in double precision is never refused, and may be large
  if (config.network.init.kind == "file" || config.learning.precision == "single") {
    steps.push_back({.key = step_key(config, {"network.", "learning.precision"}),
                     .run = [&config] { static_cast<void>(initial_network(config)); }});
  }
  for (const ModelConfig& model : config.models) {
    if (model.feedback.kind != "file" || !credit_of(config, model).credit.feedback) continue;
    const FeedbackConfig& from = model.feedback;
    steps.push_back(
        {.key = fmt::format("feedback {} {} {} {} {}", from.path, from.group, from.snapshot,
                            model.credit + model.circuit_text, fmt::join(config.network.layers, " ")),
         .run = [&config, &model] { static_cast<void>(make_feedback(config, model, empty_network(config))); }});
  }
  return steps;
}

std::string solver_description(const DynamicsConfig& dynamics) {
  const SolverKind& solver = solver_kind(dynamics.solver);
  std::string text = fmt::format(", {}", solver.name);
  if (solver.fixed_step) {
    text += fmt::format(", {:.0f} steps of {:g}", dynamics.duration / dynamics.dt, dynamics.dt);
  } else if (solver.has_trajectory) {
    text += fmt::format(", duration {:g}", dynamics.duration);
  }
  return text;
}

std::string network_line(const Config& config) {
  return fmt::format("  network   {}\n", fmt::join(config.network.layers, "-"));
}

std::string model_line(const Config& config, const ModelConfig& model, const std::string& options) {
  const CreditModel credit = credit_of(config, model).credit;
  return fmt::format("  model     {}: {}{}{}{}\n", model.name, model.description ? model.circuit : model.credit,
                     credit.feedback ? fmt::format(", feedback {}", model.feedback.kind) : "",
                     credit.stages && !model.description ? options : "",
                     credit.stages ? solver_description(model.dynamics) : "");
}

}  // namespace dynvert
