// The recorded trials of a model, as a report shows them.

#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/inspect/recorded_circuit.hpp>
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
  const RateFunction* rate = nullptr;  ///< of a circuit's population; nullptr: its rate is its state, or is not shown
  std::vector<double> numbers = {};    ///< of the units, of an excerpt
  [[nodiscard]] std::size_t units() const {
    return std::accumulate(shape.begin() + 2, shape.end(), std::size_t{1}, std::multiplies<>());
  }
};

/// A population of the circuit that the configuration describes; nullptr: there is none of that name.
const PopulationConfig* population_of(const Config* config, const std::string& name) {
  if (config == nullptr) return nullptr;
  const auto& populations = config->circuit.populations;
  const auto found = std::ranges::find(populations, name, &PopulationConfig::name);
  return found == populations.end() ? nullptr : &*found;
}

/// @param config  nullptr: without the rates of populations
std::vector<Moving> moving_datasets(const RunReader& file, const Config* config, const std::string& model) {
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
    if (const PopulationConfig* population = population_of(config, name)) {
      const RateFunction& rate = rate_function(population->rate);
      // of a function of all units together the page, which holds some of them, shows none
      if (!rate.linear && rate.elementwise) found.back().rate = &rate;
    }
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
  if (from.rate != nullptr) {
    population.rates.resize(population.values.size());
    from.rate->value(population.values.data(), population.rates.data(), population.values.size());
  }
  return population;
}

ReportSpectrum distinct(const RecordedModel::Snapshot& snapshot, std::vector<std::complex<double>> all,
                        const std::vector<double>& stability) {
  ReportSpectrum spectrum{
      .snapshot = snapshot.trials, .exact = snapshot.exact, .values = {}, .count = {}, .stability = stability};
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

void keep_downsampled(const std::vector<double>& time, const std::vector<double>& values, std::size_t samples,
                      ReportLoop& to) {
  Downsampler downsampler(values.size(), 1, samples);
  for (const double& value : values) downsampler.push({&value, 1});
  Downsampler::Kept kept = downsampler.take();
  for (const std::size_t k : kept.samples) to.time.push_back(time[k]);
  to.residual = std::move(kept.values);
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
    keep_downsampled(time, values, samples, to);
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
      to.spectrum = distinct(spectrum.snapshot, {spectrum.eigenvalues.begin(), spectrum.eigenvalues.end()},
                             spectrum.stability.values);
      if (!spectrum.of_trial) spectra_.insert_or_assign(to.number, std::pair(trial.snapshot().row, *to.spectrum));
    } catch (const Error& error) {
      to.spectrum_missing = error.what();
    }
  }

  const RunReader& file_;
  RecordedModel model_;
  std::map<std::size_t, std::pair<std::size_t, ReportSpectrum>> spectra_;  // by loop: row of the snapshot, and it
};

/// A user-defined circuit in recorded trials: its fixed point, the spectrum there, and the distance from it,
///
///     |x(t) - x*| / |x*|,      or |x(t)| where x* is zero,
///
/// over all populations.
class CircuitReader {
 public:
  CircuitReader(const RunReader& file, const Config& config) : file_(file), circuit_(file, config) {}

  /// @param to  the trial, with its populations
  void read(std::size_t record, const std::vector<Moving>& moving, std::size_t samples, ReportTrial& to) const {
    ReportLoop& r = to.loops.emplace_back();
    r.is_circuit = true;
    const CircuitTrial trial = circuit_.trial(to.trial);
    if (!trial.fixed_point) {
      r.spectrum_missing = r.residual_missing = "no fixed point: " + trial.missing;
      return;
    }
    const FixedPoint& point = *trial.fixed_point;
    r.spectrum = distinct({.row = 0, .trials = 0, .exact = true}, point.eigenvalues, point.stability);
    for (ReportPopulation& population : to.populations) {
      const auto states = std::ranges::find(point.states, population.name, &UnitValues::population);
      if (states == point.states.end() || population.role == excerpt_role) continue;
      for (const std::size_t unit : evenly_spaced(population.units, population.labels.size())) {
        population.fixed_point.push_back(states->values[unit]);
      }
    }
    read_distance(record, moving, point, samples, r);
  }

 private:
  void read_distance(std::size_t record, const std::vector<Moving>& moving, const FixedPoint& point,
                     std::size_t samples, ReportLoop& to) const {
    std::vector<double> squares, time;
    double size = 0;
    for (const auto& [name, steady] : point.states) {
      const auto m = std::ranges::find(moving, name, &Moving::name);
      if (m == moving.end() || m->role == excerpt_role) {
        to.residual_missing =
            fmt::format("the distance takes all populations, and {} was not recorded as a whole", name);
        return;
      }
      squares.resize(m->shape[1]);
      time = file_.column(m->time);
      for (const double v : steady) size += v * v;
      add_squares(*m, record, steady, squares);
    }
    const double scale = size > 0 ? std::sqrt(size) : 1;
    for (double& v : squares) v = std::sqrt(v) / scale;
    keep_downsampled(time, squares, samples, to);
  }

  void add_squares(const Moving& m, std::size_t record, const std::vector<double>& steady,
                   std::vector<double>& to) const {
    const std::size_t units = m.units();
    const std::size_t piece = std::max<std::size_t>(1, (std::size_t{1} << 20) / units);
    for (std::size_t first = 0; first < to.size(); first += piece) {
      const std::size_t count = std::min(piece, to.size() - first);
      const auto slab = file_.part(m.dataset, record, first, count);
      for (std::size_t k = 0; k < count * units; ++k) {
        const double difference = slab.values[k] - steady[k % units];
        to[first + k / units] += difference * difference;
      }
    }
  }

  const RunReader& file_;
  RecordedCircuit circuit_;
};

/// What is computed of a model's trials: of its loops, or of a user-defined circuit; neither where it cannot be.
struct Readers {
  std::unique_ptr<LoopReader> loops;
  std::unique_ptr<CircuitReader> circuit;
};

Readers readers_of(const RunReader& file, const Config* config, const std::string& model,
                   std::vector<std::string>& notes) {
  Readers readers;
  if (config == nullptr) return readers;
  try {
    if (experiment_type(config->kind).has_models) {
      readers.loops = std::make_unique<LoopReader>(file, *config, model);
    } else {
      readers.circuit = std::make_unique<CircuitReader>(file, *config);
    }
  } catch (const Error& error) {
    notes.push_back(fmt::format("{}: no residuals and no spectra: {}", model, error.what()));
  }
  return readers;
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
    if (m.rate != nullptr) numbers += std::min(m.units(), limits.units);
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
  const auto moving = moving_datasets(file, config, path);
  const Plan p = plan(moving, numbers.size(), limits, bytes);
  const Readers readers = readers_of(file, config, model, notes);
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
    if (readers.loops) t.loops = readers.loops->read(record, p.samples);
    if (readers.circuit) readers.circuit->read(record, moving, p.samples, t);
    t.marks = marks_of(t.measures, t.loops);
  }
  return trials;
}

}  // namespace dynvert
