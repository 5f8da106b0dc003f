#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/experiment/completed_run.hpp>
#include <dynvert/sim/experiment/experiment_kinds.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/platform/interruption.hpp>
#include <dynvert/sim/platform/parallel.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
#include <dynvert/sim/trial/model_setup.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>

namespace dynvert {

namespace {

/// A block is long enough that starting threads costs nothing, and short enough for Ctrl-C and the progress line.
constexpr double max_block_seconds = 0.1, min_block_seconds = 0.005;

std::string description_of_learning(const Config& config) {
  std::string text =
      fmt::format("  task      {}: {} samples{}\n", config.task.kind, config.task.samples,
                  config.task.test_samples > 0 ? fmt::format(", {} for tests", config.task.test_samples) : "");
  text += network_line(config);
  text += fmt::format("  trials    {}, batch {}\n", config.trials, config.learning.batch);
  for (const ModelConfig& model : config.models) {
    text += model_line(config, model, fmt::format(", alpha {:g}", model.alpha));
    const std::string forms = accelerated_forms(config, model).text;
    if (!forms.empty()) text += fmt::format("            {}\n", forms);
  }
  return text;
}

/// Reads the data. Of samples that are drawn a few will do: what they are refused for is in the keys.
void try_task(const Config& config) {
  constexpr std::size_t a_few = 10;
  const TaskKind& task = task_kind(config.task.kind);
  Config tried = config;
  if (task.drawn()) {
    tried.task.samples = std::min(tried.task.samples, a_few);
    tried.task.test_samples = std::min(tried.task.test_samples, a_few);
  }
  static_cast<void>(task.make(tried));
}

std::vector<StartStep> steps_of_learning(const Config& config) {
  std::vector<StartStep> steps;
  steps.push_back({.key = step_key(config, {"task.", "network.layers"}), .run = [&config] { try_task(config); }});
  std::ranges::move(network_steps(config), std::back_inserter(steps));
  const auto optimised = [&](const ModelConfig& model) {
    return feedback_kind(model.feedback.kind).stabilised && credit_of(config, model).credit.feedback;
  };
  if (std::ranges::any_of(config.models, optimised)) {
    steps.push_back({.key = config.resolved, .run = [&config] { LearningExperiment all(config); }, .stabilises = true});
  }
  return steps;
}

std::vector<ExternalFile> files_of_learning(const Config& config) {
  std::vector<ExternalFile> files;
  const TaskKind& task = task_kind(config.task.kind);
  if (!task.drawn()) {
    for (auto& [role, path] : task.files(config.task)) files.push_back({"/task", role, path});
  }
  std::ranges::move(model_files(config), std::back_inserter(files));
  return files;
}

}  // namespace

ExperimentType learning_type() {
  return {.kind = ExperimentKind::learning,
          .has_models = true,
          .learns = true,
          .make = [](const Config& config) -> std::unique_ptr<Experiment> {
            return std::make_unique<LearningExperiment>(config);
          },
          .start_steps = &steps_of_learning,
          .estimate = &LearningExperiment::estimate,
          .describe = &description_of_learning,
          .external_files = &files_of_learning};
}

std::size_t trial_bytes(const Config& config) {
  const auto& layers = config.network.layers;
  return sizeof(double) * config.learning.batch * (layers.front() + layers.back());
}

RowCounts expected_rows(const Config& config, const ModelTables& tables) {
  const RecordConfig& record = config.record;
  const bool traced = !tables.trace.empty();
  const std::size_t requested = requested_trials(record, config.trials);
  return {.evaluations = 1 + config.trials / record.evaluate_every,
          .snapshots = 2 + (record.weights_every > 0 ? config.trials / record.weights_every : 0),
          .records = traced ? requested : 0,
          .automatic = traced ? std::min(config.trials - requested, record.unsettled_limit) : 0};
}

LearningExperiment::LearningExperiment(Config config)
    : BlockExperiment(config),
      config_(std::move(config)),
      data_(task_kind(config_.task.kind).make(config_)),
      order_(config_.seed, data_.train.samples(), config_.learning.batch),
      recorded_order_(order_),
      order_table_(order_table(config_)) {
  const Network network = initial_network(config_);
  evaluators_ = std::make_unique<Evaluators>(Evaluators{.train = LossEvaluator(data_.train, network)});
  if (data_.test) evaluators_->test.emplace(*data_.test, network);
  models_.resize(config_.models.size());
  parallel_for(models_.size(), config_.threads, [&](std::size_t m) {
    models_[m] = std::make_unique<ModelTrainer>(config_, config_.models[m], network, *evaluators_);
  });
  // whole blocks for the models that learn in them
  if (std::ranges::any_of(config_.models, [&](const auto& m) { return learns_in_blocks(config_, m); }))
    unit_ = trials_in_block;
  next_block_ = unit_;
}

std::vector<FailedTrials> LearningExperiment::failed_trials() const {
  std::vector<FailedTrials> failed;
  for (const auto& model : models_) {
    if (model->diverged_trials() == 0) continue;
    failed.push_back({.model = model->config().name,
                      .count = model->diverged_trials(),
                      .first = model->first_fault(),
                      .consequence = " and changed no weights"});
  }
  return failed;
}

std::vector<std::pair<std::string, double>> LearningExperiment::losses() const {
  std::vector<std::pair<std::string, double>> losses;
  for (const auto& model : models_) losses.emplace_back(model->config().name, model->last_loss());
  return losses;
}

void LearningExperiment::begin(Recorder& recorder) {
  if (task_kind(config_.task.kind).drawn()) store_samples(config_, data_.train, recorder);
  order_group_ = recorder.add_group(order_table_.spec(), config_.trials);
  recorder.set_attribute("/task", "kind", config_.task.kind);
  for (const Attribute& attribute : data_.attributes) recorder.set_attribute("/task", attribute.name, attribute.value);

  groups_.clear();
  for (const auto& model : models_) {
    const std::string path = fmt::format("/models/{}", model->config().name);
    const ModelTables& tables = model->tables();
    RecorderGroups groups;
    const RowCounts rows = expected_rows(config_, tables);
    groups.learning = recorder.add_group(tables.learning.spec(), config_.trials);
    groups.eval = recorder.add_group(tables.eval.spec(), rows.evaluations);
    groups.weights = recorder.add_group(tables.weights.spec(), rows.snapshots);
    if (!tables.trace.empty()) groups.trace = recorder.add_group(tables.trace.spec(), rows.records + rows.automatic);
    groups_.push_back(groups);
    std::vector<Attribute> attributes = model_attributes(config_, model->config());
    if (credit_of(config_, model->config()).credit.stages) note_settling_band(model->config().dynamics, attributes);
    for (const Attribute& attribute : attributes) recorder.set_attribute(path, attribute.name, attribute.value);
    recorder.set_attribute(path, "status", std::string("running"));
    if (!recorder.continues()) recorder.set_attribute(path, "diverged_trials", std::int64_t{0});
  }
  note_external_files(config_, recorder);
}

std::size_t LearningExperiment::restore(Recorder& recorder) {
  const auto trials = recorder.continues();
  if (!trials) return 0;
  for (std::size_t m = 0; m < models_.size(); ++m) {
    groups_[m].state = recorder.add_state(models_[m]->tables().state);
    auto state = recorder.state(*groups_[m].state);
    // stopped before the first commit, and nothing is in the recorder but samples
    if (!state && *trials == 0) return 0;
    if (!state) {  // complete, and to be made longer
      const RecorderGroups& g = groups_[m];
      state = state_of_completed(recorder, config_, config_.models[m].name, models_[m]->tables(),
                                 {g.learning, g.eval, g.weights, g.trace}, *trials);
    }
    models_[m]->restore(*state);
    // an interrupted run has taken a snapshot of its end, and compared losses that were not yet all
    recorder.truncate(groups_[m].weights, models_[m]->snapshots());
    recorder.fill_ratio(groups_[m].eval, "nse", "train_loss", std::numeric_limits<double>::quiet_NaN());
  }
  done_orders_ = *trials;
  return *trials;
}

std::size_t LearningExperiment::longest_block(std::size_t first) const {
  const RecordConfig& record = config_.record;
  double values_of_trial = 0;
  std::vector<double> values_of_record;
  for (const auto& model : models_) {
    const ModelTables& tables = model->tables();
    values_of_record.push_back(static_cast<double>(values_in_row(tables.trace.spec())));
    values_of_trial += static_cast<double>(values_in_row(tables.learning.spec()));
    values_of_trial +=
        static_cast<double>(values_in_row(tables.eval.spec())) / static_cast<double>(record.evaluate_every);
    if (record.weights_every > 0) {
      values_of_trial +=
          static_cast<double>(values_in_row(tables.weights.spec())) / static_cast<double>(record.weights_every);
    }
  }
  auto left = static_cast<double>(max_in_block / sizeof(double));
  std::size_t count = 0;
  while (count < max_trials_in_block && left > 0) {
    left -= values_of_trial;
    const bool requested = is_requested(record, first + count);
    for (std::size_t m = 0; m < models_.size(); ++m) {
      if (requested || count < models_[m]->automatic_left()) left -= values_of_record[m];
    }
    ++count;
  }
  return count;
}

std::size_t LearningExperiment::block_size(std::size_t trials_done) {
  return std::max(unit_, std::min(next_block_, longest_block(trials_done)) / unit_ * unit_);
}

void LearningExperiment::run_block(Recorder& recorder, std::size_t first, std::size_t count) {
  // of the blocks since the last commit
  if (waiting_bytes() > max_waiting) flush_models(recorder);
  const auto start = Clock::now();
  run_trials(first, count);
  const double block_seconds = std::clamp(config_.record.commit_interval, min_block_seconds, max_block_seconds);
  const double wanted = static_cast<double>(count) * block_seconds / std::max(seconds_since(start), 1e-9);
  const std::size_t most = std::clamp<std::size_t>(block_bytes / trial_bytes(config_), 1, max_trials_in_block);
  next_block_ = std::clamp(static_cast<std::size_t>(wanted), unit_, std::max(unit_, std::min(most, 4 * count)));
}

void LearningExperiment::run_trials(std::size_t first, std::size_t count) {
  std::vector<arma::mat> x(count);
  std::vector<arma::mat> t(count);
  std::vector<std::vector<std::size_t>> shown(count);
  for (std::size_t k = 0; k < count; ++k) {
    const auto samples = order_.samples(first + k);
    shown[k].assign(samples.begin(), samples.end());
    data_.train.x.gather(samples, x[k]);
    data_.train.t.gather(samples, t[k]);
  }
  std::vector<std::exception_ptr> failures(models_.size());
  std::atomic<bool> interrupted = false;
  parallel_for(models_.size(), config_.threads, [&](std::size_t m) {
    try {
      models_[m]->run_trials(first, x, t, shown);
    } catch (const Interrupted&) {
      interrupted = true;
    } catch (...) {
      failures[m] = std::current_exception();
    }
  });
  if (interrupted) throw Interrupted();
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

void LearningExperiment::give_up_block(std::size_t trials) {
  for (auto& model : models_) model->truncate(trials);
}

std::size_t LearningExperiment::trials_done() const {
  return (*std::ranges::min_element(models_, {}, [](const auto& m) { return m->trials_done(); }))->trials_done();
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

void LearningExperiment::flush_models(Recorder& recorder) {
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

void LearningExperiment::flush(Recorder& recorder, std::size_t trials) {
  Rows rows(order_table_.spec());
  for (std::size_t k = done_orders_; k < trials; ++k) {
    order_table_.append({.trial = k, .samples = recorded_order_.samples(k)}, rows);
  }
  done_orders_ = trials;
  if (rows.count > 0) recorder.append(order_group_, rows);
  flush_models(recorder);
}

void LearningExperiment::store_state(Recorder& recorder) {
  for (std::size_t m = 0; m < models_.size(); ++m) {
    if (!groups_[m].state) groups_[m].state = recorder.add_state(models_[m]->tables().state);
    recorder.put_state(*groups_[m].state, models_[m]->state());
  }
}

void LearningExperiment::commit(Recorder& recorder, std::size_t trials) {
  store_state(recorder);
  flush(recorder, trials);
  recorder.commit(trials);
}

void LearningExperiment::end(Recorder& recorder, std::size_t trials, const std::string& status) {
  if (status != "diverged") {
    // in a block that was given up, some models are ahead, and have no weights of these trials
    for (auto& model : models_) {
      if (model->trials_done() == trials) model->finish();
    }
  }
  flush(recorder, trials);
  double largest = 0;
  for (const auto& model : models_) largest = std::max(largest, model->largest_loss());
  for (std::size_t m = 0; m < models_.size(); ++m) {
    const std::string path = fmt::format("/models/{}", models_[m]->config().name);
    if (largest > 0) recorder.fill_ratio(groups_[m].eval, "nse", "train_loss", largest);
    recorder.set_attribute(path, "status", status);
    recorder.set_attribute(path, "diverged_trials", static_cast<std::int64_t>(models_[m]->diverged_trials()));
    if (status != "interrupted" && groups_[m].state) recorder.drop_state(*groups_[m].state);
  }
  recorder.finish(status, trials);
}

}  // namespace dynvert
