#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/report/downsample.hpp>
#include <dynvert/sim/report/report_data.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace dynvert {

namespace {

template <typename T>
T attribute_or(const RunReader& file, const std::string& object, const std::string& name, T otherwise) {
  const auto value = file.attribute(object, name);
  return value && std::holds_alternative<T>(*value) ? std::get<T>(*value) : otherwise;
}

std::string text(const RunReader& file, const std::string& object, const std::string& name) {
  return attribute_or<std::string>(file, object, name, "");
}

constexpr std::size_t rows_at_once = std::size_t{1} << 16;

/// Downsampled as one column. @return the numbers of the rows and their values
Downsampler::Kept downsampled(const RunReader& file, const std::string& dataset, std::size_t rows, std::size_t points) {
  Downsampler downsampler(rows, 1, points);
  for (std::size_t first = 0; first < rows; first += rows_at_once) {
    const auto slab = file.rows(dataset, first, std::min(rows_at_once, rows - first));
    for (const double& value : slab.values) downsampler.push({&value, 1});
  }
  return downsampler.take();
}

/// The row dimension at the rows that were kept.
std::vector<double> at(const RunReader& file, const std::string& dataset, const std::vector<std::size_t>& rows) {
  std::vector<double> values;
  std::size_t first = 0;
  std::vector<double> read;
  for (const std::size_t row : rows) {
    if (row >= first + read.size()) {
      first = row;
      read = file.rows(dataset, first, std::min(rows_at_once, file.length(dataset) - first)).values;
    }
    values.push_back(read[row - first]);
  }
  return values;
}

ModelSummary summary_of(const RunReader& file, const std::string& model) {
  const std::string path = "/models/" + model;
  if (!rows_of(file, model).empty()) return summarise(file, model);
  ModelSummary summary{.name = model,
                       .credit = text(file, path, "credit"),
                       .status = text(file, path, "status"),
                       .solver = std::nullopt,
                       .feedback = std::nullopt,
                       .final = {},
                       .final_loss = std::nullopt,
                       .final_nse = std::nullopt,
                       .settled_fraction = std::nullopt,
                       .restabilisations = std::nullopt,
                       .measures = {}};
  if (file.attribute(path, "solver")) summary.solver = text(file, path, "solver");
  if (file.attribute(path, "feedback")) summary.feedback = text(file, path, "feedback");
  return summary;
}

std::optional<Config> config_of(const RunReader& file, std::vector<std::string>& notes) {
  try {
    return recorded_config(file);
  } catch (const Error& error) {
    notes.push_back(fmt::format("No residuals and no spectra: {}", error.what()));
    return std::nullopt;
  }
}

/// A file without a configuration that can be read says so where its loops are shown.
void add_parameters(const RunReader& file, std::vector<ReportModel>& models) {
  try {
    auto parameters = differing_parameters(recorded_config(file));
    for (ReportModel& model : models) model.parameters = std::move(parameters[model.summary.name]);
  } catch (const Error&) {
    return;
  }
}

std::size_t count_curves(const RunReader& file, const std::vector<std::string>& models) {
  std::size_t count = 0;
  for (const std::string& model : models) count += report_columns(file, model).size();
  return count;
}

std::size_t numbers_in(const ReportTrial& trial) {
  std::size_t numbers = 0;
  for (const ReportPopulation& p : trial.populations) {
    numbers += p.time.size() + p.values.size() + p.rates.size() + p.fixed_point.size();
  }
  for (const ReportLoop& l : trial.loops) {
    numbers += 2 * l.time.size() + (l.spectrum ? 3 * l.spectrum->values.size() : 0);
  }
  return numbers;
}

/// Calls `read`; what it cannot have becomes a note.
template <typename Read>
void noting(std::vector<std::string>& notes, const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    notes.emplace_back(error.what());
  }
}

}  // namespace

std::vector<std::size_t> evenly_spaced(std::size_t n, std::size_t count) {
  std::vector<std::size_t> numbers;
  count = std::min(n, count);
  for (std::size_t i = 0; i < count; ++i) {
    const double steps = std::max(1.0, static_cast<double>(count) - 1);
    numbers.push_back(
        static_cast<std::size_t>(std::lround(static_cast<double>(i) * static_cast<double>(n - 1) / steps)));
  }
  return numbers;
}

