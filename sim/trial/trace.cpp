#include <dynvert/analysis/measures.hpp>
#include <dynvert/sim/record/role.hpp>
#include <dynvert/sim/trial/trace.hpp>
#include <dynvert/sim/trial/trace_values.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

namespace dynvert {

namespace {

/// The populations whose units are the axes of a block's dataset besides time: of weights the target first.
std::vector<const Population*> block_axes(const Circuit& circuit, std::size_t block) {
  const auto& populations = circuit.populations();
  if (block < populations.size()) return {&populations[block]};
  const Plasticity& rule = circuit.plasticity()[block - populations.size()];
  const Population& rows = populations[circuit.rows_of(rule)];
  const Population& columns = populations[circuit.columns_of(rule)];
  // biases come from a unit that belongs to no layer
  if (!columns.layer) return {&rows};
  return {&rows, &columns};
}

/// What readers find a block by.
std::vector<Attribute> block_attributes(const Stage& stage, std::size_t block) {
  const auto axes = block_axes(stage.circuit, block);
  if (block < stage.circuit.populations().size()) {
    auto attributes = role_attributes(*axes[0]);
    for (const ControlLoop& loop : stage.loops) {
      for (const auto& [population, layer] : loop.readouts) {
        if (population == block) attributes.push_back(number_attribute("credit_layer", layer));
      }
    }
    return attributes;
  }
  auto attributes = role_attribute("weights");
  if (axes[0]->layer) attributes.push_back(number_attribute("target_layer", *axes[0]->layer));
  if (axes.size() > 1) attributes.push_back(number_attribute("source_layer", *axes[1]->layer));
  return attributes;
}

/// The samples of a stage's traces.
Axis time_axis(const StagePlan& plan, double interval) {
  const double start = plan.phases.front().start;
  const double end = plan.phases.back().start + plan.phases.back().duration;
  Axis time{.name = std::string(time_name(plan.stage)), .integer = false, .units = "time"};
  switch (plan.stage.timing) {
    case Stage::Timing::forward:
      time.description = "time in the forward pass, in units of the time constants";
      break;
    case Stage::Timing::inversion:
      time.description = "time in the loop, in units of the time constants";
      break;
    case Stage::Timing::schedule:
    case Stage::Timing::described:
      time.description = "time in the trial, in units of the time constants";
      break;
  }
  const auto samples = static_cast<std::size_t>(std::floor((end - start) / interval * (1 + 1e-12))) + 1;
  for (std::size_t k = 0; k < samples; ++k) time.values.push_back(start + static_cast<double>(k) * interval);
  return time;
}

/// Whether the file says when stimulus and target were on.
bool shows_phases(const Stage& stage) { return stage.timing == Stage::Timing::schedule && !stage.loops.empty(); }

/// nullptr: the population is recorded as all are.
const RecordedPopulation* own_way(const TraceSettings& settings, const std::string& name) {
  const auto found = std::ranges::find(settings.own, name, &RecordedPopulation::name);
  return found != settings.own.end() ? &*found : nullptr;
}

/// Whether a block of a stage's state is recorded: the populations that are named, or all that move.
bool is_recorded(const TraceSettings& settings, const Stage& stage, const RightHandSide& f, std::size_t block) {
  const auto& wanted = settings.populations;
  if (own_way(settings, f.block_name(block)) != nullptr) return true;
  if (!wanted.empty()) return std::ranges::find(wanted, f.block_name(block)) != wanted.end();
  const auto& populations = stage.circuit.populations();
  return block >= populations.size() || populations[block].moves();
}

class TableMaker {
 public:
  TableMaker(const std::string& path, const TraceSettings& settings)
      : settings_(settings), table_(path + "/trace", "record") {}

  Table<TraceRecord> make(std::span<const StagePlan> stages) {
    table_.add_number(counter("record", "number of the record"),
                      [](const TraceRecord& r) { return static_cast<double>(r.row.record); });
    table_.add_number(counter("trial", "number of the trial, from 0"),
                      [](const TraceRecord& r) { return static_cast<double>(r.row.trial); });
    for (std::size_t i = 0; i < stages.size(); ++i) {
      if (stages[i].stage.circuit.populations().empty() || stages[i].stage.continues) continue;
      std::vector<std::size_t> places{i};
      for (std::size_t k = i + 1; k < stages.size(); ++k) {
        if (stages[k].stage.continues && stages[k].stage.clock == stages[i].stage.clock) places.push_back(k);
      }
      if (places.size() > 1)
        add_sequence(stages, places);
      else
        add(i, stages[i]);
    }
    table_.add_number(
        converged_flag(
            "converged",
            "whether everything that should settle was within settling_band (2 % by default) of its steady state"),
        [](const TraceRecord& r) { return static_cast<double>(r.row.converged); });
    table_.add_number({.name = "settling_time",
                       .units = "time",
                       .description = "the latest settling time of the loops; NaN: one did not settle"},
                      [](const TraceRecord& r) { return r.row.converged == 1 ? r.row.settling_time : no_value; });
    std::ranges::stable_sort(used_, {}, &Population::layer);
    for (const Population& population : used_) table_.add_axis(unit_axis(population));
    return std::move(table_);
  }

