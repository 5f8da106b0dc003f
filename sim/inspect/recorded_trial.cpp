#include <dynvert/analysis/trial/measures.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/inspect/recorded_trial.hpp>
#include <dynvert/sim/record/role.hpp>
#include <dynvert/sim/trial/model_setup.hpp>
#include <dynvert/sim/trial/stage_runner.hpp>
#include <dynvert/sim/trial/trace.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

namespace dynvert {

namespace {

constexpr std::size_t max_values = std::size_t{1} << 20;  // read ahead of a trace

[[noreturn]] void unavailable(const std::string& what, const std::string& reason, const std::string& needed) {
  throw ValueError(what, reason, needed);
}

/// Whether a block of the state is weights with a row and a column, not a population's units or biases.
bool has_matrix(const Stage& stage, std::size_t block) {
  const Circuit& circuit = stage.circuit;
  const std::size_t populations = circuit.populations().size();
  if (block < populations) return false;
  return circuit.populations()[circuit.columns_of(circuit.plasticity()[block - populations])].layer.has_value();
}

/// The states of a stage as a record has them, a block of samples in memory at a time.
class StateReader {
 public:
  StateReader(const RunReader& file, const std::string& group, std::size_t record, const Stage& stage,
              const RightHandSide& f)
      : file_(file), record_(record), f_(f), time_(file.column(fmt::format("{}/{}", group, time_name(stage)))) {
    std::size_t values = 1;
    for (std::size_t block = 0; block < f.layout().populations(); ++block) {
      const bool population = block < stage.circuit.populations().size();
      if (population && stage.circuit.populations()[block].clamped) continue;
      const std::string dataset = group + "/" + f.block_name(block);
      if (!file.has(dataset) || is_excerpt(file, dataset)) {
        missing_ = f.block_name(block) + (file.has(dataset) ? " as a whole" : "");
        continue;
      }
      const bool matrix = has_matrix(stage, block);
      if (file.shape(dataset).size() != (matrix ? 4 : 3)) {
        throw IoError(file.path() + ":" + dataset, "does not have the axes that the configuration says");
      }
      parts_.push_back({.block = block, .dataset = dataset, .matrix = matrix});
      values += f.layout().units(block);
    }
    ahead_ = std::max<std::size_t>(1, max_values / values);
  }

  /// a population that moves and was not recorded, or in part ("u_2 as a whole"); empty: none
  [[nodiscard]] const std::string& missing() const { return missing_; }
  [[nodiscard]] const std::vector<double>& time() const { return time_; }

  /// Writes what was recorded at a sample into x, and leaves the rest of it. @return whether all of that is finite
  bool read(std::size_t sample, State& x) {
    if (sample < first_ || sample >= first_ + count_) fetch(sample);
    bool finite = true;
    for (const Part& part : parts_) {
      const MatrixView view = f_.layout().view(std::span<double>(x), part.block);
      const double* const from = part.slab.values.data() + (sample - first_) * view.units;
      if (part.matrix) {
        // the file has rows together, the state columns
        const std::size_t rows = part.slab.shape[1], columns = part.slab.shape[2];
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < columns; ++j) view(j * rows + i, 0) = from[i * columns + j];
        }
      } else {
        std::copy_n(from, view.units, view.column(0).begin());
      }
      finite = finite && std::all_of(from, from + view.units, [](double v) { return std::isfinite(v); });
    }
    return finite;
  }

 private:
  struct Part {
    std::size_t block;
    std::string dataset;
    bool matrix;  // weights that move
    RunReader::Slab slab = {};
  };

  void fetch(std::size_t sample) {
    first_ = sample;
    count_ = std::min(ahead_, time_.size() - sample);
    for (Part& part : parts_) {
      part.slab = file_.part(part.dataset, record_, first_, count_);
      const std::size_t units = f_.layout().units(part.block);
      if (part.slab.values.size() != count_ * units) {
        throw IoError(file_.path() + ":" + part.dataset, "does not have the units that the configuration says");
      }
    }
  }

  const RunReader& file_;
  std::size_t record_;
  const RightHandSide& f_;
  std::vector<double> time_;
  std::vector<Part> parts_;
  std::string missing_;
  std::size_t ahead_ = 1, first_ = 0, count_ = 0;
};

