#include <dynvert/analysis/measures.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace dynvert {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The populations whose units are the axes of a block's dataset besides time: of weights the target first.
std::vector<const Population*> block_axes(const Circuit& circuit, std::size_t block) {
  const auto& populations = circuit.populations();
  if (block < populations.size()) return {&populations[block]};
  const Projection& p = circuit.projections()[circuit.plasticity()[block - populations.size()].projection];
  // biases come from a unit that belongs to no layer
  if (!populations[p.source].layer) return {&populations[p.target]};
  return {&populations[p.target], &populations[p.source]};
}

Attribute number(std::string name, std::size_t value) { return {std::move(name), static_cast<std::int64_t>(value)}; }

/// What readers find a block by.
std::vector<Attribute> block_attributes(const Stage& stage, std::size_t block) {
  const auto axes = block_axes(stage.circuit, block);
  if (block < stage.circuit.populations().size()) {
    auto attributes = role_attributes(*axes[0]);
    for (const ControlLoop& loop : stage.loops) {
      for (const auto& [population, layer] : loop.readouts) {
        if (population == block) attributes.push_back(number("credit_layer", layer));
      }
    }
    return attributes;
  }
  auto attributes = role_attribute("weights");
  if (axes[0]->layer) attributes.push_back(number("target_layer", *axes[0]->layer));
  if (axes.size() > 1) attributes.push_back(number("source_layer", *axes[1]->layer));
  return attributes;
}

std::string unit_name(const Population& population) {
  return population.layer ? fmt::format("unit_{}", *population.layer) : "unit_" + population.name;
}

/// An axis with the coordinates 0 .. units - 1.
Axis counted(std::string name, std::size_t units, std::string description) {
  Axis axis{.name = std::move(name), .values = std::vector<double>(units), .description = std::move(description)};
  std::iota(axis.values.begin(), axis.values.end(), 0.0);
  return axis;
}

/// The samples of a stage's traces.
Axis time_axis(const StagePlan& plan, double interval) {
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
      time.description = "time in the trial, in units of the time constants";
      break;
  }
  const auto samples = static_cast<std::size_t>(std::floor(end / interval * (1 + 1e-12))) + 1;
  for (std::size_t k = 0; k < samples; ++k) time.values.push_back(static_cast<double>(k) * interval);
  return time;
}

/// Whether the file says when stimulus and target were on.
bool shows_phases(const Stage& stage) { return stage.timing == Stage::Timing::schedule && !stage.loops.empty(); }

class GroupMaker {
 public:
  GroupMaker(const std::string& path, const TraceSettings& settings)
      : settings_(settings), group_{.path = path + "/trace", .row_dimension = "record"} {}

  GroupSpec make(std::span<const StagePlan> stages) {
    group_.datasets.push_back(counter("record", "number of the record"));
    group_.datasets.push_back(counter("trial", "number of the trial, from 0"));
    for (const StagePlan& plan : stages) add(plan);
    auto flag = counter("converged", "whether everything that should settle was within 2 % of its steady state");
    flag.legend = converged_legend;
    group_.datasets.push_back(flag);
    group_.datasets.push_back({.name = "settling_time",
                               .units = "time",
                               .description = "the latest settling time of the loops; NaN: one did not settle"});
    std::ranges::stable_sort(used_, {}, &Population::layer);
    for (const Population& population : used_) group_.axes.push_back(unit_axis(population));
    return std::move(group_);
  }

 private:
  std::string unit(const Population& population) {
    std::string name = unit_name(population);
    if (std::ranges::find(used_, name, unit_name) == used_.end()) used_.push_back(population);
    return name;
  }

