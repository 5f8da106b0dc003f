#include <dynvert/sim/trial/trace_values.hpp>

#include <algorithm>

namespace dynvert {

namespace {

/// A derived signal at a sample of the trajectory of a stage that has one phase.
arma::vec derived_value(const StageRunner& runner, std::size_t signal, std::size_t sample, const TraceRecord& record) {
  const Trajectory& trajectory = runner.trajectory();
  return runner.stage().derived[signal].value({.network = record.network,
                                               .activity = record.activity,
                                               .phase = runner.phases().front(),
                                               .time = trajectory.time(sample),
                                               .f = runner.f(),
                                               .state = trajectory.state(sample),
                                               .column = record.column});
}

}  // namespace

void Excerpt::write(std::span<const double> from, double* to) const {
  if (rows > 0) {
    const std::size_t columns = from.size() / rows;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) *to++ = from[j * rows + i];
  } else if (units.empty()) {
    std::ranges::copy(from, to);
  } else {
    for (const std::size_t unit : units) *to++ = from[unit];
  }
}

void Excerpt::append(std::span<const double> from, std::vector<double>& values) const {
  const std::size_t first = values.size();
  values.resize(first + count(from.size()));
  write(from, values.data() + first);
}

void fill_sequence(std::span<const SequencePart> parts, std::size_t samples, std::size_t units, const Excerpt& excerpt,
                   const TraceRecord& record, std::vector<double>& values) {
  std::vector<double> kept(units, no_value);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const SequencePart& part = parts[i];
    const StageRunner& runner = *record.stages[part.stage];
    const std::size_t end = i + 1 < parts.size() ? parts[i + 1].first : samples;
    for (std::size_t k = part.first; k < end; ++k) {
      const std::size_t sample = (k - part.first) * part.stride;
      if (part.derived) {
        const bool known = runner.started() && sample < runner.trajectory().samples();
        const arma::vec value = known ? derived_value(runner, *part.derived, sample, record) : arma::vec();
        if (value.is_empty())
          std::ranges::fill(kept, no_value);
        else
          std::ranges::copy(value, kept.begin());
      } else if (part.block) {
        if (runner.started() && sample < runner.trajectory().samples()) {
          const Trajectory& trajectory = runner.trajectory();
          const auto column = trajectory.layout().view(trajectory.state(sample), *part.block).column(record.column);
          std::ranges::copy(column, kept.begin());
        } else {
          std::ranges::fill(kept, no_value);
        }
      }
      if (k % excerpt.every == 0) excerpt.append(kept, values);
    }
    // where the next stage begins the population is what it came to
    if (part.block && runner.started() && runner.trajectory().samples() > 0) {
      const Trajectory& trajectory = runner.trajectory();
      std::ranges::copy(
          trajectory.layout().view(trajectory.state(trajectory.samples() - 1), *part.block).column(record.column),
          kept.begin());
    }
  }
}

void fill_state(const Samples& samples, std::size_t block, const Excerpt& excerpt, const TraceRecord& record,
                std::vector<double>& values) {
  const StageRunner& runner = *record.stages[samples.stage];
  const std::size_t units = runner.f().layout().units(block);
  const std::size_t count = excerpt.count(units);
  // grown once: appended sample by sample, a trial's values would cost as much as its integration
  const std::size_t first = values.size();
  values.resize(first + samples.time.size() * count);
  double* to = values.data() + first;
  for (std::size_t k = 0; k < samples.time.size(); ++k, to += count) {
    if (!samples.has(runner, k)) {
      std::fill_n(to, count, no_value);
      continue;
    }
    const Trajectory& trajectory = runner.trajectory();
    const auto column = trajectory.layout().view(trajectory.state(k * samples.stride), block).column(record.column);
    excerpt.write({column.data(), units}, to);
  }
}

void fill_derived(const Samples& samples, std::size_t signal, std::size_t units, const Excerpt& excerpt,
                  const TraceRecord& record, std::vector<double>& values) {
  const StageRunner& runner = *record.stages[samples.stage];
  // the trial's own: what it computes may belong to its batch
  const DerivedSignal& derived = runner.stage().derived[signal];
  std::size_t now = 0;
  for (std::size_t k = 0; k < samples.time.size(); ++k) {
    samples.advance(runner.phases(), k, now);
    if (!samples.has(runner, k)) {
      values.insert(values.end(), excerpt.count(units), no_value);
      continue;
    }
    const arma::vec value = derived.value({.network = record.network,
                                           .activity = record.activity,
                                           .phase = runner.phases()[now],
                                           .time = samples.time[k],
                                           .f = runner.f(),
                                           .state = runner.trajectory().state(k * samples.stride),
                                           .column = record.column});
    if (value.is_empty())
      values.insert(values.end(), excerpt.count(units), no_value);
    else
      excerpt.append({value.memptr(), value.n_elem}, values);
  }
}

}  // namespace dynvert