/// The phase that a sample belongs to: what a switch sets shows from the switch on.
const Phase& phase_at(const std::vector<Phase>& phases, double time) {
  constexpr double rounding = 1e-9;
  std::size_t now = 0;
  while (now + 1 < phases.size() && phases[now + 1].start <= time + rounding * (1 + std::abs(time))) ++now;
  return phases[now];
}

bool transmits_gains(const Circuit& circuit) {
  return std::ranges::any_of(circuit.projections(), [](const Projection& p) { return p.transmits == Transmit::gain; });
}

/// First derivative at sample k of n, `step` apart. @param value  of a sample
template <typename Value>
arma::vec derivative(const Value& value, std::size_t k, std::size_t n, double step) {
  if (k >= 2 && k + 2 < n) {
    return (8 * (value(k + 1) - value(k - 1)) - (value(k + 2) - value(k - 2))) / (12 * step);
  }
  if (k >= 1 && k + 1 < n) return (value(k + 1) - value(k - 1)) / (2 * step);
  if (k == 0) return (4 * value(1) - value(2) - 3 * value(0)) / (2 * step);
  return (3 * value(k) - 4 * value(k - 1) + value(k - 2)) / (2 * step);
}

}  // namespace

RecordedTrial::RecordedTrial(const RunReader& file, RecordedModel& model, std::size_t record)
    : file_(file), model_(model), group_(fmt::format("/models/{}/trace", model.name())), record_(record) {
  trial_ = trial_number(file, group_ + "/trial", file.value(group_ + "/trial", record));
  snapshot_ = model.before(trial_);
  model.load(snapshot_);
  const std::size_t depth = model.network().depth();
  credit_.resize(depth + 1);
  activity_.a.resize(depth + 1);
  activity_.h.resize(depth + 1);
  take_activity();
  take_signals();
}

void RecordedTrial::take_activity() {
  auto activity = model_.activity(trial_);
  has_activity_ = activity.has_value();
  if (!has_activity_) return;
  activity_ = std::move(*activity);
  // a forward pass that took time ended where it ended
  for (const Stage& stage : model_.stages()) {
    if (stage.timing != Stage::Timing::forward) continue;
    ReadyStage ready = ready_stage(stage, model_.network(), model_.feedback(), activity_, credit_);
    StateReader states(file_, group_, record_, stage, ready.f);
    if (!states.missing().empty() || states.time().empty()) continue;
    const Phase phase = stage_phases(stage, model_.config().dynamics).back();
    enter_phase(stage, model_.network(), activity_, credit_, phase, ready);
    if (states.read(states.time().size() - 1, ready.x))
      stage.read(model_.network(), ready.f, ready.x, activity_, credit_);
  }
}

void RecordedTrial::take_signals() {
  for (const Stage& stage : model_.stages()) {
    for (const ControlLoop& loop : stage.loops) {
      const std::string dataset = fmt::format("{}/s_{}", group_, loop.number);
      if (stage.timing != Stage::Timing::inversion || !file_.has(dataset)) continue;
      credit_[loop.source] = arma::vec(file_.rows(dataset, record_, 1).values);
      if (credit_[loop.source].n_elem != model_.network().units[loop.source]) {
        throw IoError(file_.path() + ":" + dataset, "does not have the units that the configuration says");
      }
    }
  }
}

RecordedTrial::Place RecordedTrial::find(std::size_t loop) const {
  for (const Stage& stage : model_.stages()) {
    const auto found = std::ranges::find(stage.loops, loop, &ControlLoop::number);
    if (found != stage.loops.end()) return {stage, *found};
  }
  throw ValueError("model " + model_.name(), fmt::format("has no loop {}", loop), "the numbers of its loops");
}

void RecordedTrial::require_activity(const Stage& stage) const {
  const bool needed = stage.timing != Stage::Timing::inversion || transmits_gains(stage.circuit);
  if (needed && !has_activity_) {
    unavailable(stage.name, "the file does not hold the sample that the trial showed", "a file with /task/x, /task/t");
  }
}

