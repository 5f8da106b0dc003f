#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/experiment/transient_experiment.hpp>
#include <dynvert/sim/platform/parallel.hpp>
#include <dynvert/sim/trial/initial_network.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <numeric>
#include <variant>

namespace dynvert {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A block is long enough that starting threads costs nothing, and short enough for Ctrl-C and the progress line.
constexpr double max_block_seconds = 0.1, min_block_seconds = 0.005;
constexpr std::size_t max_trials_in_block = 4096;
/// Bytes of rows that a block may add to those that wait; a single trial may have more.
constexpr std::size_t max_in_block = std::size_t{16} << 20;
/// A commit may take this part of the time between commits, on a slow disk too: one in so many.
constexpr double min_share = 20;
/// The samples of a block of trials are laid out before it begins.
constexpr std::size_t block_bytes = 16'000'000;

std::size_t trial_bytes(const Config& config) {
  const auto& layers = config.network.layers;
  return sizeof(double) * config.learning.batch * (layers.front() + layers.back());
}

Axis counting_axis(std::string name, std::size_t n, std::string description) {
  Axis axis{.name = std::move(name), .values = std::vector<double>(n), .description = std::move(description)};
  std::iota(axis.values.begin(), axis.values.end(), 0.0);
  return axis;
}

DatasetSpec integer_dataset(std::string name, std::vector<std::string> axes, std::string description) {
  return {.name = std::move(name),
          .type = ValueType::integer,
          .axes = std::move(axes),
          .description = std::move(description)};
}

/// /task holds two tables: the samples, written once where they were drawn, and the order of the trials, which grows.
GroupSpec samples_group(const Config& config) {
  const auto& layers = config.network.layers;
  return {.path = "/task",
          .row_dimension = "sample",
          .axes = {counting_axis("input", layers.front(), "number of the input"),
                   counting_axis("output", layers.back(), "number of the output")},
          .datasets = {integer_dataset("sample", {}, "number of the sample, from 0"),
                       {.name = "x", .axes = {"input"}, .description = "inputs"},
                       {.name = "t", .axes = {"output"}, .description = "targets"}}};
}

GroupSpec order_group(const Config& config) {
  GroupSpec group{.path = "/task", .row_dimension = "trial"};
  group.datasets.push_back(integer_dataset("trial", {}, "number of the trial, from 0"));
  if (config.learning.batch == 1) {
    group.datasets.push_back(integer_dataset("order", {}, "the sample that the trial shows"));
  } else {
    group.axes.push_back(counting_axis("column", config.learning.batch, "position in the batch"));
    group.datasets.push_back(integer_dataset(
        "order", {"column"}, "the samples that the trial shows; -1 where the last batch of an epoch is shorter"));
  }
  return group;
}

/// How many rows the groups of a model will have; snapshots at restabilisations come on top.
struct RowCounts {
  std::size_t evaluations, snapshots;
  std::size_t records;  ///< asked for
  std::size_t unasked;  ///< at most
};

RowCounts expected_rows(const Config& config, const ModelGroups& groups) {
  const RecordConfig& record = config.record;
  const bool traced = !groups.trace.datasets.empty();
  const std::size_t asked = record.every > 0 ? (config.trials + record.every - 1) / record.every : record.trials.size();
  return {.evaluations = 1 + config.trials / record.evaluate_every,
          .snapshots = 2 + (record.weights_every > 0 ? config.trials / record.weights_every : 0),
          .records = traced ? std::min(config.trials, asked) : 0,
          .unasked = traced ? std::min(config.trials - std::min(config.trials, asked), record.unsettled_limit) : 0};
}

/// Numbers of the trajectories that a model keeps in memory while it runs a trial.
double trajectory_values(const Config& config, const ModelConfig& model) {
  if (!solver_kind(model.dynamics.solver).has_trajectory) return 0;
  double values = 0;
  for (const Stage& stage : model_stages(model, empty_network(config), loop_parameters(config, model))) {
    const auto phases = stage_phases(stage, model.dynamics);
    const double duration = phases.back().start + phases.back().duration;
    const auto state = static_cast<double>(RightHandSide(stage.circuit, 1).layout().size() * config.learning.batch);
    values += state * duration / trace_settings(config, model).sample_interval;
  }
  return values;
}

}  // namespace

