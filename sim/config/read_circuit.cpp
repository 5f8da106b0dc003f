// The tables of experiments that do not learn: [inversion], and [[population]], [[projection]], [[input]].

#include <dynvert/models/circuit/rate_function.hpp>
#include <dynvert/sim/config/check_times.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace dynvert {

namespace {

constexpr std::size_t max_parts = 1000;           // populations, projections, inputs of a circuit
constexpr std::size_t max_points = 1'000'000;     // inversions of a model
constexpr std::size_t max_variables = 1'000'000;  // of a circuit

/// Names of datasets that a circuit's groups have in any case.
bool is_reserved(const std::string& name) {
  constexpr std::array<std::string_view, 8> names{"record", "trial",    "time",          "converged",
                                                  "steps",  "snapshot", "settling_time", "spectral_abscissa"};
  constexpr std::array<std::string_view, 5> beginnings{"unit_", "source_", "input_", "end_", "time_of_"};
  return std::ranges::find(names, name) != names.end() ||
         std::ranges::any_of(beginnings, [&](std::string_view begin) { return name.starts_with(begin); });
}

class CircuitReader {
 public:
  CircuitReader(const ConfigReader& reader, const RecordConfig& record, std::vector<std::string>& notes)
      : reader_(reader), record_(record), notes_(notes) {}

  CircuitConfig read() {
    const auto* dynamics = reader_.table(reader_.tree(), "dynamics", "dynamics");
    const std::vector<Key> keys = reader_.read_table("dynamics", dynamics, circuit_.dynamics, reader_.context());
    reader_.check_used(dynamics, "dynamics", keys);
    timed_ = applies(keys, "duration");
    if (const auto* inputs = reader_.tree()["input"].as_array()) input_names_ = input_names(*inputs);
    for (const auto* own : reader_.tables("population", max_parts)) read_population(*own);
    for (const auto* own : reader_.tables("projection", max_parts)) read_projection(*own);
    for (const auto* own : reader_.tables("input", max_parts)) read_input(*own);
    reset_unused<DynamicsConfig>(keys, reader_.context());
    check_times();
    note_size();
    return std::move(circuit_);
  }

 private:
  void check_name(const toml::table& own, const std::string& prefix, const std::string& name) const {
    reader_.check_identifier(&own, prefix, "name", name);
    if (is_reserved(name))
      reader_.fail_at(&own, prefix, "name", in_quotes(name) + " is the name of a dataset that every file has",
                      "another name, not beginning with unit_, source_, input_, end_, time_of_");
    const auto taken = [&](const auto& list) {
      return std::ranges::any_of(list, [&](const auto& other) { return other.name == name; });
    };
    if (taken(circuit_.populations) || taken(circuit_.projections))
      reader_.fail_at(&own, prefix, "name", in_quotes(name) + " is taken already",
                      "a different name for each population and each projection");
  }

  void check_length(const toml::table& own, const std::string& prefix, std::string_view key, std::size_t length,
                    std::size_t units) const {
    if (length > 1 && length != units)
      reader_.fail_at(
          &own, prefix, key, fmt::format("found {} numbers", length),
          units == 1 ? std::string("one number") : fmt::format("one number, or one for each of {} units", units));
  }

  /// The population that a key names.
  const PopulationConfig& named(const toml::table& own, const std::vector<Key>& keys, const std::string& prefix,
                                std::string_view key, const std::string& name) const {
    reader_.require(&own, keys, prefix, key);
    const auto found = std::ranges::find(circuit_.populations, name, &PopulationConfig::name);
    if (found != circuit_.populations.end()) return *found;
    std::vector<std::string> names;
    for (const auto& p : circuit_.populations) names.push_back(p.name);
    fail(reader_.place(&own, prefix, key), "no population has the name " + in_quotes(name), name,
         fmt::format("{}", fmt::join(names, ", ")), nearest_name(name, names));
  }