RecordedTrial::Way RecordedTrial::residual(std::size_t number,
                                           const std::function<void(double time, double value)>& to) const {
  const Place place = find(number);
  RightHandSide f(place.stage.circuit, 1);
  const bool weights_move = !place.stage.circuit.plasticity().empty();
  const bool complete = StateReader(file_, group_, record_, place.stage, f).missing().empty();
  if (complete && (weights_move || snapshot_.exact)) {
    require_activity(place.stage);
    by_weights(place, to);
    return Way::weights;
  }
  by_differences(place, f, to);
  return Way::differences;
}

void RecordedTrial::by_weights(const Place& place, const std::function<void(double, double)>& to) const {
  const auto& [stage, loop] = place;
  const Network& network = model_.network();
  const bool scheduled = stage.timing == Stage::Timing::schedule;
  const auto phases = stage_phases(stage, model_.config().dynamics);
  Activity activity = activity_;
  Credit credit = credit_;
  ReadyStage ready = ready_stage(stage, network, model_.feedback(), activity, credit);
  auto& [f, x] = ready;
  model_.set_parameters(trial_, stage, f);
  StateReader states(file_, group_, record_, stage, f);
  const auto moving_error = error_reader(place);
  StageResult result{.stage = &stage, .f = &f, .x = &x};
  const Phase* entered = nullptr;
  for (std::size_t k = 0; k < states.time().size(); ++k) {
    const Phase& phase = phase_at(phases, states.time()[k]);
    if (&phase != entered) enter_phase(stage, network, activity, credit, phase, ready);
    entered = &phase;
    double value = no_value;
    if (states.read(k, x) && phase.target) {
      if (scheduled) stage.read(network, f, x, activity, credit);
      if (moving_error) {
        credit[loop.source] = moving_error(k);
        assign(f.input(loop.controller), -credit[loop.source]);
      }
      const TrialView view(network, model_.paths(), model_.feedback(), activity, credit, {&result, 1});
      value = loop_residual(view, loop.number);
    }
    to(states.time()[k], value);
  }
}

std::function<arma::vec(std::size_t sample)> RecordedTrial::error_reader(const Place& place) const {
  const auto& [stage, loop] = place;
  const std::string dataset = group_ + "/e";
  const bool at_output = loop.source == model_.network().depth();
  if (stage.timing != Stage::Timing::inversion || !at_output || !file_.has(dataset)) return nullptr;
  const auto shape = file_.shape(dataset);
  if (shape.size() != 3 || shape[2] != model_.network().units[loop.source]) {
    throw IoError(file_.path() + ":" + dataset, "is not record x time x unit, as the configuration says");
  }
  const std::size_t samples = shape[1], units = shape[2];
  const std::size_t ahead = std::max<std::size_t>(1, max_values / units);
  return [this, dataset, samples, units, ahead, first = std::size_t{0},
          read = std::vector<double>()](std::size_t sample) mutable {
    if (sample < first || sample >= first + read.size() / units) {
      if (sample >= samples) throw IoError(file_.path() + ":" + dataset, "has fewer samples than its axis of time");
      first = sample;
      read = file_.part(dataset, record_, first, std::min(ahead, samples - first)).values;
    }
    return arma::vec(&read[(sample - first) * units], units);
  };
}

std::function<double(std::size_t sample)> RecordedTrial::signal_norm(const Place& place, RightHandSide& f) const {
  const Stage& stage = place.stage;
  const ControlLoop& loop = place.loop;
  if (const auto error = error_reader(place)) {
    return [error](std::size_t sample) { return arma::norm(error(sample)); };
  }
  if (stage.timing == Stage::Timing::inversion) {
    const double norm = arma::norm(credit_[loop.source]);
    return [norm](std::size_t) { return norm; };
  }
  // s moves: it is read from the state, which takes no weights
  require_activity(stage);
  const auto states = std::make_shared<StateReader>(file_, group_, record_, stage, f);
  if (!states->missing().empty()) {
    unavailable(stage.name, states->missing() + " was not recorded, and its signal s depends on it",
                "traces with all populations");
  }
  return [this, states, &stage, &loop, &f, x = State(f.layout().size()), activity = activity_,
          credit = credit_](std::size_t sample) mutable {
    if (!states->read(sample, x)) return no_value;
    stage.read(model_.network(), f, x, activity, credit);
    return arma::norm(credit[loop.source]);
  };
}