Estimate estimate(const Config& config) {
  if (config.kind != ExperimentKind::learning) return TransientExperiment(config).estimate();
  const auto& layers = config.network.layers;
  std::size_t network = 0;
  for (std::size_t l = 1; l < layers.size(); ++l) network += layers[l] * (layers[l - 1] + 1);

  const TaskKind& task = task_kind(config.task.kind);
  RunSize size;
  if (task.drawn()) size.add_at_once(samples_group(config), config.task.samples);
  // the data, with the copies that drawing and factoring take, and the samples of a block of trials
  const std::size_t in_block = std::min({config.trials * trial_bytes(config), max_trials_in_block * trial_bytes(config),
                                         block_bytes + trial_bytes(config)});
  size.add_memory(static_cast<double>(task.memory(config) + in_block) / sizeof(double));
  size.add(order_group(config), config.trials, config.trials);
  double traced = 0;
  bool blocks = false;
  for (const ModelConfig& model : config.models) {
    const ModelGroups groups = model_groups(config, model);
    const RowCounts rows = expected_rows(config, groups);
    size.add(groups.learning, config.trials, config.trials);
    size.add(groups.eval, rows.evaluations, rows.evaluations);
    size.add(groups.weights, rows.snapshots, rows.snapshots);
    size.add_state(groups.state);
    if (!groups.trace.datasets.empty()) size.add(groups.trace, rows.records, rows.records + rows.unasked);
    traced += static_cast<double>(rows.records * values_in_row(groups.trace));
    size.add_rewritten(static_cast<double>(rows.evaluations));
    // weights and their change, the row of a snapshot and, from the first commit on, of the state, less what is not
    // there at the same time (measured); feedback; the loops' own copies
    size.add_memory(4.5 * static_cast<double>(network));
    const auto feedback = static_cast<double>(values_in_row(groups.weights)) - static_cast<double>(network);
    size.add_memory(static_cast<double>(loop_values(config, model)) + std::max(0.0, feedback));
    size.add_memory(static_cast<double>(accelerated_forms(config, model).values));
    const auto measured = measure_columns(config, model);
    const bool follows = std::ranges::any_of(measured, [](const auto& m) { return m.first->needs_trajectory; });
    if (follows || !groups.trace.datasets.empty()) size.add_memory(trajectory_values(config, model));
    blocks = blocks || learns_in_blocks(config, model);
  }
  // what the models that run just now take for the two products of a block beside their operands, measured (OpenBLAS
  // 0.3.21; no less in single precision)
  if (blocks) {
    const auto running = static_cast<double>(std::min(config.threads, config.models.size()));
    size.add_memory(1.5 * running * static_cast<double>(layers[0] * layers[1]));
  }
  // the records of a block; blocks of a tenth of a second seldom have all that they may
  size.add_memory(0.6 * std::min(traced, static_cast<double>(max_in_block / sizeof(double))));
  return size.estimate();
}

LearningExperiment::LearningExperiment(Config config)
    : config_(std::move(config)),
      data_(task_kind(config_.task.kind).make(config_)),
      order_(config_.seed, data_.train.samples(), config_.learning.batch) {
  const Network network = initial_network(config_);
  evaluators_ = std::make_unique<Evaluators>(Evaluators{.train = LossEvaluator(data_.train, network)});
  if (data_.test) evaluators_->test.emplace(*data_.test, network);
  models_.resize(config_.models.size());
  parallel_for(models_.size(), config_.threads, [&](std::size_t m) {
    models_[m] = std::make_unique<ModelTrainer>(config_, config_.models[m], network, *evaluators_);
  });
}

std::vector<FailedTrials> LearningExperiment::failed_trials() const {
  std::vector<FailedTrials> failed;
  for (const auto& model : models_) {
    if (model->diverged_trials() > 0)
      failed.push_back({model->config().name, model->diverged_trials(), model->first_fault()});
  }
  return failed;
}