std::vector<ReportColumn> report_columns(const RunReader& file, const std::string& model) {
  std::vector<ReportColumn> columns;
  for (const std::string& group : file.children("/models/" + model)) {
    if (group == "weights" || group == "trace") continue;
    const std::string path = fmt::format("/models/{}/{}", model, group);
    for (const std::string& name : file.children(path)) {
      if (file.shape(path + "/" + name).size() != 1) continue;
      // an axis itself has none
      const std::string against = file.axes(path + "/" + name).front();
      if (against.empty() || !file.has(path + "/" + against)) continue;
      if (file.length(path + "/" + against) == file.length(path + "/" + name))
        columns.push_back({group, name, against});
    }
  }
  return columns;
}

std::vector<ReportCurve> read_curves(const RunReader& file, const std::string& model, std::size_t points) {
  std::vector<ReportCurve> curves;
  for (const auto& [group, name, against] : report_columns(file, model)) {
    const std::string path = fmt::format("/models/{}/{}", model, group);
    const std::string dataset = path + "/" + name;
    const std::size_t rows = file.length(dataset);
    Downsampler::Kept kept = downsampled(file, dataset, rows, points);
    curves.push_back({.model = model,
                      .group = group,
                      .name = name,
                      .units = text(file, dataset, "units"),
                      .description = text(file, dataset, "long_name"),
                      .against = against,
                      .legend = text(file, dataset, "legend"),
                      .rows = rows,
                      .x = at(file, path + "/" + against, kept.samples),
                      .y = std::move(kept.values)});
  }
  return curves;
}

ReportData read_report(const RunReader& file, const ReportLimits& limits) {
  ReportData data{.file = std::filesystem::path(file.path()).filename().string(),
                  .title = text(file, "/", "title"),
                  .version = text(file, "/", "version"),
                  .created = text(file, "/", "created"),
                  .status = text(file, "/", "status"),
                  .complete = attribute_or<std::int64_t>(file, "/", "complete", 0) == 1,
                  .trials_committed = attribute_or<std::int64_t>(file, "/", "trials_committed", 0),
                  .models = {},
                  .curves = {},
                  .notes = {}};
  std::vector<std::string> names;
  for (const std::string& name : file.models()) {
    noting(data.notes, [&] {
      data.models.push_back({.summary = summary_of(file, name), .records = 0, .trials = {}});
      names.push_back(name);
    });
  }

  add_parameters(file, data.models);

  // At most two fifths for the curves, the rest for the trajectories.
  constexpr std::size_t fewest_points = 50;
  std::size_t left = limits.bytes;
  noting(data.notes, [&] {
    const std::size_t curves = std::max<std::size_t>(1, count_curves(file, names));
    const std::size_t points = std::clamp(limits.bytes / 5 * 2 / curves / page_bytes(2), fewest_points,
                                          std::max(fewest_points, limits.curve_points));
    for (const std::string& name : names) {
      noting(data.notes, [&] {
        for (ReportCurve& curve : read_curves(file, name, points)) data.curves.push_back(std::move(curve));
      });
    }
  });
  for (const ReportCurve& curve : data.curves) left -= std::min(left, page_bytes(2 * curve.x.size()));

  std::vector<ReportModel*> traced;
  for (ReportModel& model : data.models) {
    const std::string records = fmt::format("/models/{}/trace/trial", model.summary.name);
    if (file.has(records)) noting(data.notes, [&] { model.records = file.length(records); });
    if (model.records > 0) traced.push_back(&model);
  }
  if (traced.empty()) return data;
  const std::optional<Config> config = config_of(file, data.notes);
  for (std::size_t i = 0; i < traced.size(); ++i) {
    // what a model leaves is for those after it
    noting(data.notes, [&] {
      traced[i]->trials = read_trials(file, config ? &*config : nullptr, traced[i]->summary.name, limits,
                                      left / (traced.size() - i), data.notes);
    });
    for (const ReportTrial& trial : traced[i]->trials) left -= std::min(left, page_bytes(numbers_in(trial)));
  }
  return data;
}

}  // namespace dynvert