  void add(const StagePlan& plan) {
    const Stage& stage = plan.stage;
    const std::string time(time_name(stage));
    if (std::ranges::find(group_.axes, time, &Axis::name) == group_.axes.end()) {
      group_.axes.push_back(time_axis(plan, settings_.interval));
    }
    const RightHandSide f(stage.circuit, 1);
    for (std::size_t block = 0; block < f.layout().populations(); ++block) {
      if (!is_recorded(*settings_.record, stage, f, block)) continue;
      group_.datasets.push_back({.name = f.block_name(block),
                                 .axes = {time},
                                 .description = block < stage.circuit.populations().size()
                                                    ? "state of the population; NaN after a trial that ended early"
                                                    : "weights, which move during the trial",
                                 .attributes = block_attributes(stage, block)});
      auto& axes = group_.datasets.back().axes;
      for (const Population* population : block_axes(stage.circuit, block)) axes.push_back(unit(*population));
    }
    if (stage.timing == Stage::Timing::inversion) {
      for (const ControlLoop& loop : stage.loops) {
        auto attributes = role_attribute("inverted");
        attributes.push_back(number("layer", loop.source));
        attributes.push_back(number("loop", loop.number));
        group_.datasets.push_back({.name = fmt::format("s_{}", loop.number),
                                   .axes = {unit(stage.circuit.populations()[loop.controller])},
                                   .description = "the signal that the loop inverts: the error that drove the trial",
                                   .attributes = std::move(attributes)});
      }
    }
    for (const DerivedSignal& signal : stage.derived) {
      const Population& like = stage.circuit.populations()[signal.population];
      auto attributes = role_attribute(signal.role);
      if (like.layer) attributes.push_back(number("layer", *like.layer));
      group_.datasets.push_back({.name = signal.name,
                                 .axes = {time, unit(like)},
                                 .description = signal.description,
                                 .attributes = std::move(attributes)});
    }
    if (!shows_phases(stage)) return;
    for (const auto* name : {"stimulus", "target"}) {
      group_.datasets.push_back({.name = name,
                                 .type = ValueType::integer,
                                 .axes = {time},
                                 .description = fmt::format("whether the {} is on", name),
                                 .legend = "1 on, 0 off",
                                 .attributes = role_attribute("switch")});
    }
  }

  const TraceSettings& settings_;
  GroupSpec group_;
  std::vector<Population> used_;  ///< one for each axis
};

/// Appends what one stage leaves to the buffers, dataset after dataset in the order of the group.
class StageWriter {
 public:
  StageWriter(const GroupSpec& group, const TraceSettings& settings, const StageRunner& runner, std::size_t column,
              std::vector<std::vector<double>>& values, std::size_t& next)
      : settings_(settings),
        runner_(runner),
        column_(column),
        values_(values),
        next_(next),
        time_(std::ranges::find(group.axes, time_name(runner.stage()), &Axis::name)->values),
        stride_(static_cast<std::size_t>(std::llround(settings.interval / settings.sample_interval))) {}

  void states() {
    const Stage& stage = runner_.stage();
    const RightHandSide& f = runner_.f();
    for (std::size_t block = 0; block < f.layout().populations(); ++block) {
      if (!is_recorded(*settings_.record, stage, f, block)) continue;
      auto& values = values_[next_++];
      const std::size_t units = f.layout().units(block);
      const auto axes = block_axes(stage.circuit, block);
      // grown once: appended sample by sample, a trial's values would cost as much as its integration
      const std::size_t first = values.size();
      values.resize(first + time_.size() * units);
      double* to = values.data() + first;
      for (std::size_t k = 0; k < time_.size(); ++k, to += units) {
        if (!has(k)) {
          std::fill_n(to, units, nan);
          continue;
        }
        const Trajectory& trajectory = runner_.trajectory();
        const double* from = trajectory.layout().view(trajectory.state(k * stride_), block).column(column_).data();
        if (axes.size() < 2) {
          std::copy_n(from, units, to);
          continue;
        }
        const std::size_t rows = axes[0]->units;
        const std::size_t columns = units / rows;
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < columns; ++j) to[i * columns + j] = from[j * rows + i];
        }
      }
    }
  }

  void inverted(const Credit& credit) {
    if (runner_.stage().timing != Stage::Timing::inversion) return;
    for (const ControlLoop& loop : runner_.stage().loops) {
      auto& values = values_[next_++];
      const std::size_t units = runner_.stage().circuit.populations()[loop.controller].units;
      for (std::size_t n = 0; n < units; ++n) {
        values.push_back(runner_.started() ? credit[loop.source](n, column_) : nan);
      }
    }
  }

  void derived(const Network& network, const Activity& activity) {
    const Stage& stage = runner_.stage();
    const auto& phases = runner_.phases();
    const std::size_t first = next_;
    const bool flags = shows_phases(stage);
    next_ += stage.derived.size() + (flags ? 2 : 0);
    if (next_ == first) return;
    for (std::size_t k = 0; k < time_.size(); ++k) {
      // what a switch sets shows from the switch on; half an interval of tolerance for rounded times
      std::size_t now = 0;
      while (now + 1 < phases.size() && phases[now + 1].start <= time_[k] + 0.5 * settings_.sample_interval) ++now;
      for (std::size_t i = 0; i < stage.derived.size(); ++i) {
        const DerivedSignal& signal = stage.derived[i];
        auto& values = values_[first + i];
        if (!has(k)) {
          values.insert(values.end(), stage.circuit.populations()[signal.population].units, nan);
          continue;
        }
        const arma::vec value = signal.value({.network = network,
                                              .activity = activity,
                                              .phase = phases[now],
                                              .time = time_[k],
                                              .f = runner_.f(),
                                              .state = runner_.trajectory().state(k * stride_),
                                              .column = column_});
        values.insert(values.end(), value.begin(), value.end());
      }
      if (!flags) continue;
      values_[next_ - 2].push_back(phases[now].stimulus ? 1 : 0);
      values_[next_ - 1].push_back(phases[now].target ? 1 : 0);
    }
  }

 private:
  /// a trial that has diverged in an earlier phase has no samples of the later ones
  [[nodiscard]] bool has(std::size_t k) const {
    return runner_.started() && k * stride_ < runner_.trajectory().samples();
  }

  const TraceSettings& settings_;
  const StageRunner& runner_;
  std::size_t column_;
  std::vector<std::vector<double>>& values_;
  std::size_t& next_;
  const std::vector<double>& time_;
  std::size_t stride_;
};

}  // namespace