void LearningExperiment::store_samples(Recorder& recorder) {
  const GroupSpec samples = samples_group(config_);
  const Dataset& data = data_.train;
  const std::size_t group = recorder.add_group(samples, data.samples());
  const std::size_t there = recorder.rows(group);
  // in pieces, as data may be large
  constexpr std::size_t piece = 4096;
  Rows rows(samples);
  arma::mat x_scratch, t_scratch;
  for (std::size_t first = 0; first < data.samples(); first += piece) {
    rows.clear();
    rows.count = std::min(piece, data.samples() - first);
    const arma::mat x = data.x.view(first, rows.count, x_scratch);
    const arma::mat t = data.t.view(first, rows.count, t_scratch);
    for (std::size_t i = 0; i < rows.count; ++i) rows.values[0].push_back(static_cast<double>(first + i));
    rows.values[1].assign(x.begin(), x.end());
    rows.values[2].assign(t.begin(), t.end());
    if (there == 0) {
      recorder.append(group, rows);
      continue;
    }
    const auto is_there = [&](std::size_t k) {
      return first + rows.count <= there &&
             recorder.read(group, samples.datasets[k].name, first, rows.count) == rows.values[k];
    };
    if (!is_there(1) || !is_there(2)) {
      throw ValueError("the samples", "are not those that the file holds", "the data with which the run was begun");
    }
  }
}

void LearningExperiment::begin(Recorder& recorder) {
  if (task_kind(config_.task.kind).drawn()) store_samples(recorder);
  order_group_ = recorder.add_group(order_group(config_), config_.trials);
  recorder.set_attribute("/task", "kind", config_.task.kind);
  for (const Attribute& attribute : data_.attributes) recorder.set_attribute("/task", attribute.name, attribute.value);

  groups_.clear();
  for (const auto& model : models_) {
    const std::string path = fmt::format("/models/{}", model->config().name);
    const ModelGroups& specs = model->groups();
    RecorderGroups groups;
    const RowCounts rows_of = expected_rows(config_, specs);
    groups.learning = recorder.add_group(specs.learning, config_.trials);
    groups.eval = recorder.add_group(specs.eval, rows_of.evaluations);
    groups.weights = recorder.add_group(specs.weights, rows_of.snapshots);
    if (!specs.trace.datasets.empty())
      groups.trace = recorder.add_group(specs.trace, rows_of.records + rows_of.unasked);
    groups_.push_back(groups);

    const ModelConfig& m = model->config();
    const CreditModel& credit = credit_model(m.credit);
    recorder.set_attribute(path, "credit", m.credit);
    if (const std::string forms = accelerated_forms(config_, m).text; !forms.empty())
      recorder.set_attribute(path, "fast_form", forms);
    if (credit.feedback) recorder.set_attribute(path, "feedback", m.feedback.kind);
    if (credit.stages) {
      recorder.set_attribute(path, "transfer", m.dynamics.transfer);
      recorder.set_attribute(path, "solver", m.dynamics.solver);
      recorder.set_attribute(path, "alpha", m.alpha);
      recorder.set_attribute(path, "tau_delta", m.dynamics.tau_delta);
      recorder.set_attribute(path, "tau_u", m.dynamics.tau_u);
      if (solver_kind(m.dynamics.solver).has_trajectory) {
        recorder.set_attribute(path, "dt", m.dynamics.dt);
        const bool scheduled = credit.concurrent && !m.dynamics.phases.empty();
        const PhaseConfig last = scheduled ? m.dynamics.phases.back() : PhaseConfig{.duration = m.dynamics.duration};
        recorder.set_attribute(path, "duration", last.start + last.duration);
      }
      if (credit.concurrent || m.dynamics.forward == "dynamic") recorder.set_attribute(path, "tau_h", m.dynamics.tau_h);
      if (credit.concurrent) {
        recorder.set_attribute(path, "plasticity", m.dynamics.plasticity);
        if (m.dynamics.plasticity == "continuous") recorder.set_attribute(path, "tau_w", m.dynamics.tau_w);
      } else {
        recorder.set_attribute(path, "forward", m.dynamics.forward);
      }
    }
    recorder.set_attribute(path, "status", std::string("running"));
    recorder.set_attribute(path, "diverged_trials", std::int64_t{0});
  }
  note_external_files(config_, recorder);
}

