#include <dynvert/models/equations/function.hpp>
#include <dynvert/sim/config/check_times.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <utility>

namespace dynvert {

std::optional<double> whole_number_of_steps(double time, double dt, double end) {
  // Both were rounded to doubles when they were read, so the quotient of exact decimals may be off by a few units in
  // the last place.
  const double steps = time / dt, whole = std::round(steps);
  const double size = std::max(steps, end / dt);
  if (whole < 1 || std::abs(steps - whole) > 8 * std::numeric_limits<double>::epsilon() * size) return std::nullopt;
  return whole;
}

std::string nearest_times(double time, double dt) {
  const double steps = std::floor(time / dt);
  return steps < 1 ? fmt::format("{:.15g}", dt) : fmt::format("{:.15g} or {:.15g}", steps * dt, (steps + 1) * dt);
}

void check_interval(const ConfigReader& reader, const toml::table& own, const std::string& prefix,
                    const DynamicsConfig& dynamics, double sampling, const TimeInterval& interval, const FailAt& at) {
  const auto& [key, text, duration, divides, end] = interval;
  const auto* record = reader.tree()["record"].as_table();
  const std::string said = key == text ? fmt::format("{} = {}", key, duration) : fmt::format("{} {}", text, duration);
  if (sampling > duration)
    reader.fail_at(record, "record", "interval",
                   fmt::format("found {}, which is longer than {} of {}", sampling, said, prefix),
                   fmt::format("at most {}", duration));
  const Choice* const solver = find_choice(reader.registry().solvers, dynamics.solver);
  const bool steps = solver != nullptr && solver->fixed_step;
  // where the model sets only one of the two, that one is at fault
  const std::string_view blamed = own.contains("dt") && !own.contains(key) ? "dt" : key;
  // before the samples of traces, which fewer would not help
  if (steps && !(duration / dynamics.dt < static_cast<double>(dynamics.max_steps) + 0.5))
    at(blamed,
       fmt::format("{} takes {:g} steps of dt = {}, more than max_steps = {}", said, duration / dynamics.dt,
                   dynamics.dt, dynamics.max_steps),
       "a shorter duration, a larger dt, or a larger max_steps");
  const double sample = sampling > 0 ? sampling : dynamics.dt;
  // the times alone would take most of a gigabyte
  constexpr double max_samples = 1e8;
  if (!(duration / sample <= max_samples)) {
    const std::string fault = fmt::format("{} of {} gives {:.3g} samples of a trace, one every {:g}", said, prefix,
                                          duration / sample, sample);
    const std::string allowed = fmt::format("a record.interval of {:.3g} or more", duration / max_samples);
    if (sampling > 0) reader.fail_at(record, "record", "interval", fault, allowed);
    at(key, fault, allowed);
  }
  // the samples of a trace have one clock for all phases: a switch falls on one of them
  if (divides && !whole_number_of_steps(duration, sample, end))
    at(key,
       fmt::format("{} is not a whole number of {} = {}, the time between the samples of a trace", said,
                   sampling > 0 ? "record.interval" : "dt", sample),
       nearest_times(duration, sample));
  if (!steps) return;
  if (!whole_number_of_steps(duration, dynamics.dt, end))
    at(blamed,
       fmt::format("{} is not a whole number of steps of dt = {}, which solver = \"{}\" needs", said, dynamics.dt,
                   dynamics.solver),
       fmt::format("for this dt a duration of {}", nearest_times(duration, dynamics.dt)));
  if (sampling > 0 && !whole_number_of_steps(sampling, dynamics.dt))
    reader.fail_at(
        record, "record", "interval",
        fmt::format("found {}, which is not a whole number of steps of dt = {} of {}", sampling, dynamics.dt, prefix),
        fmt::format("for this dt {}", nearest_times(sampling, dynamics.dt)));
}

void note_trace_end(double dt, double sampling, const TimeInterval& interval, std::vector<std::string>& notes) {
  const double sample = sampling > 0 ? sampling : dt;
  if (whole_number_of_steps(interval.duration, sample)) return;
  std::string note =
      fmt::format("traces end at {:.15g}: {} = {} is not a whole number of {} = {}, the time between their samples",
                  std::floor(interval.duration / sample) * sample, interval.text, interval.duration,
                  sampling > 0 ? "record.interval" : "dt", sample);
  // models that share their times share the note
  if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
}

void check_own_intervals(const ConfigReader& reader, const RecordConfig& record, double dt, double duration) {
  const double sample = record.interval > 0 ? record.interval : dt;
  for (std::size_t i = 0; i < record.population.size(); ++i) {
    const double interval = record.population[i].interval;
    const auto refuse = [&](std::string fault, std::string allowed) {
      reader.fail_at(reader.tree()["record"]["population"][i].as_table(), fmt::format("record.population[{}]", i + 1),
                     "interval", std::move(fault), std::move(allowed));
    };
    if (interval > 0 && !whole_number_of_steps(interval, sample))
      refuse(fmt::format("found {}, which is not a whole number of {} = {}", interval,
                         record.interval > 0 ? "record.interval" : "dt", sample),
             nearest_times(interval, sample));
    if (interval > duration)
      refuse(fmt::format("found {}, which is longer than the trace, {}", interval, duration),
             fmt::format("at most {}", duration));
  }
}

namespace {

/// When the error appears and has risen: a whole number of samples, so that traces show it where it happens.
void check_error_times(const ConfigReader& reader, const Config& config, const DynamicsConfig& d) {
  const InversionConfig& inversion = config.inversion;
  const auto* in = reader.tree()["inversion"].as_table();
  const double sample = config.record.interval > 0 ? config.record.interval : d.dt;
  const double rise = uses(find_choice(reader.registry().error_signals, inversion.signal), "rise") ? inversion.rise : 0;
  const auto check = [&](std::string_view key, double time) {
    if (time > 0 && !whole_number_of_steps(time, sample))
      reader.fail_at(in, "inversion", key,
                     fmt::format("found {}, which is not a whole number of {}, the time between the samples of a trace",
                                 time, sample),
                     nearest_times(time, sample));
  };
  check("onset", inversion.onset);
  check("rise", rise);
  if (inversion.onset + rise >= d.duration)
    reader.fail_at(in, "inversion", inversion.onset >= d.duration ? "onset" : "rise",
                   fmt::format("the error is at its full size at {}, but the inversion ends at {}",
                               inversion.onset + rise, d.duration),
                   fmt::format("below {}, or a longer dynamics.duration", d.duration));
}

/// The phases of a circuit that move something. What is at fault for one is the key that its duration names, if any.
std::vector<TimeInterval> circuit_intervals(const Config& config, const ModelConfig& model, const FailAt& at) {
  const std::map<std::string_view, double> known{{"duration", model.dynamics.duration},
                                                 {"dt", model.dynamics.dt},
                                                 {"eta", config.learning.rate},
                                                 {"lambda", config.learning.decay},
                                                 {"batch", static_cast<double>(config.learning.batch)},
                                                 {"pi", std::numbers::pi}};
  const auto number = [&](const equations::Expression& name) {
    const auto found = known.find(name.name());
    return found != known.end() ? found->second : model.parameters.real(name.name());
  };
  std::vector<TimeInterval> intervals;
  for (const equations::Phase& phase : model.description->phases) {
    if (phase.moves.empty()) continue;
    const equations::Expression& e = phase.duration;
    const bool is_name = e.is(equations::Kind::name);
    TimeInterval interval{
        .key = is_name ? std::string_view(e.name()) : "circuit",
        .text = is_name && e.name() == "duration" ? e.name() : fmt::format("phase \"{}\" of length", phase.name),
        .duration = equations::evaluate_number(e, number)};
    if (!(interval.duration > 0) || !std::isfinite(interval.duration))
      at(interval.key, fmt::format("{} {}", interval.text, interval.duration), "a finite duration above 0");
    intervals.push_back(std::move(interval));
  }
  return intervals;
}

}  // namespace

void check_model_times(const ConfigReader& reader, const toml::table& own, const std::string& prefix, Config& config,
                       const ModelConfig& model, const std::vector<Key>& keys, const FailAt& at) {
  const DynamicsConfig& d = model.dynamics;
  std::vector<TimeInterval> intervals;
  if (model.description && applies(keys, "duration"))
    intervals = circuit_intervals(config, model, at);
  else if (applies(keys, "duration"))
    intervals.push_back({"duration", "duration", d.duration});
  if (applies(keys, "duration") && config.kind == ExperimentKind::inversion) check_error_times(reader, config, d);
  if (applies(keys, "forward_duration"))
    intervals.push_back({"forward_duration", "forward_duration", d.forward_duration});
  if (applies(keys, "phases")) {
    double end = 0;
    for (std::size_t i = 0; i < d.phases.size(); ++i) {
      const PhaseConfig& phase = d.phases[i];
      if (phase.start > end)
        intervals.push_back(
            {"phases", fmt::format("the gap before phases[{}], of", i + 1), phase.start - end, true, phase.start});
      intervals.push_back({"phases", fmt::format("phases[{}].duration", i + 1), phase.duration, true});
      end = phase.start + phase.duration;
    }
  }
  for (const TimeInterval& interval : intervals) {
    check_interval(reader, own, prefix, d, config.record.interval, interval, at);
    if (!interval.divides) note_trace_end(d.dt, config.record.interval, interval, config.notes);
  }
  // those of phases come one after the other
  double longest = 0;
  for (const TimeInterval& interval : intervals)
    longest =
        model.description || interval.divides ? longest + interval.duration : std::max(longest, interval.duration);
  if (!intervals.empty()) check_own_intervals(reader, config.record, d.dt, longest);
}

}  // namespace dynvert
