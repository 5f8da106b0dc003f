#include <dynvert/sim/experiment/experiment_kinds.hpp>
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
                     credit.stages ? options : "", credit.stages ? solver_description(model.dynamics) : "");
}

}  // namespace dynvert
