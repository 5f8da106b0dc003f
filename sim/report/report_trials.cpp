// The recorded trials of a model, as a report shows them.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/record/role.hpp>
#include <dynvert/sim/report/downsample.hpp>
#include <dynvert/sim/report/report_data.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace dynvert {

namespace {

/// A dataset of /trace that moves with time.
struct Moving {
  std::string dataset, name, role, time;  ///< time: path of its time axis
  std::vector<std::size_t> shape;         ///< record, time, units ..
  std::vector<double> numbers = {};       ///< of the units, of an excerpt
  [[nodiscard]] std::size_t units() const {
    return std::accumulate(shape.begin() + 2, shape.end(), std::size_t{1}, std::multiplies<>());
  }
};

std::vector<Moving> moving_datasets(const RunReader& file, const std::string& model) {
  std::vector<Moving> found;
  const std::string trace = model + "/trace";
  for (const std::string& name : file.children(trace)) {
    const std::string dataset = trace + "/" + name;
    const auto shape = file.shape(dataset);
    if (shape.size() < 2) continue;
    const std::string axis = file.axes(dataset)[1];
    if (!axis.starts_with("time") || !file.has(trace + "/" + axis)) continue;
    if (file.length(trace + "/" + axis) != shape[1]) continue;
    found.push_back({.dataset = dataset,
                     .name = name,
                     .role = role_of(file, model, "trace", name),
                     .time = trace + "/" + axis,
                     .shape = shape});
    const std::string units = trace + "/" + file.axes(dataset).back();
    if (found.back().role == excerpt_role && shape.size() == 3 && file.has(units) && file.length(units) == shape[2])
      found.back().numbers = file.column(units);
  }
  return found;
}

/// "3", or "3, 7" of a matrix
std::string unit_label(const Moving& from, std::size_t column) {
  if (!from.numbers.empty()) return fmt::format("{:.0f}", from.numbers[column]);
  if (from.shape.size() < 4) return fmt::format("{}", column);
  return fmt::format("{}, {}", column / from.shape[3], column % from.shape[3]);
}

ReportPopulation read_population(const RunReader& file, const Moving& from, std::size_t record, std::size_t samples,
                                 std::size_t units) {
  const auto description = file.attribute(from.dataset, "long_name");
  ReportPopulation population{.name = from.name,
                              .role = from.role,
                              .description = description && std::holds_alternative<std::string>(*description)
                                                 ? std::get<std::string>(*description)
                                                 : "",
                              .units = from.units(),
                              .samples = from.shape[1],
                              .labels = {},
                              .time = {},
                              .values = {}};
  const auto columns = evenly_spaced(from.units(), units);
  if (columns.empty() || from.shape[1] == 0) return population;
  for (const std::size_t column : columns) population.labels.push_back(unit_label(from, column));

  Downsampler downsampler(from.shape[1], columns.size(), samples);
  constexpr std::size_t max_values = std::size_t{1} << 20;
  const std::size_t piece = std::max<std::size_t>(1, max_values / from.units());
  std::vector<double> sample(columns.size());
  for (std::size_t first = 0; first < from.shape[1]; first += piece) {
    const std::size_t count = std::min(piece, from.shape[1] - first);
    const auto slab = file.part(from.dataset, record, first, count);
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t c = 0; c < columns.size(); ++c) sample[c] = slab.values[k * from.units() + columns[c]];
      downsampler.push(sample);
    }
  }
  const Downsampler::Kept kept = downsampler.take();
  const auto time = file.column(from.time);
  for (const std::size_t k : kept.samples) population.time.push_back(time[k]);
  population.values.resize(kept.values.size());
  for (std::size_t k = 0; k < kept.samples.size(); ++k) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      population.values[c * kept.samples.size() + k] = kept.values[k * columns.size() + c];
    }
  }
  return population;
}

ReportSpectrum distinct(const RecordedTrial::Spectrum& of) {
  ReportSpectrum spectrum{.snapshot = of.snapshot.trials,
                          .exact = of.snapshot.exact,
                          .values = {},
                          .count = {},
                          .stability = of.stability.values};
  std::vector<std::complex<double>> all(of.eigenvalues.begin(), of.eigenvalues.end());
  const auto key = [](const std::complex<double>& v) { return std::pair(v.real(), v.imag()); };
  std::ranges::sort(all, {}, key);
  for (const auto& value : all) {
    if (!spectrum.values.empty() && spectrum.values.back() == value) {
      ++spectrum.count.back();
    } else {
      spectrum.values.push_back(value);
      spectrum.count.push_back(1);
    }
  }
  return spectrum;
}

/// Loops of recorded trials. Spectra that do not depend on the trial are kept from trial to trial.
class LoopReader {
 public:
  LoopReader(const RunReader& file, const Config& config, const std::string& name)
      : file_(file), model_(file, config, name) {}

  std::vector<ReportLoop> read(std::size_t record, std::size_t samples) {
    const RecordedTrial trial(file_, model_, record);
    std::vector<ReportLoop> loops;
    for (const Stage& stage : model_.stages()) {
      for (const ControlLoop& loop : stage.loops) {
        ReportLoop& r = loops.emplace_back();
        r.number = loop.number;
        read_residual(trial, r, samples);
        read_spectrum(trial, r);
      }
    }
    std::ranges::sort(loops, {}, &ReportLoop::number);
    return loops;
  }