void RecordedTrial::by_differences(const Place& place, RightHandSide& f,
                                   const std::function<void(double, double)>& to) const {
  const auto& [stage, loop] = place;
  const Population& controller = stage.circuit.populations()[loop.controller];
  const std::string dataset = group_ + "/" + controller.name;
  if (!file_.has(dataset) || is_excerpt(file_, dataset)) {
    unavailable(stage.name,
                fmt::format("{}{} was not recorded", controller.name, file_.has(dataset) ? " as a whole" : ""),
                "traces with " + controller.name);
  }
  const auto time = file_.column(fmt::format("{}/{}", group_, time_name(stage)));
  const auto phases = stage_phases(stage, model_.config().dynamics);
  model_.set_parameters(trial_, stage, f);
  const auto norm = signal_norm(place, f);
  const std::size_t units = controller.units;

  // Differences do not reach over a switch, where the slope jumps.
  for (std::size_t begin = 0, end = 0; begin < time.size(); begin = end) {
    const Phase& phase = phase_at(phases, time[begin]);
    while (end < time.size() && &phase_at(phases, time[end]) == &phase) ++end;
    if (end - begin < 3 || !phase.target) {
      for (std::size_t k = begin; k < end; ++k) to(time[k], no_value);
      continue;
    }
    const double step = time[begin + 1] - time[begin];
    constexpr std::size_t reach = 2;  // samples on either side that a difference takes
    const std::size_t ahead = std::max<std::size_t>(1, max_values / units);
    for (std::size_t first = begin; first < end; first += ahead) {
      const std::size_t last = std::min(end, first + ahead);
      const std::size_t from = std::max(begin + reach, first) - reach;
      const auto slab = file_.part(dataset, record_, from, std::min(end, last + reach) - from);
      if (slab.values.size() != slab.shape[0] * units) {
        throw IoError(file_.path() + ":" + dataset, "does not have the units that the configuration says");
      }
      const auto value = [&](std::size_t k) { return arma::vec(&slab.values[(begin + k - from) * units], units); };
      for (std::size_t k = first; k < last; ++k) {
        const arma::vec slope = derivative(value, k - begin, end - begin, step);
        to(time[k], f.tau(loop.controller, 0) * arma::norm(slope) / norm(k));
      }
    }
  }
}

RecordedTrial::Spectrum RecordedTrial::spectrum(std::size_t number) const {
  const auto& [stage, loop] = find(number);
  require_activity(stage);
  const Network& network = model_.network();
  ReadyStage ready = ready_stage(stage, network, model_.feedback(), activity_, credit_, MovingWeights::stay);
  auto& [f, x] = ready;
  const auto phases = stage_phases(stage, model_.config().dynamics);
  const Phase& phase = phases[last_target_phase(phases)];
  Spectrum result{.snapshot = snapshot_, .of_trial = false, .eigenvalues = {}, .stability = {}};
  const bool own_parameters = model_.set_parameters(trial_, stage, f);
  const bool linear = f.circuit().is_linear();
  result.of_trial = own_parameters || !linear;
  enter_phase(stage, network, activity_, credit_, phase, ready);
  if (!linear) {
    StateReader states(file_, group_, record_, stage, f);
    if (!states.missing().empty()) {
      unavailable(stage.name, states.missing() + " was not recorded, and its spectrum depends on the state",
                  "traces with all populations");
    }
    // the last sample of the phase that is there: a trial that ended early leaves NaN behind
    std::vector<std::size_t> numbers(states.time().size());
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    State scratch = x;
    const auto end = std::ranges::partition_point(numbers, [&](std::size_t k) {
      return phase_at(phases, states.time()[k]).start <= phase.start && states.read(k, scratch);
    });
    if (end == numbers.begin()) unavailable(stage.name, "the trial has no samples", "a trial that was integrated");
    states.read(*std::prev(end), x);
  }
  const LinearisedLoop linearised({&f, &x, &loop});
  result.eigenvalues = linearised.spectrum();
  result.stability = loop_stability(linearised);
  return result;
}

}  // namespace dynvert