  void read_population(const toml::table& own) {
    PopulationConfig p;
    const auto prefix = fmt::format("population[{}]", circuit_.populations.size() + 1);
    reader_.require(&own, reader_.read_table(prefix, &own, p, reader_.context()), prefix, "name");
    check_name(own, prefix, p.name);
    check_length(own, prefix, "initial", p.initial.size(), p.units);
    if (p.noise > 0 && !find_choice(reader_.registry().solvers, circuit_.dynamics.solver)->takes_noise)
      reader_.fail_at(&own, prefix, "noise",
                      fmt::format("the solver {} cannot add white noise", in_quotes(circuit_.dynamics.solver)),
                      "dynamics.solver = \"euler_maruyama\"; an [[input]] of shape \"noise\", which is an "
                      "Ornstein-Uhlenbeck process, goes with all solvers");
    std::size_t variables = p.units;
    for (const auto& other : circuit_.populations) variables += other.units;
    if (variables > max_variables)
      reader_.fail_at(&own, prefix, "units", fmt::format("the circuit has {} units with it", variables),
                      fmt::format("at most {}", max_variables));
    circuit_.populations.push_back(std::move(p));
  }

  void read_projection(const toml::table& own) {
    ProjectionConfig p;
    const auto prefix = fmt::format("projection[{}]", circuit_.projections.size() + 1);
    const std::vector<Key> keys = reader_.read_table(prefix, &own, p, reader_.context());
    const auto& source = named(own, keys, prefix, "source", p.source);
    const auto& target = named(own, keys, prefix, "target", p.target);
    if (!own.contains("name")) p.name = fmt::format("{}_{}", p.source, p.target);
    check_name(own, prefix, p.name);
    reader_.check_used(&own, prefix, keys);
    const bool one_to_one = find_choice(reader_.registry().projections, p.kind)->one_to_one;
    if (!one_to_one) weights_ += source.units * target.units;
    if (weights_ > max_weights)
      reader_.fail_at(&own, prefix, "kind",
                      fmt::format("with its {} x {} the circuit has {} weights", target.units, source.units, weights_),
                      fmt::format("at most {}", max_weights));
    if (one_to_one && source.units != target.units)
      reader_.fail_at(
          &own, prefix, "kind",
          fmt::format("\"{}\" from {} units of {} to {} of {}", p.kind, source.units, p.source, target.units, p.target),
          "populations of one size, or another kind");
    if (applies(keys, "matrix")) {
      reader_.require(&own, keys, prefix, "matrix");
      if (p.matrix.size() != target.units || p.matrix.front().size() != source.units)
        reader_.fail_at(
            &own, prefix, "matrix",
            fmt::format("found {} rows of {} numbers", p.matrix.size(), p.matrix.front().size()),
            fmt::format("{} rows (units of {}) of {} (units of {})", target.units, p.target, source.units, p.source));
    }
    if (applies(keys, "path")) {
      reader_.resolve_path(&own, prefix, p.path, p.group);
      reader_.require(&own, keys, prefix, "dataset");
    }
    if (applies(keys, "follows")) {
      const auto& leader = named(own, keys, prefix, "follows", p.follows);
      if (leader.units != source.units)
        reader_.fail_at(&own, prefix, "follows", fmt::format("{} has {} units", p.follows, leader.units),
                        fmt::format("a population of {} units, as {}", source.units, p.source));
      if (!rate_function(leader.rate).elementwise)
        reader_.fail_at(&own, prefix, "follows",
                        fmt::format("{}'s rate function {} has no elementwise slope", p.follows, leader.rate),
                        "a population with another rate function");
    }
    reset_unused<ProjectionConfig>(keys, reader_.context());
    circuit_.projections.push_back(std::move(p));
  }

  void read_input(const toml::table& own) {
    InputConfig in;
    const std::size_t number = circuit_.inputs.size();
    const auto prefix = fmt::format("input[{}]", number + 1);
    const std::vector<Key> keys = reader_.read_table(prefix, &own, in, reader_.context());
    const auto& population = named(own, keys, prefix, "population", in.population);
    in.name = input_names_[number];
    reader_.check_identifier(&own, prefix, "name", in.name);
    if (std::ranges::find(circuit_.inputs, in.name, &InputConfig::name) != circuit_.inputs.end())
      reader_.fail_at(&own, prefix, "name", in_quotes(in.name) + " is taken already", "another name for each input");
    reader_.check_used(&own, prefix, keys);
    if (in.amplitude.empty()) reader_.fail_at(&own, prefix, "amplitude", "found an empty list", "at least one number");
    check_length(own, prefix, "amplitude", in.amplitude.size(), population.units);
    const double end = circuit_.dynamics.duration;
    const bool constant = find_choice(reader_.registry().inputs, in.shape)->constant;
    if (!timed_ && (!constant || in.start > 0 || in.duration > 0))
      reader_.fail_at(
          &own, prefix,
          !constant      ? "shape"
          : in.start > 0 ? "start"
                         : "duration",
          fmt::format("solver = \"{}\" has no time in which an input could change", circuit_.dynamics.solver),
          "a step from the start to the end, or a solver that integrates");
    if (timed_ && in.start >= end)
      reader_.fail_at(&own, prefix, "start", fmt::format("found {}, but the run ends at {}", in.start, end),
                      fmt::format("below {}", end));
    reset_unused<InputConfig>(keys, reader_.context());
    circuit_.inputs.push_back(std::move(in));
  }