 private:
  std::string unit(const Population& population) {
    const auto name = [](const Population& p) { return unit_axis(p).name; };
    if (std::ranges::find(used_, name(population), name) == used_.end()) used_.push_back(population);
    return name(population);
  }

  /// The axis of a dataset over a population's units, or over those of them that are recorded.
  std::string unit_axis_of(const std::string& dataset, const Population& population) {
    const RecordedPopulation* const own = own_way(settings_, dataset);
    if (own == nullptr || own->units.empty()) return unit(population);
    Axis axis{.name = "unit_of_" + dataset,
              .values = std::vector<double>(own->units.begin(), own->units.end()),
              .description = fmt::format("number of the unit in {}, of those recorded", dataset)};
    table_.add_axis(axis);
    return axis.name;
  }

  void add(std::size_t place, const StagePlan& plan) {
    const Axis time = time_axis(plan, settings_.interval);
    if (!table_.has_axis(time.name)) table_.add_axis(time);
    // stages with one name for their time share the axis of the first
    const auto samples = std::make_shared<const Samples>(
        Samples{.stage = place,
                .stride = static_cast<std::size_t>(std::llround(settings_.interval / settings_.sample_interval)),
                .tolerance = 0.5 * settings_.sample_interval,
                .time = std::ranges::find(table_.spec().axes, time.name, &Axis::name)->values});
    add_states(plan.stage, time.name, samples);
    add_signals(plan.stage, place);
    add_derived(plan.stage, time.name, samples);
    if (shows_phases(plan.stage)) {
      add_switch("stimulus", time.name, samples, [](const Phase& phase) { return phase.stimulus; });
      add_switch("target", time.name, samples, [](const Phase& phase) { return phase.target; });
    }
  }

  /// Stages one after the other, on one time axis.
  void add_sequence(std::span<const StagePlan> stages, const std::vector<std::size_t>& places) {
    Axis time = time_axis(stages[places.front()], settings_.interval);
    const double start = stages[places.front()].phases.front().start;
    const Phase& last = stages[places.back()].phases.back();
    const auto at = [&](double t) {
      return static_cast<std::size_t>(std::floor((t - start) / settings_.interval * (1 + 1e-12)));
    };
    const std::size_t samples = at(last.start + last.duration) + 1;
    time.values.clear();
    for (std::size_t k = 0; k < samples; ++k)
      time.values.push_back(start + static_cast<double>(k) * settings_.interval);
    table_.add_axis(time);
    const auto stride = static_cast<std::size_t>(std::llround(settings_.interval / settings_.sample_interval));

    std::vector<SequencePart> parts;
    std::vector<RightHandSide> evaluators;
    std::string legend;
    for (const std::size_t place : places) {
      parts.push_back({place, at(stages[place].phases.front().start), stride});
      evaluators.emplace_back(stages[place].stage.circuit, 1);
      legend += fmt::format("{}{} {}", legend.empty() ? "" : ", ", parts.size() - 1, stages[place].stage.name);
    }
    std::vector<std::string> done;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Stage& stage = stages[places[i]].stage;
      for (std::size_t block = 0; block < evaluators[i].layout().populations(); ++block) {
        const std::string& name = evaluators[i].block_name(block);
        if (!is_recorded(settings_, stage, evaluators[i], block) || std::ranges::find(done, name) != done.end())
          continue;
        done.push_back(name);
        std::vector<SequencePart> own = parts;
        for (std::size_t k = 0; k < places.size(); ++k) {
          for (std::size_t b = 0; b < evaluators[k].layout().populations(); ++b) {
            if (evaluators[k].block_name(b) == name &&
                is_recorded(settings_, stages[places[k]].stage, evaluators[k], b))
              own[k].block = b;
          }
        }
        const std::size_t units = evaluators[i].layout().units(block);
        auto [dataset, excerpt] = state_dataset(stage, evaluators[i], block, time.name);
        table_.add(std::move(dataset),
                   [own, samples, units, excerpt = excerpt](const TraceRecord& record, std::vector<double>& values) {
                     fill_sequence(own, samples, units, excerpt, record, values);
                   });
      }
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      for (const DerivedSignal& signal : stages[places[i]].stage.derived) {
        if (std::ranges::find(done, signal.name) != done.end()) continue;
        done.push_back(signal.name);
        std::vector<SequencePart> own = parts;
        for (std::size_t k = 0; k < places.size(); ++k) {
          const auto& derived = stages[places[k]].stage.derived;
          const auto found = std::ranges::find(derived, signal.name, &DerivedSignal::name);
          if (found != derived.end()) own[k].derived = static_cast<std::size_t>(found - derived.begin());
          for (std::size_t b = 0; b < evaluators[k].layout().populations() && found == derived.end(); ++b) {
            if (evaluators[k].block_name(b) == signal.name) own[k].block = b;
          }
        }
        auto [dataset, excerpt] = derived_dataset(signal, time.name);
        table_.add(std::move(dataset), [own, samples, units = signal.like.units, excerpt = excerpt](
                                           const TraceRecord& record, std::vector<double>& values) {
          fill_sequence(own, samples, units, excerpt, record, values);
        });
      }
    }
    table_.add({.name = "phase",
                .type = ValueType::integer,
                .axes = {time.name},
                .description = "the phase that goes on",
                .legend = legend,
                .attributes = role_attribute("switch")},
               [parts, samples](const TraceRecord&, std::vector<double>& values) {
                 std::size_t now = 0;
                 for (std::size_t k = 0; k < samples; ++k) {
                   while (now + 1 < parts.size() && parts[now + 1].first <= k) ++now;
                   values.push_back(static_cast<double>(now));
                 }
               });
  }

