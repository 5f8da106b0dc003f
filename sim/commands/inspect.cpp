// dynvert inspect: reads, and hands to who prints.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/inspect/inspect_print.hpp>
#include <dynvert/sim/platform/build_info.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace dynvert {

std::string no_locks_note(const std::string& path) {
  return fmt::format("{}: its file system has no locks; let no two processes use the file while one writes it", path);
}

namespace {

/// Snapshots of one model that are looked at.
constexpr std::size_t max_snapshots = 5;
/// Trials of a circuit whose fixed points are looked for.
constexpr std::size_t max_circuit_trials = 100;

std::string text_attribute(const RunReader& file, const char* name) {
  const auto value = file.attribute("/", name);
  return value && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : std::string();
}

std::int64_t whole_attribute(const RunReader& file, const char* name) {
  const auto value = file.attribute("/", name);
  return value && std::holds_alternative<std::int64_t>(*value) ? std::get<std::int64_t>(*value) : 0;
}

/// The configuration with what a model had in a trial: at a point of a grid, leak and time constants of its own.
Config at_point(const RunReader& file, Config config, const std::string& name, std::size_t trial) {
  const std::string grid = fmt::format("/models/{}/grid", name);
  for (ModelConfig& model : config.models) {
    if (model.name != name || !file.has(grid)) continue;
    const auto take = [&](const char* dataset, double& to) {
      if (file.has(fmt::format("{}/{}", grid, dataset))) to = file.value(fmt::format("{}/{}", grid, dataset), trial);
    };
    take("alpha", model.alpha);
    take("tau_u", model.dynamics.tau_u);
    take("tau_delta", model.dynamics.tau_delta);
  }
  return config;
}

/// The fixed points of a user-defined circuit, of one trial or, in detail, of all.
void compute_circuit(const RunReader& file, const Config& config, const InspectArguments& arguments,
                     InspectedModel& model) {
  const std::size_t trials = model.summary.trials;
  if (trials == 0 || (!arguments.trial && arguments.model.empty())) return;
  model.config = config;
  const RecordedCircuit circuit(file, config);
  if (arguments.trial) {
    model.circuit = circuit.trial(*arguments.trial);
  } else {
    model.fixed_points = circuit.fixed_points(trials, max_circuit_trials);
  }
}

/// What is computed from the weights, as far as the file goes: what it does not hold is said and left out.
void compute(const RunReader& file, const Config& config, const InspectArguments& arguments, InspectedModel& model) {
  const std::string& name = model.summary.name;
  const ExperimentType& experiment = experiment_type(config.kind);
  try {
    if (!experiment.has_models) {
      compute_circuit(file, config, arguments, model);
      return;
    }
    const bool one_trial = arguments.trial.has_value();
    model.config = one_trial ? at_point(file, config, name, *arguments.trial) : config;
    model.recorded.emplace(file, *model.config, name);
    if (one_trial && experiment.learns) {
      model.computed = inspect_trial(file, *model.config, *model.recorded, *arguments.trial);
    } else if (model.grid.empty()) {  // the model's own leak and time constants are those of no point of a grid
      const bool in_detail = !arguments.model.empty() && !one_trial;
      model.stability = summarise_stability(file, *model.recorded, in_detail ? max_snapshots : 1);
    }
  } catch (const Error& error) {
    model.not_computed = error.what();
  }
}

}  // namespace

std::vector<std::string> chosen_models(const RunReader& file, const std::string& model) {
  std::vector<std::string> names = file.models();
  if (model.empty()) return names;
  if (std::ranges::find(names, model) == names.end()) {
    throw ValueError(fmt::format("--model {}", model), fmt::format("{} has no such model", file.path()),
                     fmt::format("{}", fmt::join(names, ", ")));
  }
  return {model};
}

void note_incomplete(const RunReader& file, std::ostream& err) {
  if (!file.has_locks()) fmt::print(err, "dynvert: note: {}\n", no_locks_note(file.path()));
  if (whole_attribute(file, "complete") == 1) return;
  fmt::print(err, "dynvert: note: {} is not complete ({}): it can be trusted up to trial {}\n", file.path(),
             text_attribute(file, "status"), whole_attribute(file, "trials_committed"));
}

int inspect(const InspectArguments& arguments, std::ostream& out, std::ostream& err) {
  prepare_blas(1);
  if (arguments.map) return inspect_map(arguments, out, err);
  const RunReader file(arguments.path);
  const std::vector<std::string> names = chosen_models(file, arguments.model);
  note_incomplete(file, err);

  std::optional<Config> config;
  std::string no_config;
  try {
    config = recorded_config(file);
  } catch (const Error& error) {
    no_config = error.what();
  }
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> parameters;
  if (config) parameters = differing_parameters(*config);
  std::vector<InspectedModel> models(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    InspectedModel& model = models[i];
    model.summary = summarise(file, name);
    model.parameters = parameters[name];
    model.not_computed = no_config;
    if (!arguments.trial) model.grid = summarise_grid(file, name);
    // different points are not pooled
    if (model.grid.size() <= 1) model.grid.clear();
    if (!arguments.model.empty() && !arguments.trial && model.grid.empty())
      model.quantities = summarise_quantities(file, name);
    if (arguments.trial) model.trial = summarise_trial(file, name, *arguments.trial);
    if (config) compute(file, *config, arguments, model);
  }

  if (arguments.json) {
    nlohmann::ordered_json json{{"file", arguments.path},
                                {"title", text_attribute(file, "title")},
                                {"status", text_attribute(file, "status")},
                                {"complete", whole_attribute(file, "complete") == 1},
                                {"trials_committed", whole_attribute(file, "trials_committed")},
                                {"models", nlohmann::ordered_json::array()}};
    for (const InspectedModel& model : models) json["models"].push_back(to_json(model));
    fmt::print(out, "{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return exit_done;
  }
  if (arguments.trial) {
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (i > 0) fmt::print(out, "\n");
      print_trial(out, models[i]);
    }
  } else if (!arguments.model.empty()) {
    print_model(out, models.front());
  } else {
    print_overview(out, models);
  }
  return exit_done;
}

}  // namespace dynvert
