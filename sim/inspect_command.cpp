// dynvert inspect: reads, and hands to who prints.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/command_line.hpp>
#include <dynvert/sim/inspect_print.hpp>
#include <dynvert/sim/version.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert {

namespace {

/// Snapshots of one model that are looked at.
constexpr std::size_t most_snapshots = 5;

std::string text_attribute(const RunReader& file, const char* name) {
  const auto value = file.attribute("/", name);
  return value && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : std::string();
}

std::int64_t whole_attribute(const RunReader& file, const char* name) {
  const auto value = file.attribute("/", name);
  return value && std::holds_alternative<std::int64_t>(*value) ? std::get<std::int64_t>(*value) : 0;
}

/// What is computed from the weights, as far as the file goes: what it does not hold is said and left out.
void compute(const RunReader& file, const std::optional<Config>& config, const InspectArguments& arguments,
             InspectedModel& model) {
  if (!config) return;
  try {
    model.recorded.emplace(file, *config, model.summary.name);
    if (arguments.trial) {
      model.computed = inspect_trial(file, *config, *model.recorded, *arguments.trial);
    } else {
      model.stability = summarise_stability(file, *model.recorded, arguments.model.empty() ? 1 : most_snapshots);
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
  if (whole_attribute(file, "complete") == 1) return;
  fmt::print(err, "dynvert: note: {} is not complete ({}): it can be trusted up to trial {}\n", file.path(),
             text_attribute(file, "status"), whole_attribute(file, "trials_committed"));
}

int inspect(const InspectArguments& arguments, std::ostream& out, std::ostream& err) {
  use_one_blas_thread();
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
  std::vector<InspectedModel> models;
  for (const std::string& name : names) {
    InspectedModel& model = models.emplace_back();
    model.summary = summarise(file, name);
    model.not_computed = no_config;
    if (!arguments.model.empty() && !arguments.trial) model.quantities = summarise_quantities(file, name);
    if (arguments.trial) model.trial = summarise_trial(file, name, *arguments.trial);
    compute(file, config, arguments, model);
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
