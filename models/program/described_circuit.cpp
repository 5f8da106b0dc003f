#include <dynvert/models/error.hpp>
#include <dynvert/models/program/described_circuit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

namespace dynvert {

using equations::Description;
using equations::Expression;
using equations::Kind;
using equations::RuleTerm;
using equations::Term;

std::shared_ptr<const DescribedCircuit> DescribedCircuit::make(Description description, const Network& network,
                                                               const RunNumbers& run,
                                                               const std::vector<std::string>& recorded) {
  // the constructor is not for others: stages share the circuit that they come from
  return std::shared_ptr<const DescribedCircuit>(new DescribedCircuit(std::move(description), network, run, recorded));
}

DescribedCircuit::DescribedCircuit(Description description, const Network& network, const RunNumbers& run,
                                   const std::vector<std::string>& recorded)
    : plan_(std::move(description), network, run) {
  const Description& d = plan_.description();
  for (const equations::Population& p : d.populations) units_.push_back(p.units);
  for (std::size_t p = 0; p < d.populations.size(); ++p) {
    if (plan_.role(p) == "output_error") output_error_ = p;
  }
  for (std::size_t p = 0; p < d.populations.size(); ++p) {
    const bool wanted = std::ranges::find(recorded, d.populations[p].name.in_files()) != recorded.end();
    if (wanted && d.populations[p].type != equations::Population::Type::moving) shown_.push_back(p);
  }
  make_rules();
  find_initial();
  find_carried();
  find_readout();
  make_phases();
  const auto credit = std::ranges::find(d.phases, plan_.credit_phase(), &equations::Phase::name);
  credit_phase_ = credit == d.phases.end() ? phases_.size() - 1 : static_cast<std::size_t>(credit - d.phases.begin());
}

void DescribedCircuit::find_readout() {
  const Description& d = plan_.description();
  if (!d.readout.y) return;
  readout_.emplace(d.readout.y, plan_, nullptr);
  const auto phase = std::ranges::find(d.phases, d.readout.phase, &equations::Phase::name);
  readout_phase_ = static_cast<std::size_t>((phase == d.phases.end() ? d.phases.end() - 1 : phase) - d.phases.begin());
  if (d.readout.at == "end") return;
  const equations::Phase& of = d.phases[readout_phase_];
  if (!(plan_.number(of.duration, &of) > 0))
    equations::fail(d.readout.where, fmt::format("the average over phase \"{}\", which takes no time", of.name),
                    "at = \"end\", or another phase");
  for_each_population(d.readout.y, plan_, [&](std::size_t p) { averaged_.push_back(p); });
}

DescribedCircuit::Changes DescribedCircuit::changes(std::size_t trial, const Activity& activity,
                                                    const Network& network) const {
  Changes changes{.of_rules = {}, .memory = network.memory};
  for (const RuleProgram& rule : rules_) {
    if (trial == 0 && rule.skips_first())
      changes.of_rules.emplace_back();
    else
      changes.of_rules.push_back(rule.change(activity.values, changes.memory));
  }
  return changes;
}

bool DescribedCircuit::Changes::is_finite() const {
  // weights that grow by this 1e9 times are finite still
  constexpr double largest = 1e290;
  return std::ranges::all_of(of_rules, [](const arma::mat& change) {
    return change.is_empty() || (change.is_finite() && arma::abs(change).max() <= largest);
  });
}

void DescribedCircuit::apply(const Changes& changes, Network& network) const {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!changes.of_rules[i].is_empty()) rules_[i].apply(changes.of_rules[i], network);
  }
  network.memory = changes.memory;
}

void DescribedCircuit::size_matrices(Network& network) const {
  network.others.clear();
  network.memory.clear();
  const auto& matrices = plan_.description().matrices;
  for (std::size_t m = 0; m < matrices.size(); ++m) {
    if (plan_.place(m).in == MatrixPlace::In::others)
      network.others.emplace_back(matrices[m].rows, matrices[m].columns);
  }
  for (const RuleProgram& rule : rules_)
    for (const RuleProgram::Memory& memory : rule.memory()) network.memory.emplace_back(memory.rows, memory.columns);
}

