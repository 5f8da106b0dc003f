#include <dynvert/analysis/stability_map.hpp>
#include <dynvert/sim/hdf5/hdf5.hpp>
#include <dynvert/sim/inspect/stability_map_file.hpp>
#include <dynvert/sim/platform/new_file.hpp>
#include <dynvert/sim/solvers/solver.hpp>
#include <dynvert/sim/trial/loop_stability.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

namespace dynvert {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& fault) {
  throw ValueError(fmt::format("--map {}", text), fault,
                   "AXIS=FROM:TO[:log|:lin] for the axes alpha and ratio, separated by commas: "
                   "alpha=1e-4:1:log,ratio=0.1:10:log");
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

double parse_number(std::string_view all, std::string_view part) {
  double value = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (error != std::errc() || end != part.data() + part.size() || !std::isfinite(value)) {
    refuse(all, fmt::format("'{}' is not a number", part));
  }
  return value;
}

MapAxis parse_axis(std::string_view all, std::string_view name, std::string_view range) {
  const auto parts = split(range, ':');
  if (parts.size() < 2 || parts.size() > 3) refuse(all, fmt::format("{} is not FROM:TO[:log|:lin]", name));
  MapAxis axis{parse_number(all, parts[0]), parse_number(all, parts[1]), true};
  if (parts.size() == 3) {
    if (parts[2] != "log" && parts[2] != "lin") refuse(all, fmt::format("'{}' is neither log nor lin", parts[2]));
    axis.logarithmic = parts[2] == "log";
  }
  const bool may_be_zero = name == "alpha" && !axis.logarithmic;
  if (may_be_zero ? axis.from < 0 : axis.from <= 0) {
    refuse(all,
           fmt::format("{} begins at {:g}, which is not {} 0", name, axis.from, may_be_zero ? "at least" : "above"));
  }
  if (!(axis.to > axis.from)) refuse(all, fmt::format("{} ends at {:g}, not above {:g}", name, axis.to, axis.from));
  return axis;
}

/// The snapshot of that number of trials; the last of several, which holds the newest feedback.
RecordedModel::Snapshot find_snapshot(const RunReader& file, const RecordedModel& model,
                                      std::optional<std::size_t> wanted) {
  const auto snapshots = file.column(fmt::format("/models/{}/weights/snapshot", model.name()));
  if (!wanted) return model.before(trial_number(file, "weights/snapshot", snapshots.back()));
  const RecordedModel::Snapshot found = model.before(*wanted);
  if (found.trials == *wanted) return found;
  constexpr std::ptrdiff_t shown = 20;
  const auto last = snapshots.size() > shown ? snapshots.begin() + shown : snapshots.end();
  throw ValueError(fmt::format("--snapshot {}", *wanted), fmt::format("model {} has no such snapshot", model.name()),
                   fmt::format("trials done: {}{}", fmt::join(snapshots.begin(), last, ", "),
                               last == snapshots.end() ? "" : fmt::format(", .. {}", snapshots.back())));
}

std::vector<Attribute> describe(const RecordedModel& model, std::size_t snapshot) {
  const DynamicsConfig& d = model.config().dynamics;
  std::vector<Attribute> attributes{{"snapshot", static_cast<std::int64_t>(snapshot)},
                                    {"alpha", model.config().alpha},
                                    {"ratio", d.tau_u / d.tau_delta},
                                    {"tau_delta", d.tau_delta},
                                    {"tau_u", d.tau_u},
                                    {"solver", d.solver}};
  if (solver_kind(d.solver).has_trajectory) {
    attributes.push_back({"dt", d.dt});
    attributes.push_back({"duration", d.duration});
  }
  return attributes;
}

std::string not_a_map(const std::string& path) {
  try {
    const auto value = h5::read_attribute(h5::open_file(path), "/", "Conventions");
    if (value && *value == AttributeValue(std::string(map_conventions))) return {};
  } catch (const IoError& error) {
    return error.fault();
  }
  return fmt::format("is not a file of the format {}", map_conventions);
}

/// Writes groups, axes and datasets of a map by the format's rules.
class MapWriter {
 public:
  MapWriter(int descriptor, const std::string& path) : target_(descriptor), file_(h5::create_file(target_, path)) {}