void LearningExperiment::run_block(std::size_t first, std::size_t count) {
  std::vector<arma::mat> x(count);
  std::vector<arma::mat> t(count);
  for (std::size_t k = 0; k < count; ++k) {
    const auto samples = order_.samples(first + k);
    data_.train.x.gather(samples, x[k]);
    data_.train.t.gather(samples, t[k]);
  }
  std::vector<std::exception_ptr> failures(models_.size());
  parallel_for(models_.size(), config_.threads, [&](std::size_t m) {
    try {
      models_[m]->run_trials(first, x, t);
    } catch (...) {
      failures[m] = std::current_exception();
    }
  });
  // The failure of the earliest trial ends the experiment there for all models: which trials the others have done
  // beyond it depends on the size of the block.
  const ModelTrainer* earliest = nullptr;
  std::exception_ptr failure;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    if (!failures[m] || (earliest != nullptr && earliest->trials_done() <= models_[m]->trials_done())) continue;
    earliest = models_[m].get();
    failure = failures[m];
  }
  if (!failure) return;
  for (auto& model : models_) model->truncate(earliest->trials_done());
  std::rethrow_exception(failure);
}

void LearningExperiment::flush(Recorder& recorder) {
  for (std::size_t m = 0; m < models_.size(); ++m) {
    ModelRows& rows = models_[m]->rows();
    const auto move = [&](std::size_t group, Rows& r) {
      if (r.count > 0) recorder.append(group, r);
      r.clear();
    };
    move(groups_[m].learning, rows.learning);
    move(groups_[m].eval, rows.eval);
    move(groups_[m].weights, rows.weights);
    move(groups_[m].trace, rows.trace);
  }
}

std::size_t LearningExperiment::waiting_bytes() const {
  std::size_t values = 0;
  for (const auto& model : models_) {
    for (const Rows* rows :
         {&model->rows().learning, &model->rows().eval, &model->rows().weights, &model->rows().trace}) {
      for (const auto& column : rows->values) values += column.size();
    }
  }
  return values * sizeof(double);
}

std::size_t LearningExperiment::longest_block(std::size_t first) const {
  const RecordConfig& record = config_.record;
  double values_of_trial = 0;
  std::vector<double> values_of_record;
  for (const auto& model : models_) {
    const ModelGroups& groups = model->groups();
    values_of_record.push_back(static_cast<double>(values_in_row(groups.trace)));
    values_of_trial += static_cast<double>(values_in_row(groups.learning));
    values_of_trial += static_cast<double>(values_in_row(groups.eval)) / static_cast<double>(record.evaluate_every);
    if (record.weights_every > 0)
      values_of_trial += static_cast<double>(values_in_row(groups.weights)) / static_cast<double>(record.weights_every);
  }
  auto left = static_cast<double>(max_in_block / sizeof(double));
  std::size_t count = 0;
  while (count < max_trials_in_block && left > 0) {
    left -= values_of_trial;
    for (std::size_t m = 0; m < models_.size(); ++m) {
      if (models_[m]->is_asked(first + count) || count < models_[m]->automatic_left()) left -= values_of_record[m];
    }
    ++count;
  }
  return count;
}

void LearningExperiment::store_state(Recorder& recorder) {
  for (std::size_t m = 0; m < models_.size(); ++m) {
    if (!groups_[m].state) groups_[m].state = recorder.add_state(models_[m]->groups().state);
    recorder.put_state(*groups_[m].state, models_[m]->state());
  }
}

std::size_t LearningExperiment::restore(Recorder& recorder) {
  const auto trials = recorder.continues();
  if (!trials) return 0;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    groups_[m].state = recorder.add_state(models_[m]->groups().state);
    const auto state = recorder.state(*groups_[m].state);
    // stopped before the first commit, and nothing is in the recorder but samples
    if (!state) return 0;
    models_[m]->restore(*state);
    // an interrupted run has taken a snapshot of its end, and compared losses that were not yet all
    recorder.truncate(groups_[m].weights, models_[m]->snapshots());
    recorder.fill_ratio(groups_[m].eval, "nse", "train_loss", std::numeric_limits<double>::quiet_NaN());
  }
  done_orders_ = *trials;
  return *trials;
}