void DescribedCircuit::take_feedback(const Network& network, Feedback& feedback) const {
  feedback.resize(std::max(feedback.size(), plan_.depth() + 1));
  for (const auto& [path, matrix] : plan_.feedback()) feedback[path.number] = plan_.place(matrix).of(network);
}

void DescribedCircuit::put_feedback(const Feedback& feedback, Network& network) const {
  for (const auto& [path, matrix] : plan_.feedback()) plan_.place(matrix).of(network) = feedback[path.number];
}

void DescribedCircuit::make_phases() {
  const Description& d = plan_.description();
  std::set<std::string> read{d.readout.phase};
  if (!carried_.empty()) read.insert(carried_after_);
  for (const equations::Phase& phase : d.phases) read.insert(phase.from);
  for (const equations::Rule& rule : d.rules)
    for (const RuleTerm& t : rule.terms) read.insert(t.phases.begin(), t.phases.end());
  std::map<std::string, double> ends;
  bool again = false;
  for (const equations::Phase& phase : d.phases) {
    PhaseEntry entry;
    std::vector<std::size_t> kept;
    for (const RuleProgram& rule : rules_) {
      for (const RuleProgram::Average& average : rule.averages()) {
        if (average.phases.empty() || std::ranges::find(average.phases, phase.name) != average.phases.end())
          kept.insert(kept.end(), average.populations.begin(), average.populations.end());
      }
    }
    if (phases_.size() == readout_phase_) kept.insert(kept.end(), averaged_.begin(), averaged_.end());
    entry.program = std::make_unique<PhaseProgram>(plan_, phase, kept);
    double& end = ends[phase.clock];
    entry.begin = phase.begin ? plan_.number(phase.begin, &phase) : end;
    entry.duration = plan_.number(phase.duration, &phase);
    end = entry.begin + entry.duration;
    entry.clock = phase.clock;
    entry.again = again || !phase.from.empty();
    entry.is_read = !shown_.empty() || read.contains(phase.name);
    // a phase of evaluations alone is not run in learning, and leaves what it would have evaluated as it was
    again = entry.program->opens() || (phase.during != "both" && again);
    phases_.push_back(std::move(entry));
  }
  for (const equations::Rule& rule : d.rules)
    for (const RuleTerm& t : rule.terms) check_phases(t);
  find_clocks();
}

/// Phases of one clock take the same time, or one after the other; else each has a time axis of its own.
void DescribedCircuit::find_clocks() {
  std::map<std::string, std::vector<PhaseEntry*>> clocks;
  for (PhaseEntry& entry : phases_) {
    if (!entry.program->circuit().populations().empty()) clocks[entry.clock].push_back(&entry);
  }
  for (auto& [clock, entries] : clocks) {
    bool alike = true, in_turn = true;
    for (std::size_t i = 1; i < entries.size(); ++i) {
      const PhaseEntry& before = *entries[i - 1];
      const PhaseEntry& entry = *entries[i];
      alike = alike && entry.begin == before.begin && entry.duration == before.duration;
      in_turn = in_turn && entry.begin == before.begin + before.duration;
    }
    if (alike) continue;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (in_turn)
        entries[i]->continues = i > 0;
      else
        entries[i]->clock = entries[i]->program->phase().name;
    }
  }
}

const Network& DescribedCircuit::newest(const Network& network, const PopulationValues& values, Network& moved) const {
  if (values.weights.empty()) return network;
  moved = network;
  take_moved(values, moved);
  return moved;
}

void DescribedCircuit::take_moved(const PopulationValues& values, Network& network) const {
  for (const auto& [matrix, weights] : values.weights) plan_.place(matrix).of(network) = weights;
}

