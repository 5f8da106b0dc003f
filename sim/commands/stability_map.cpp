// dynvert inspect --map.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/inspect/stability_map_file.hpp>
#include <dynvert/sim/platform/build_info.hpp>

#include <fmt/chrono.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>

namespace dynvert {

namespace {

bool has_loops(const RecordedModel& model) {
  return std::ranges::any_of(model.stages(), [](const Stage& stage) { return !stage.loops.empty(); });
}

std::vector<Attribute> root_attributes(const RunReader& file, const std::string& command) {
  const auto title = file.attribute("/", "title");
  return {{"title", title && std::holds_alternative<std::string>(*title) ? *title : AttributeValue(std::string())},
          {"source", std::filesystem::path(file.path()).filename().string()},
          {"version", version()},
          {"source_revision", source_revision()},
          {"created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
          {"command", command}};
}

/// How many points are stable, by the abscissa.
void print_summary(std::ostream& out, const ModelMap& map) {
  for (const MapDataset& d : map.datasets) {
    if (!d.name.starts_with("spectral_abscissa_")) continue;
    const auto stable = std::ranges::count_if(d.values, [](double v) { return v < 0; });
    fmt::print(out, "  {}, loop {}, weights after {} trials: {:.1f} % of the points are stable\n", map.model,
               d.name.substr(d.name.rfind('_') + 1), map.snapshot,
               100 * static_cast<double>(stable) / static_cast<double>(d.values.size()));
  }
}

}  // namespace

int inspect_map(const InspectArguments& arguments, std::ostream& out, std::ostream& err) {
  const MapRanges ranges = parse_map_ranges(*arguments.map);
  if (arguments.output.empty()) throw ValueError("--map", "has no output", "-o MAP.h5");
  if (arguments.trial)
    throw ValueError("--map", "cannot be combined with --trial", "--snapshot, the number of trials completed by then");
  const auto alpha = ranges.alpha.points(arguments.points);
  const auto ratio = ranges.ratio.points(arguments.points);

  const RunReader file(arguments.path);
  const std::vector<std::string> names = chosen_models(file, arguments.model);
  note_incomplete(file, err);
  const Config config = recorded_config(file);
  if (!experiment_type(config.kind).has_models) {
    throw ValueError("--map", "a circuit of populations has no control loops", "a file with a model that has");
  }
  std::vector<ModelMap> maps;
  for (const std::string& name : names) {
    RecordedModel model(file, config, name);
    // of all models, those that have loops
    if (arguments.model.empty() && !has_loops(model)) continue;
    maps.push_back(map_model(file, model, arguments.snapshot, alpha, ratio));
  }
  if (maps.empty()) throw ValueError("--map", "no model of the file has control loops", "a file with one that has");
  write_map(arguments.output, arguments.overwrite, root_attributes(file, arguments.command), alpha, ratio, maps);
  fmt::print(out, "{}: {} x {} points\n", arguments.output, alpha.size(), ratio.size());
  for (const ModelMap& map : maps) print_summary(out, map);
  return exit_done;
}

}  // namespace dynvert