  /// Turns the dataset of a population that is recorded in its own way into that: its axes, and its role, which is no
  /// longer that of a whole population.
  Excerpt excerpt_of(DatasetSpec& dataset, std::size_t rows) {
    Excerpt excerpt{.rows = rows};
    const RecordedPopulation* const own = own_way(settings_, dataset.name);
    if (own == nullptr) return excerpt;
    if (own->interval > 0) excerpt.every = static_cast<std::size_t>(std::llround(own->interval / settings_.interval));
    if (excerpt.every > 1) {
      const Axis common = *std::ranges::find(table_.spec().axes, dataset.axes.front(), &Axis::name);
      dataset.axes.front() = "time_of_" + dataset.name;
      Axis time{.name = dataset.axes.front(),
                .integer = false,
                .units = common.units,
                .description = fmt::format("{}: of the samples of {}", common.description, dataset.name)};
      for (std::size_t k = 0; k < common.values.size(); k += excerpt.every) time.values.push_back(common.values[k]);
      table_.add_axis(std::move(time));
    }
    excerpt.units = own->units;
    if (excerpt.every == 1 && excerpt.units.empty()) return excerpt;
    const auto role = std::ranges::find(dataset.attributes, "role", &Attribute::name);
    AttributeValue whole = std::exchange(role->value, std::string(excerpt_role));
    dataset.attributes.push_back({"of_role", std::move(whole)});
    return excerpt;
  }

  /// The samples of a dataset: those of its stage, or some of them.
  static std::shared_ptr<const Samples> own_samples(const std::shared_ptr<const Samples>& all, const Excerpt& excerpt) {
    if (excerpt.every == 1) return all;
    auto own = std::make_shared<Samples>(
        Samples{.stage = all->stage, .stride = all->stride * excerpt.every, .tolerance = all->tolerance, .time = {}});
    for (std::size_t k = 0; k < all->time.size(); k += excerpt.every) own->time.push_back(all->time[k]);
    return own;
  }

  /// The dataset of a block of a stage's state, and what of it is recorded.
  std::pair<DatasetSpec, Excerpt> state_dataset(const Stage& stage, const RightHandSide& f, std::size_t block,
                                                const std::string& time) {
    DatasetSpec dataset{.name = f.block_name(block),
                        .axes = {time},
                        .description = block < stage.circuit.populations().size()
                                           ? "state of the population; NaN after a trial that ended early"
                                           : "weights, which change during the trial",
                        .attributes = block_attributes(stage, block)};
    const auto axes = block_axes(stage.circuit, block);
    for (const Population* population : axes) dataset.axes.push_back(unit_axis_of(dataset.name, *population));
    Excerpt excerpt = excerpt_of(dataset, axes.size() < 2 ? 0 : axes[0]->units);
    return {std::move(dataset), std::move(excerpt)};
  }

  void add_states(const Stage& stage, const std::string& time, const std::shared_ptr<const Samples>& samples) {
    const RightHandSide f(stage.circuit, 1);
    for (std::size_t block = 0; block < f.layout().populations(); ++block) {
      if (!is_recorded(settings_, stage, f, block)) continue;
      auto [dataset, excerpt] = state_dataset(stage, f, block, time);
      table_.add(std::move(dataset), [own = own_samples(samples, excerpt), block, excerpt = excerpt](
                                         const TraceRecord& record, std::vector<double>& values) {
        fill_state(*own, block, excerpt, record, values);
      });
    }
  }