/// What others read of a trial: the network's activity where the circuit has it, the output error, credit signals.
void DescribedCircuit::publish(std::size_t phase, Activity& activity, Credit& credit) const {
  const std::vector<arma::mat>& now = activity.values.now;
  const std::size_t depth = plan_.depth();
  if (readout_ && phase == readout_phase_) {
    arma::mat y;
    if (averaged_.empty())
      readout_->evaluate(now, activity.t.n_rows, activity.t.n_cols, y);
    else
      y = average_readout(activity);
    activity.e = activity.t - y;
  }
  // of a phase after that in which credit is read nobody asks for more
  if (phase > credit_phase_) return;
  if (const auto& forward = plan_.forward(); forward && !forward->instantaneous) {
    activity.a.resize(depth + 1);
    activity.h.resize(depth + 1);
    activity.h[0] = now[forward->h[0]];
    for (std::size_t l = 1; l <= depth; ++l) {
      activity.a[l] = now[forward->a[l]];
      activity.h[l] = now[forward->h[l]];
    }
    if (!readout_) activity.e = activity.t - activity.h[depth];
  }
  if (!readout_ && !plan_.forward() && output_error_) activity.e = now[*output_error_];
  if (activity.e.is_empty()) activity.e.zeros(activity.t.n_rows, activity.t.n_cols);
  for (std::size_t l = 1; l <= depth; ++l) {
    if (plan_.credit(l)) credit[l] = now[*plan_.credit(l)];
  }
}

std::vector<arma::mat> DescribedCircuit::opened(std::size_t i, const Network& network,
                                                const PopulationValues& values) const {
  const PhaseEntry& entry = phases_[i];
  const std::string& from = entry.program->phase().from;
  std::vector<arma::mat> now = from.empty() ? values.now : values.ended.at(from);
  const std::size_t columns = now.empty() ? 1 : now.front().n_cols;
  entry.program->open(network, columns, entry.again, now);
  return now;
}

CreditModel DescribedCircuit::credit() const {
  CreditModel model{.name = "circuit",
                    .summary = "a circuit file",
                    .concurrent = !plan_.forward() || !plan_.forward()->instantaneous};
  if (!plan_.feedback().empty()) {
    std::vector<FeedbackPath> paths;
    for (const auto& feedback : plan_.feedback()) paths.push_back(feedback.path);
    model.feedback = [paths](std::size_t) { return paths; };
  }
  const auto self = shared_from_this();
  const bool takes_phases = phases_.size() > 1 || std::ranges::any_of(phases_, [](const PhaseEntry& entry) {
                              return entry.program->opens() || !entry.program->circuit().populations().empty();
                            });
  if (takes_phases) {
    model.stages = [self](const Network&, const LoopParameters&) { return self->stages(); };
    return model;
  }
  // what the trial starts with is all
  model.assign = [](const Network&, const Feedback&, const Activity&, const ParameterValues&, Credit&) {};
  return model;
}

std::vector<Stage> DescribedCircuit::stages() const {
  std::vector<Stage> stages;
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    if (phases_[i].program->phase().during != "evaluation") stages.push_back(stage(i));
  }
  // a loop that several phases have is looked at where credit is read, or in the last of them
  std::map<std::size_t, const Stage*> where;
  for (const Stage& s : stages) {
    for (const ControlLoop& loop : s.loops) {
      const Stage*& at = where[loop.number];
      if (at == nullptr || at->name != plan_.credit_phase()) at = &s;
    }
  }
  for (Stage& s : stages) std::erase_if(s.loops, [&](const ControlLoop& loop) { return where[loop.number] != &s; });
  return stages;
}

std::vector<Stage> DescribedCircuit::evaluation_stages() const {
  std::vector<Stage> stages;
  for (std::size_t i = 0; i <= readout_phase_; ++i) {
    if (phases_[i].program->phase().during == "learning") continue;
    stages.push_back(stage(i));
    Stage& last = stages.back();
    last.loops.clear();
    last.circuit = last.circuit.without_plasticity();
    last.follow = nullptr;
    if (i == readout_phase_ && !averaged_.empty()) last.follow = follow(i, false);
  }
  return stages;
}

bool DescribedCircuit::has_own_readout() const noexcept {
  const auto& forward = plan_.forward();
  return readout_ &&
         !(averaged_.empty() && forward && forward->instantaneous && readout_->is_population() == forward->h.back());
}