 private:
  void read_residual(const RecordedTrial& trial, ReportLoop& to, std::size_t samples) const {
    std::vector<double> time, values;
    try {
      to.way = trial.residual(to.number, [&](double t, double value) {
        time.push_back(t);
        values.push_back(value);
      });
    } catch (const Error& error) {
      to.residual_missing = error.what();
      return;
    }
    Downsampler downsampler(values.size(), 1, samples);
    for (const double& value : values) downsampler.push({&value, 1});
    Downsampler::Kept kept = downsampler.take();
    for (const std::size_t k : kept.samples) to.time.push_back(time[k]);
    to.residual = std::move(kept.values);
  }

  void read_spectrum(const RecordedTrial& trial, ReportLoop& to) {
    const auto known = spectra_.find(to.number);
    if (known != spectra_.end() && known->second.first == trial.snapshot().row) {
      to.spectrum = known->second.second;
      to.spectrum->exact = trial.snapshot().exact;
      return;
    }
    try {
      const auto spectrum = trial.spectrum(to.number);
      to.spectrum = distinct(spectrum);
      if (!spectrum.of_trial) spectra_.insert_or_assign(to.number, std::pair(trial.snapshot().row, *to.spectrum));
    } catch (const Error& error) {
      to.spectrum_missing = error.what();
    }
  }

  const RunReader& file_;
  RecordedModel model_;
  std::map<std::size_t, std::pair<std::size_t, ReportSpectrum>> spectra_;  // by loop: row of the snapshot, and it
};

std::unique_ptr<LoopReader> loop_reader(const RunReader& file, const Config* config, const std::string& model,
                                        std::vector<std::string>& notes) {
  if (config == nullptr) return nullptr;
  try {
    return std::make_unique<LoopReader>(file, *config, model);
  } catch (const Error& error) {
    notes.push_back(fmt::format("{}: no residuals and no spectra: {}", model, error.what()));
    return nullptr;
  }
}

/// How many samples of how many records fit.
struct Plan {
  std::size_t samples = 0;
  std::vector<std::size_t> records;
};

Plan plan(const std::vector<Moving>& moving, std::size_t records, const ReportLimits& limits, std::size_t bytes) {
  constexpr std::size_t fewest_samples = 100, wanted_records = 10;
  // the values of the units and their times, and residuals with theirs
  std::size_t numbers = 0;
  std::size_t longest = 1;
  for (const Moving& m : moving) {
    numbers += std::min(m.units(), limits.units) + 1;
    if (m.role == "controller") numbers += 2;
    longest = std::max(longest, m.shape[1]);
  }
  const std::size_t bytes_a_sample = page_bytes(std::max<std::size_t>(1, numbers));
  const std::size_t bytes_a_record = bytes / std::min(std::max<std::size_t>(records, 1), wanted_records);
  std::size_t kept = std::min({bytes_a_record / bytes_a_sample, longest, limits.samples});
  // extremes of the units come on top (Downsampler)
  const std::size_t extremes = kept < longest ? 2 * limits.units + 2 : 0;
  Plan p;
  p.samples = std::max(fewest_samples, kept - std::min(kept, extremes));
  kept = std::min(longest, p.samples + extremes);
  p.records = evenly_spaced(records, std::max<std::size_t>(1, bytes / (kept * bytes_a_sample)));
  return p;
}

/// What has one value a trial.
std::vector<std::pair<std::string, double>> measures_of(const RunReader& file, const std::string& model,
                                                        std::size_t trial) {
  std::vector<std::pair<std::string, double>> measures;
  for (const auto& [group, name, against] : report_columns(file, model)) {
    const std::string path = fmt::format("/models/{}/{}/", model, group);
    if (against != "trial" || trial >= file.length(path + against)) continue;
    // rows are trials, from 0 on
    if (file.value(path + against, trial) != static_cast<double>(trial)) continue;
    measures.emplace_back(name, file.value(path + name, trial));
  }
  return measures;
}

/// The recorded measures that are times in the transient.
std::vector<ReportMark> marks_of(const std::vector<std::pair<std::string, double>>& values,
                                 const std::vector<ReportLoop>& loops) {
  std::vector<ReportMark> marks;
  for (const TrialMeasure& measure : measures()) {
    if (measure.mark.empty()) continue;
    for (const ReportLoop& loop : loops) {
      const auto found = std::ranges::find(values, fmt::format("{}_{}", measure.name, loop.number),
                                           &std::pair<std::string, double>::first);
      if (found != values.end() && std::isfinite(found->second)) {
        marks.push_back({loop.number, found->second, measure.mark});
      }
    }
  }
  return marks;
}

}  // namespace

std::vector<ReportTrial> read_trials(const RunReader& file, const Config* config, const std::string& model,
                                     const ReportLimits& limits, std::size_t bytes, std::vector<std::string>& notes) {
  const std::string path = fmt::format("/models/{}", model);
  const std::string trace = path + "/trace";
  const auto numbers = file.column(trace + "/trial");
  const auto moving = moving_datasets(file, path);
  const Plan p = plan(moving, numbers.size(), limits, bytes);
  const auto loops = loop_reader(file, config, model, notes);
  const std::string flags = trace + "/converged";
  std::vector<ReportTrial> trials;
  for (const std::size_t record : p.records) {
    ReportTrial& t = trials.emplace_back();
    t.trial = trial_number(file, trace + "/trial", numbers[record]);
    if (file.has(flags)) t.converged = static_cast<std::int64_t>(file.value(flags, record));
    t.measures = measures_of(file, model, t.trial);
    for (const Moving& m : moving) {
      t.populations.push_back(read_population(file, m, record, p.samples, limits.units));
    }
    if (loops) t.loops = loops->read(record, p.samples);
    t.marks = marks_of(t.measures, t.loops);
  }
  return trials;
}

}  // namespace dynvert