  void add_signals(const Stage& stage, std::size_t place) {
    if (stage.timing != Stage::Timing::inversion) return;
    for (const ControlLoop& loop : stage.loops) {
      const Population& controller = stage.circuit.populations()[loop.controller];
      auto attributes = role_attribute("inverted");
      attributes.push_back(number_attribute("layer", loop.source));
      attributes.push_back(number_attribute("loop", loop.number));
      table_.add({.name = fmt::format("s_{}", loop.number),
                  .axes = {unit(controller)},
                  .description = "the signal that the loop inverts: the error that drove the trial",
                  .attributes = std::move(attributes)},
                 [place, source = loop.source, units = controller.units](const TraceRecord& record,
                                                                         std::vector<double>& values) {
                   const bool started = record.stages[place]->started();
                   for (std::size_t n = 0; n < units; ++n) {
                     values.push_back(started ? record.credit[source](n, record.column) : no_value);
                   }
                 });
    }
  }

  std::pair<DatasetSpec, Excerpt> derived_dataset(const DerivedSignal& signal, const std::string& time) {
    auto attributes = role_attribute(signal.role);
    if (signal.like.layer) attributes.push_back(number_attribute("layer", *signal.like.layer));
    DatasetSpec dataset{.name = signal.name,
                        .axes = {time, unit_axis_of(signal.name, signal.like)},
                        .description = signal.description,
                        .attributes = std::move(attributes)};
    Excerpt excerpt = excerpt_of(dataset, 0);
    return {std::move(dataset), std::move(excerpt)};
  }

  void add_derived(const Stage& stage, const std::string& time, const std::shared_ptr<const Samples>& samples) {
    for (std::size_t i = 0; i < stage.derived.size(); ++i) {
      const DerivedSignal& signal = stage.derived[i];
      auto [dataset, excerpt] = derived_dataset(signal, time);
      table_.add(std::move(dataset), [own = own_samples(samples, excerpt), i, units = signal.like.units,
                                      excerpt = excerpt](const TraceRecord& record, std::vector<double>& values) {
        fill_derived(*own, i, units, excerpt, record, values);
      });
    }
  }

  void add_switch(const char* name, const std::string& time, const std::shared_ptr<const Samples>& samples,
                  bool (*is_on)(const Phase&)) {
    table_.add({.name = name,
                .type = ValueType::integer,
                .axes = {time},
                .description = fmt::format("whether the {} is on", name),
                .legend = "1 on, 0 off",
                .attributes = role_attribute("switch")},
               [samples, is_on](const TraceRecord& record, std::vector<double>& values) {
                 const auto& phases = record.stages[samples->stage]->phases();
                 std::size_t now = 0;
                 for (std::size_t k = 0; k < samples->time.size(); ++k) {
                   samples->advance(phases, k, now);
                   values.push_back(is_on(phases[now]) ? 1 : 0);
                 }
               });
  }

  const TraceSettings& settings_;
  Table<TraceRecord> table_;
  std::vector<Population> used_;  ///< one for each axis
};

}  // namespace

std::vector<std::string> named_populations(const RecordConfig& record) {
  std::vector<std::string> names = record.populations;
  for (const RecordedPopulation& own : record.population) names.push_back(own.name);
  return names;
}

bool is_requested(const RecordConfig& record, std::size_t trial) {
  if (record.every > 0 && trial % record.every == 0) return true;
  // the configuration has them in order
  return std::ranges::binary_search(record.trials, trial);
}

std::size_t requested_trials(const RecordConfig& record, std::size_t trials) {
  if (record.every > 0) return (trials + record.every - 1) / record.every;
  return std::min(trials, record.trials.size());
}

std::string time_name(const Stage& stage) { return stage.clock.empty() ? "time" : "time_" + stage.clock; }

Table<TraceRecord> trace_table(const std::string& path, std::span<const StagePlan> stages,
                               const TraceSettings& settings) {
  return TableMaker(path, settings).make(stages);
}

double latest_settling_time(const StageResult& result, const State& steady) {
  double latest = 0;
  for (const ControlLoop& loop : result.stage->loops) {
    for (const auto& readout : loop.readouts) {
      const auto x_inf = result.f->layout().view(std::span<const double>(steady), readout.first);
      const arma::vec target(x_inf.column(0).data(), x_inf.units);
      const auto time = settling_time(*result.trajectory, readout.first, 0, target, result.stage->settling_band,
                                      result.phase.start, result.phase.start + result.phase.duration);
      if (!time) return no_value;
      latest = std::max(latest, *time);
    }
  }
  return latest;
}

}  // namespace dynvert