  void note_size() const {
    std::size_t variables = 0;
    for (const PopulationConfig& population : circuit_.populations) variables += population.units;
    if (variables <= max_steady_variables) return;
    notes_.push_back(
        fmt::format("{} state variables: steady state and spectrum are computed for at most {}; converged is -3",
                    variables, max_steady_variables));
  }

  /// Each switch of an input ends an interval.
  void check_times() const {
    if (!timed_) return;
    const DynamicsConfig& d = circuit_.dynamics;
    static const toml::table nothing;
    const auto* dynamics = reader_.tree()["dynamics"].as_table();
    const auto at = [&](std::string_view key, const std::string& fault, const std::string& allowed) {
      reader_.fail_at(dynamics, "dynamics", key, fault, allowed);
    };
    check_interval(reader_, dynamics != nullptr ? *dynamics : nothing, "dynamics", d, record_.interval,
                   {"duration", "duration", d.duration}, at);
    note_trace_end(d.dt, record_.interval, {"duration", "duration", d.duration}, notes_);
    check_own_intervals(reader_, record_, d.dt, d.duration);
    const auto inputs = reader_.tables("input", max_parts);
    const double sample = record_.interval > 0 ? record_.interval : d.dt;
    for (std::size_t i = 0; i < circuit_.inputs.size(); ++i) {
      const InputConfig& in = circuit_.inputs[i];
      for (const auto& [key, time] :
           {std::pair{"start", in.start}, std::pair{"duration", in.duration}, std::pair{"rise", rise_of(in)}}) {
        if (time <= 0 || whole_number_of_steps(time, sample)) continue;
        reader_.fail_at(inputs[i], fmt::format("input[{}]", i + 1), key,
                        fmt::format("found {}, which is not a whole number of {}, the time between the samples of a "
                                    "trace",
                                    time, sample),
                        nearest_times(time, sample));
      }
    }
  }

  [[nodiscard]] static double rise_of(const InputConfig& in) {
    const ParameterValue* rise = in.parameters.find("rise");
    return rise != nullptr ? std::get<double>(*rise) : 0;
  }

  const ConfigReader& reader_;
  const RecordConfig& record_;
  std::vector<std::string>& notes_;
  CircuitConfig circuit_;
  bool timed_ = true;  // the solver integrates
  std::vector<std::string> input_names_;
  std::size_t weights_ = 0;  // of the projections so far
};

}  // namespace

CircuitConfig read_circuit(const ConfigReader& reader, const RecordConfig& record, std::vector<std::string>& notes) {
  return CircuitReader(reader, record, notes).read();
}

InversionConfig read_inversion(const ConfigReader& reader) {
  InversionConfig inversion;
  const auto* in = reader.table(reader.tree(), "inversion", "inversion");
  const std::vector<Key> keys = reader.read_table("inversion", in, inversion, reader.context());
  reader.check_used(in, "inversion", keys);
  reset_unused<InversionConfig>(keys, reader.context());
  const auto size = [](const std::vector<double>& axis) { return std::max<std::size_t>(1, axis.size()); };
  if (size(inversion.alpha) > max_points / inversion.samples / size(inversion.ratio))
    reader.fail_at(in, "inversion", "samples",
                   fmt::format("{} samples at {} points are too many", inversion.samples,
                               size(inversion.alpha) * size(inversion.ratio)),
                   fmt::format("at most {} inversions per model", max_points));
  return inversion;
}

}  // namespace dynvert