DatasetSpec counter(std::string name, std::string description) {
  return {.name = std::move(name), .type = ValueType::integer, .description = std::move(description)};
}

Axis layer_axis(std::size_t layer, std::size_t units) {
  return counted(fmt::format("unit_{}", layer), units, fmt::format("number of the unit in layer {}", layer));
}

Axis unit_axis(const Population& population) {
  if (population.layer) return layer_axis(*population.layer, population.units);
  return counted(unit_name(population), population.units, fmt::format("number of the unit in {}", population.name));
}

std::vector<Attribute> role_attributes(const Population& population) {
  auto attributes = role_attribute(std::string(role_names()[static_cast<std::size_t>(population.role)]));
  if (population.layer) attributes.push_back(number("layer", *population.layer));
  if (population.loop) attributes.push_back(number("loop", *population.loop));
  return attributes;
}

std::vector<Attribute> role_attribute(std::string role) { return {{"role", std::move(role)}}; }

std::string_view time_name(const Stage& stage) {
  return stage.timing == Stage::Timing::forward ? "time_forward" : "time";
}

bool is_recorded(const RecordConfig& record, const Stage& stage, const RightHandSide& f, std::size_t block) {
  const auto& wanted = record.populations;
  if (!wanted.empty()) return std::ranges::find(wanted, f.block_name(block)) != wanted.end();
  const auto& populations = stage.circuit.populations();
  return block >= populations.size() || !populations[block].clamped;
}

GroupSpec trace_group(const std::string& path, std::span<const StagePlan> stages, const TraceSettings& settings) {
  return GroupMaker(path, settings).make(stages);
}

void append_trace(const GroupSpec& group, const TraceSettings& settings, const TraceRow& row,
                  std::span<const StageRunner* const> stages, const Network& network, const Activity& activity,
                  const Credit& credit, std::size_t column, Rows& rows) {
  std::size_t next = 0;
  rows.values[next++].push_back(static_cast<double>(row.record));
  rows.values[next++].push_back(static_cast<double>(row.trial));
  for (const StageRunner* runner : stages) {
    StageWriter writer(group, settings, *runner, column, rows.values, next);
    writer.states();
    writer.inverted(credit);
    writer.derived(network, activity);
  }
  rows.values[next++].push_back(static_cast<double>(row.converged));
  rows.values[next++].push_back(row.converged == 1 ? row.settling_time : nan);
  ++rows.count;
}

double latest_settling_time(const StageResult& result, const State& steady) {
  double latest = 0;
  for (const ControlLoop& loop : result.stage->loops) {
    for (const auto& readout : loop.readouts) {
      const auto x_inf = result.f->layout().view(std::span<const double>(steady), readout.first);
      const arma::vec target(x_inf.column(0).data(), x_inf.units);
      const auto time = settling_time(*result.trajectory, readout.first, 0, target, settling_band, result.phase.start,
                                      result.phase.start + result.phase.duration);
      if (!time) return nan;
      latest = std::max(latest, *time);
    }
  }
  return latest;
}

void append_row_major(std::vector<double>& to, const arma::mat& m) {
  for (arma::uword i = 0; i < m.n_rows; ++i) {
    for (arma::uword j = 0; j < m.n_cols; ++j) to.push_back(m(i, j));
  }
}

}  // namespace dynvert
