#include "mnist.hpp"

#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/registry.hpp>
#include <dynvert/sim/tasks/task.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/initial_network.hpp>

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace dynvert::benchmarks {

namespace {

const char* mnist_folder() { return std::getenv("DYNVERT_MNIST"); }

Config load(const std::string& example, std::size_t samples, const std::vector<std::string>& more) {
  std::vector<std::string> sets{"task.samples=" + std::to_string(samples), "task.test_samples=0",
                                "record.unsettled_limit=0", "record.evaluate_every=1000000000"};
  if (mnist_folder() != nullptr) sets.push_back("task.path=" + std::string(mnist_folder()));
  sets.insert(sets.end(), more.begin(), more.end());
  return load_config(DYNVERT_SOURCE_DIR "/examples/" + example + ".toml", sets, std::nullopt, 1, config_registry());
}

/// A fifth of the pixels are not 0, as in MNIST.
TaskData synthetic(const Config& config) {
  arma::arma_rng::set_seed(1);
  const arma::mat ink(784, config.task.samples, arma::fill::randu);
  std::vector<std::uint8_t> pixels(ink.n_elem);
  std::ranges::transform(ink, pixels.begin(),
                         [](double v) { return static_cast<std::uint8_t>(v < 0.8 ? 0 : 255 * 5 * (v - 0.8)); });
  std::vector<std::uint32_t> classes(config.task.samples);
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::uint32_t>(i % 10);
  TaskData data;
  data.train.x = SampleTable::bytes(784, std::move(pixels));
  scale_inputs(config.task, data);
  data.train.t =
      config.task.kind == "mnist_classification" ? SampleTable::classes(10, std::move(classes)) : data.train.x;
  return data;
}

}  // namespace

std::string mnist_source() { return mnist_folder() != nullptr ? "MNIST" : "synthetic inputs of MNIST's shape"; }

MnistExample::MnistExample(const std::string& example, std::size_t samples, const std::vector<std::string>& sets)
    : config_(load(example, samples, sets)),
      data_((mnist_folder() != nullptr ? task_kind(config_.task.kind).make(config_) : synthetic(config_)).train),
      network_(initial_network(config_)),
      evaluators_(std::make_unique<Evaluators>(Evaluators{.train = LossEvaluator(data_, network_)})) {
  const std::size_t batch = config_.learning.batch;
  std::vector<std::size_t> numbers(batch);
  for (std::size_t first = 0; first + batch <= samples; first += batch) {
    std::iota(numbers.begin(), numbers.end(), first);
    data_.x.gather(numbers, x_.emplace_back());
    data_.t.gather(numbers, t_.emplace_back());
  }
}

const ModelConfig& MnistExample::model(const std::string& name) const {
  return *std::ranges::find(config_.models, name, &ModelConfig::name);
}

ModelTrainer MnistExample::run(const std::string& name) const { return {config_, model(name), network_, *evaluators_}; }

LearningBaseline MnistExample::baseline(const std::string& name, LearningBaseline::Rule rule,
                                        LearningBaseline::Update update) const {
  const bool has_feedback = credit_model(model(name).credit).feedback != nullptr;
  return {network_,
          has_feedback ? make_feedback(config_, model(name), network_) : Feedback(network_.depth() + 1),
          rule,
          {.eta = config_.learning.rate,
           .lambda = config_.learning.decay,
           .batches = config_.learning.batch > 1,
           .update = update}};
}

BatchBaseline MnistExample::batch_baseline(const std::string& name) const {
  return {network_, make_feedback(config_, model(name), network_), config_.learning.rate, config_.learning.decay};
}

}  // namespace dynvert::benchmarks
