#pragma once

/// Networks and samples of the MNIST examples.

#include "baseline.hpp"
#include "baseline_batch.hpp"

#include <dynvert/sim/config/config.hpp>
#include <dynvert/sim/experiment/model_trainer.hpp>
#include <dynvert/sim/tasks/dataset.hpp>

#include <memory>
#include <string>
#include <vector>

namespace dynvert::benchmarks {

/// "MNIST", or "synthetic inputs of MNIST's shape": the environment variable DYNVERT_MNIST names the folder with MNIST.
[[nodiscard]] std::string mnist_source();

/// An example with the first `samples` images, evaluated on these alone, nothing traced: what a trial of it costs.
/// @param example  "mnist_classification"
class MnistExample {
 public:
  MnistExample(const std::string& example, std::size_t samples, const std::vector<std::string>& sets = {});

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const Dataset& data() const { return data_; }
  [[nodiscard]] const ModelConfig& model(const std::string& name) const;
  [[nodiscard]] ModelTrainer run(const std::string& name) const;
  [[nodiscard]] LearningBaseline baseline(const std::string& name, LearningBaseline::Rule rule,
                                          LearningBaseline::Update update) const;
  /// NDI of a model
  [[nodiscard]] BatchBaseline batch_baseline(const std::string& name) const;
  /// The samples in batches, as trials show them.
  [[nodiscard]] const std::vector<arma::mat>& x() const { return x_; }
  [[nodiscard]] const std::vector<arma::mat>& t() const { return t_; }

 private:
  Config config_;
  Dataset data_;
  Network network_;
  std::unique_ptr<Evaluators> evaluators_;
  std::vector<arma::mat> x_, t_;
};

}  // namespace dynvert::benchmarks