void LearningExperiment::end(Recorder& recorder, std::size_t trials, std::string_view status) {
  double largest = 0;
  for (const auto& model : models_) largest = std::max(largest, model->largest_loss());
  for (std::size_t m = 0; m < models_.size(); ++m) {
    const std::string path = fmt::format("/models/{}", models_[m]->config().name);
    if (largest > 0) recorder.fill_ratio(groups_[m].eval, "nse", "train_loss", largest);
    recorder.set_attribute(path, "status", std::string(status));
    recorder.set_attribute(path, "diverged_trials", static_cast<std::int64_t>(models_[m]->diverged_trials()));
    if (status != "interrupted" && groups_[m].state) recorder.drop_state(*groups_[m].state);
  }
  recorder.finish(std::string(status), trials);
}

RunStatus LearningExperiment::run(Recorder& recorder, const Hooks& hooks) {
  begin(recorder);
  const std::size_t first = restore(recorder);
  const auto start = Clock::now();
  auto last_commit = start;
  double seconds_to_commit = 0;
  std::size_t done = first;
  // whole blocks for the models that learn in them
  const bool blocked = std::ranges::any_of(config_.models, [&](const auto& m) { return learns_in_blocks(config_, m); });
  const std::size_t unit = blocked ? trials_in_block : 1;
  std::size_t block = unit;
  SampleOrder shown(config_.seed, data_.train.samples(), config_.learning.batch);
  const std::size_t most = std::clamp<std::size_t>(block_bytes / trial_bytes(config_), 1, max_trials_in_block);
  Rows order(order_group(config_));
  const auto flush_rows = [&](std::size_t trials) {
    for (std::size_t k = done_orders_; k < trials; ++k) {
      order.values[0].push_back(static_cast<double>(k));
      const auto samples = shown.samples(k);
      for (std::size_t c = 0; c < config_.learning.batch; ++c) {
        order.values[1].push_back(c < samples.size() ? static_cast<double>(samples[c]) : -1);
      }
      ++order.count;
    }
    done_orders_ = trials;
    if (order.count > 0) recorder.append(order_group_, order);
    order.clear();
    flush(recorder);
  };
  const auto stopped = [&] { return hooks.stop != nullptr && hooks.stop->load(); };

  const double block_seconds = std::clamp(config_.record.commit_interval, min_block_seconds, max_block_seconds);
  while (done < config_.trials && !stopped()) {
    const std::size_t wanted = std::max(unit, std::min(block, longest_block(done)) / unit * unit);
    const std::size_t count = std::min(wanted, config_.trials - done);
    const auto block_start = Clock::now();
    try {
      run_block(done, count);
    } catch (const NumericalError&) {
      const std::size_t trials =
          (*std::ranges::min_element(models_, {}, [](const auto& m) { return m->trials_done(); }))->trials_done();
      flush_rows(trials);
      end(recorder, trials, "diverged");
      throw;
    }
    done += count;
    const double taken = seconds_since(block_start);
    block = std::clamp(static_cast<std::size_t>(static_cast<double>(count) * block_seconds / std::max(taken, 1e-9)),
                       unit, std::max(unit, std::min(most, 4 * count)));
    if (seconds_since(last_commit) > std::max(config_.record.commit_interval, min_share * seconds_to_commit)) {
      const auto begun = Clock::now();
      store_state(recorder);
      flush_rows(done);
      recorder.commit(done);
      last_commit = Clock::now();
      seconds_to_commit = seconds_since(begun);
    } else if (waiting_bytes() > max_waiting) {
      flush(recorder);
    }
    if (hooks.progress) {
      ProgressReport report{
          .trials_done = done, .trials = config_.trials, .first = first, .seconds = seconds_since(start), .loss = {}};
      for (const auto& model : models_) report.loss.emplace_back(model->config().name, model->last_loss());
      hooks.progress(report);
    }
  }
  const bool complete = done == config_.trials;
  if (!complete) {
    // what a run that goes on starts from: the snapshot of the end comes after it
    store_state(recorder);
    flush_rows(done);
    recorder.commit(done);
  }
  for (auto& model : models_) model->finish();
  flush_rows(done);
  end(recorder, done, complete ? "complete" : "interrupted");
  return complete ? RunStatus::complete : RunStatus::interrupted;
}

}  // namespace dynvert