Stage DescribedCircuit::stage(std::size_t i) const {
  const PhaseEntry& entry = phases_[i];
  const PhaseProgram& program = *entry.program;
  const auto self = shared_from_this();
  Stage stage;
  stage.name = program.phase().name;
  stage.timing =
      plan_.forward() && plan_.forward()->instantaneous ? Stage::Timing::inversion : Stage::Timing::described;
  stage.interval = Phase{.start = entry.begin, .duration = entry.duration};
  stage.clock = entry.clock;
  stage.continues = entry.continues;
  stage.until_settled = program.phase().until_settled;
  stage.circuit = program.circuit();
  stage.loops = loops(program);
  for (const ControlLoop& loop : stage.loops) {
    for (const PopulationIndex member : loop.members) stage.circuit.set_loop(member, loop.number);
  }
  stage.derived = derived(i);
  stage.load = [self, &program](const Network& network, const Feedback&, RightHandSide& f) {
    program.load(network, f);
  };
  stage.begin = [self, &program](const Network&, const Activity& activity, const Credit&, RightHandSide& f) {
    f.set_columns(activity.t.n_cols);
    program.load_moved(activity.values.weights, f);
  };
  stage.enter = [self, &program, i](const Network& of, const Activity& activity, const Credit&, const Phase&,
                                    RightHandSide& f, State& x) {
    Network moved;
    const Network& network = self->newest(of, activity.values, moved);
    const bool changes = self->phases_[i].again || program.opens();
    if (changes)
      program.enter(network, self->opened(i, network, activity.values), f, x);
    else
      program.enter(network, activity.values.now, f, x);
  };
  stage.read = [self, &program, i](const Network& of, const RightHandSide& f, const State& x, Activity& activity,
                                   Credit& credit) {
    Network moved;
    const Network& network = self->newest(of, activity.values, moved);
    if (self->phases_[i].again || program.opens()) activity.values.now = self->opened(i, network, activity.values);
    // measures look at the circuit with its weights fixed
    if (!f.circuit().plasticity().empty()) {
      program.take_moved(f, x, activity.values.weights);
      program.close(self->newest(of, activity.values, moved), f, x, activity.values.now);
    } else {
      program.close(network, f, x, activity.values.now);
    }
    if (self->phases_[i].is_read) activity.values.ended[program.phase().name] = activity.values.now;
    self->publish(i, activity, credit);
  };
  const auto averages = [&](const RuleProgram& rule) {
    return std::ranges::any_of(rule.averages(), [&](const auto& average) { return averages_in(average, i); });
  };
  const bool for_rules = std::ranges::any_of(rules_, averages);
  if (for_rules || (i == readout_phase_ && !averaged_.empty())) stage.follow = follow(i, for_rules);
  return stage;
}

/// Populations that are shown and not in the circuit of the phase: from the states, and from what is at rest as the
/// phase left it.
std::vector<DerivedSignal> DescribedCircuit::derived(std::size_t i) const {
  std::vector<DerivedSignal> signals;
  const PhaseProgram& program = *phases_[i].program;
  const auto lasts = [](const PhaseEntry& entry) { return !entry.program->circuit().populations().empty(); };
  const auto first = static_cast<std::size_t>(std::ranges::find_if(phases_, lasts) - phases_.begin());
  for (const std::size_t p : shown_) {
    if (program.block(p)) continue;
    // of phases side by side that in which it changes shows it, or the first
    const bool changes_elsewhere =
        std::ranges::any_of(phases_, [&](const PhaseEntry& entry) { return entry.program->varies(p); });
    const bool in_sequence = phases_[i].continues || (i + 1 < phases_.size() && phases_[i + 1].continues);
    if (!program.varies(p) && !in_sequence && (changes_elsewhere || i != first)) continue;
    const equations::Population& population = plan_.description().populations[p];
    const std::string role = plan_.role(p);
    signals.push_back({.name = population.name.in_files(),
                       .role = role.empty() ? "auxiliary" : role,
                       .like = {.name = population.name.in_files(), .units = population.units, .layer = plan_.layer(p)},
                       .description = "algebraic population",
                       .value = [self = shared_from_this(), &program, p](const DerivedSignal::Sample& at) {
                         const auto ended = at.activity.values.ended.find(program.phase().name);
                         if (ended == at.activity.values.ended.end()) return arma::vec();
                         std::vector<arma::mat> now;
                         for (const arma::mat& x : ended->second) now.emplace_back(x.col(at.column));
                         program.follow(at.network, at.f, at.state, at.column, now);
                         return arma::vec(now[p].col(0));
                       }});
  }
  return signals;
}

}  // namespace dynvert