  void attribute(const std::string& object, const Attribute& attribute) {
    h5::write_attribute(file_, object, attribute.name, attribute.value);
  }
  void group(const std::string& path) { h5::create_group(file_, path); }
  h5::Dataset axis(const std::string& group, const std::string& name, const std::vector<double>& values,
                   const std::string& description) {
    h5::Dataset scale = dataset(group, {name, "1", description, values}, {values.size()});
    h5::make_scale(scale, name);
    return scale;
  }
  h5::Dataset dataset(const std::string& group, const MapDataset& d, const std::vector<std::size_t>& shape) {
    const std::string path = group + "/" + d.name;
    h5::Dataset created = h5::create_dataset(file_, path, {h5::Type::float64, shape, {}, false, 0});
    h5::write_attribute(file_, path, "units", d.units);
    h5::write_attribute(file_, path, "long_name", d.description);
    h5::write_all(created, d.values);
    return created;
  }
  void finish() {
    h5::flush(file_);
    file_.handle.reset();
    target_.commit();
    target_.close();
    if (target_.error() == 0) return;
    throw IoError(file_.path, std::string("cannot be written: ") + std::strerror(target_.error()),
                  "more room, or another disk");
  }

 private:
  TransactionalFile target_;  // outlives the file
  h5::File file_;
};

}  // namespace

std::vector<double> MapAxis::points(std::size_t count) const {
  std::vector<double> values;
  for (std::size_t k = 0; k < count; ++k) {
    const double part = static_cast<double>(k) / static_cast<double>(count - 1);
    values.push_back(logarithmic ? from * std::pow(to / from, part) : from + (to - from) * part);
  }
  // exact ends
  values.front() = from;
  values.back() = to;
  return values;
}

MapRanges parse_map_ranges(std::string_view text) {
  MapRanges ranges;
  std::vector<std::string_view> seen;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) refuse(text, fmt::format("'{}' has no =", part));
    const std::string_view name = part.substr(0, equals);
    if (name != "alpha" && name != "ratio") refuse(text, fmt::format("there is no axis '{}'", name));
    if (std::ranges::find(seen, name) != seen.end()) refuse(text, fmt::format("{} is there twice", name));
    seen.push_back(name);
    (name == "alpha" ? ranges.alpha : ranges.ratio) = parse_axis(text, name, part.substr(equals + 1));
  }
  return ranges;
}

ModelMap map_model(const RunReader& file, RecordedModel& model, std::optional<std::size_t> snapshot,
                   const std::vector<double>& alpha, const std::vector<double>& ratio) {
  const RecordedModel::Snapshot taken = find_snapshot(file, model, snapshot);
  model.load(taken);
  ModelMap map{
      .model = model.name(), .snapshot = taken.trials, .attributes = describe(model, taken.trials), .datasets = {}};
  for (const Stage& stage : model.stages()) {
    if (stage.loops.empty()) continue;
    ReadyStage resting = at_rest(stage, model.network(), model.feedback());
    for (const ControlLoop& loop : stage.loops) {
      const LinearisedLoop linearised({&resting.f, &resting.x, &loop});
      if (!linearised.modes()) continue;
      for (auto& [measure, values] : stability_maps(stability_measures(), *linearised.modes(), linearised.controller(),
                                                    model.config().dynamics.tau_delta, alpha, ratio)) {
        map.datasets.push_back({fmt::format("{}_{}", measure->name, loop.number), measure->units, measure->description,
                                std::move(values)});
      }
    }
  }
  if (map.datasets.empty()) {
    throw ValueError("--map", fmt::format("model {} has no control loops", model.name()), "a model with control loops");
  }
  return map;
}

void write_map(const std::string& path, bool overwrite, const std::vector<Attribute>& attributes,
               const std::vector<double>& alpha, const std::vector<double>& ratio, const std::vector<ModelMap>& maps) {
  NewFile output(path, overwrite, not_a_map);
  // a descriptor of its own: the new file keeps the other until it has been moved
  const int descriptor = ::fcntl(output.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) throw IoError(path, std::string("cannot be written: ") + std::strerror(errno));
  MapWriter writer(descriptor, path);
  writer.attribute("/", {"Conventions", std::string(map_conventions)});
  for (const Attribute& a : attributes) writer.attribute("/", a);
  for (const ModelMap& map : maps) {
    const std::string group = "/maps/" + map.model;
    writer.group(group);
    for (const Attribute& a : map.attributes) writer.attribute(group, a);
    const h5::Dataset rows = writer.axis(group, "alpha", alpha, "leak of the controller");
    const h5::Dataset columns = writer.axis(group, "ratio", ratio, "tau_u / tau_delta; tau_delta is that of the model");
    for (const MapDataset& d : map.datasets) {
      const h5::Dataset dataset = writer.dataset(group, d, {alpha.size(), ratio.size()});
      h5::attach_scale(dataset, rows, 0);
      h5::attach_scale(dataset, columns, 1);
    }
  }
  writer.attribute("/", {"complete", std::int64_t{1}});
  writer.finish();
  output.publish();
}

}  // namespace dynvert
