// Tasks with data of their own or of the user's: digits, dataset, MNIST; test sets, accuracy, and what the file says.

#include "support/configure.hpp"
#include "support/memory_recorder.hpp"
#include "support/samples.hpp"
#include "support/temporary_folder.hpp"

#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/learning_blocks.hpp>
#include <dynvert/sim/experiment/learning_experiment.hpp>
#include <dynvert/sim/platform/checksum.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/trial/initial_network.hpp>
#include <dynvert/sim/trial/model_credit.hpp>

#include <fmt/format.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace dynvert;
using namespace dynvert::test;
using Catch::Matchers::Contains;

namespace {

const std::string digits_task = R"(
[experiment]
epochs = 2
[task]
kind = "digits"
samples = 200
test_samples = 50
[network]
layers = [256, 20, 10]
activation = "tanh"
output = "softmax"
bias = true
[learning]
rate = 0.002
[record]
evaluate_every = 200
[[model]]
name = "BP"
credit = "backprop"
)";

bool equal(const SampleTable& a, const SampleTable& b) { return arma::approx_equal(all(a), all(b), "absdiff", 0); }

/// A small data set of two classes on a line, in HDF5.
std::string write_dataset(const TemporaryFolder& folder, const std::string& name = "mine.h5",
                          const std::vector<double>& labels = {0, 0, 1, 1}) {
  const std::string path = folder / name;
  const Axis sample{"sample", {0, 1, 2, 3}, true, "1", ""}, input{"input", {0, 1}, true, "1", ""};
  RunFile file = RunFile::create(path, {}, {});
  for (const std::string group : {"/train", "/test"}) {
    file.write_once(group, {sample, input}, {"x", ValueType::real, {}, "1", "", ""},
                    std::vector<double>{1, 0, 2, 0, -1, 0, -2, 0});
    file.write_once(group, {sample, input}, {"t", ValueType::real, {}, "1", "", ""},
                    std::vector<double>{1, 1, 2, 2, -1, -1, -2, -2});
    file.write_once(group, {sample}, {"labels", ValueType::integer, {}, "1", "", ""}, labels);
  }
  file.finish("complete");
  return path;
}

const std::string own_task = R"(
[experiment]
epochs = 3
[task]
kind = "dataset"
path = "mine.h5"
group = "/train"
[network]
layers = [2, 3, 2]
init = { kind = "uniform", half_width = 0.5 }
[learning]
rate = 0.05
[[model]]
name = "BP"
credit = "backprop"
)";

/// Where MNIST may lie beside a checkout; none: the tests of it have nothing to run on.
std::string mnist_folder() {
  const std::string folder = std::string(DYNVERT_SOURCE_DIR) + "/../shared/data/mnist";
  return std::filesystem::is_directory(folder) ? folder : "";
}

}  // namespace

TEST_CASE("digits are a function of the seed, balanced, and scaled by the training set's moments") {
  const Config config = configure(digits_task);
  const TaskData data = task_kind("digits").make(config);
  CHECK(equal(data.train.x, task_kind("digits").make(config).train.x));
  CHECK_FALSE(equal(data.train.x, task_kind("digits").make(configure(digits_task, {"experiment.seed=1"})).train.x));
  CHECK(data.train.samples() == 200);
  CHECK(data.test->samples() == 50);
  const arma::mat x = all(data.train.x);
  // rounding of a sum of 51,200 numbers of size 1
  CHECK(std::abs(arma::mean(arma::vectorise(x))) < 1e-12);
  CHECK(arma::stddev(arma::vectorise(x), 1) == Approx(1).epsilon(1e-12));
  CHECK(arma::approx_equal(arma::sum(all(data.train.t), 1), arma::vec(10, arma::fill::value(20.0)), "absdiff", 0));
  // the first samples do not depend on how many there are, but for the scale
  const TaskData more = task_kind("digits").make(configure(digits_task, {"task.samples=300", "task.scaling=none"}));
  const TaskData fewer = task_kind("digits").make(configure(digits_task, {"task.scaling=none"}));
  CHECK(arma::approx_equal(all(more.train.x).head_cols(200), all(fewer.train.x), "absdiff", 0));
}

TEST_CASE("digits can be learned, and the file says how well") {
  MemoryRecorder recorder;
  LearningExperiment(configure(digits_task, {"task.samples=400", "experiment.epochs=4", "learning.rate=0.01"}))
      .run(recorder, {});
  for (const char* name : {"train_accuracy", "test_accuracy"}) {
    const auto& accuracy = recorder.data.at(fmt::format("/models/BP/eval/{}", name));
    REQUIRE(accuracy.size() == 9);
    CHECK(accuracy.front() < 0.35);  // ten classes, nothing learned
    CHECK(accuracy.back() > 0.8);    // seen: 1.0 and 0.92
  }
  CHECK(recorder.data.at("/models/BP/eval/test_loss").back() < recorder.data.at("/models/BP/eval/test_loss").front());
  CHECK(recorder.data.at("/task/x").size() == 400 * 256);
  CHECK(std::get<std::string>(recorder.attributes.at("/task:kind")) == "digits");
}

TEST_CASE("the scores are those of the definition, by hand") {
  const Config config = configure(digits_task);
  const TaskData data = task_kind("digits").make(config);
  Config wide = config;
  wide.network.init.half_width = 0.2;
  const Network network = initial_network(wide);
  const Score score = LossEvaluator(data.train, network).score(network);
  double loss = 0, right = 0;
  const arma::mat x = all(data.train.x), t = all(data.train.t);
  for (arma::uword i = 0; i < x.n_cols; ++i) {
    const arma::vec h = arma::tanh(network.W[1] * x.col(i) + network.b[1]);
    const arma::vec a = network.W[2] * h + network.b[2];
    const arma::vec y = arma::exp(a) / arma::accu(arma::exp(a));
    loss -= arma::dot(t.col(i), arma::log(y));
    if (y.index_max() == t.col(i).index_max()) ++right;
  }
  CHECK(score.loss == Approx(loss).epsilon(1e-12));
  CHECK(score.accuracy.value() == right / 200);
  Network broken = network;
  broken.b[2](3) = arma::datum::nan;
  CHECK(LossEvaluator(data.train, broken).score(broken).accuracy.value() == 0);
}

TEST_CASE("dataset: samples are counted in the file, values and classes, a test set in another group") {
  const TemporaryFolder folder;
  const std::string path = write_dataset(folder);
  const std::string file = folder / "test.toml";
  const Config values = configure(own_task, {}, file);
  CHECK(values.task.path == path);
  CHECK(values.task.samples == 4);
  CHECK(values.task.test_samples == 0);
  CHECK(values.trials == 12);
  // the resolved text is a configuration of its own
  Config again = configure(values.resolved, {}, file);
  CHECK(again == values);

  MemoryRecorder recorder;
  LearningExperiment(values).run(recorder, {});
  CHECK(recorder.data.count("/task/x") == 0);
  CHECK(recorder.data.count("/models/BP/eval/test_loss") == 0);
  CHECK(recorder.data.at("/task/order").size() == 12);
  CHECK(std::get<std::string>(recorder.attributes.at("/task:inputs_path")) == path);
  CHECK(std::get<std::string>(recorder.attributes.at("/task:inputs_sha256")) == file_sha256(path));
  CHECK(std::get<std::string>(recorder.attributes.at("/task:group")) == "/train");
  CHECK(recorder.data.at("/models/BP/eval/train_loss").back() < recorder.data.at("/models/BP/eval/train_loss").front());

  const Config classes =
      configure(own_task, {"task.targets=classes", "task.test_group=/test", "network.output=softmax"}, file);
  CHECK(classes.task.test_samples == 4);
  MemoryRecorder scored;
  LearningExperiment(classes).run(scored, {});
  CHECK(scored.data.at("/models/BP/eval/test_accuracy").back() == 1);

  const auto fault = [&](const std::vector<std::string>& sets) {
    try {
      static_cast<void>(LearningExperiment(configure(own_task, sets, file)));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("none");
  };
  write_dataset(folder, "from_one.h5", {1, 2, 2, 1});
  CHECK_THAT(fault({"task.path=from_one.h5", "task.targets=classes", "network.layers=[2, 3, 3]"}),
             Contains("has labels from 1 to 2, and none is 0") && Contains("a network with 2 outputs"));
  CHECK_THAT(fault({"task.path=none.h5"}), Contains("none.h5: cannot be opened: No such file"));
  CHECK_THAT(fault({"task.path=''"}), Contains("task.path: is missing"));
  CHECK_THAT(fault({"task.samples=5"}), Contains("holds 4 samples, but 5 were requested"));
  CHECK_THAT(fault({"network.layers=[3, 3, 2]"}), Contains("expected 3 values per sample (inputs of the network)"));
  CHECK_THAT(fault({"task.scaling=unit"}), Contains("the inputs are not bytes"));
  CHECK_THAT(fault({"task.test_samples=2"}), Contains("there is no test set"));
  CHECK_THAT(fault({"task.test_targets_path=a"}), Contains("does not apply with an HDF5 file"));
  CHECK_THAT(fault({"task.targets_path=a"}),
             Contains("is an HDF5 file, not an IDX file") && Contains("targets_path left out"));
  CHECK_THAT(fault({"task.test_group=test"}), Contains("a group of the file, from /"));
}

TEST_CASE("mnist: a wrong path says where the data are to be had, a wrong network what it must be") {
  const std::string text = R"(
[experiment]
epochs = 1
[task]
kind = "mnist_classification"
path = "nowhere"
[network]
layers = [784, 5, 10]
output = "softmax"
[learning]
rate = 1e-3
[[model]]
name = "BP"
credit = "backprop"
)";
  const Config config = configure(text);
  CHECK(config.trials == 60'000);
  CHECK(config.task.scaling == "standardised");
  CHECK_THROWS_WITH(LearningExperiment(config),
                    Contains("nowhere: there is no such folder") && Contains("yann.lecun.com") && Contains("digits"));
  CHECK_THROWS_WITH(configure(text, {"network.layers=[30, 5, 10]"}),
                    Contains("task.kind = \"mnist_classification\" has 784 inputs"));
  CHECK_THROWS_WITH(configure(text, {"task.kind=mnist_autoencoder", "network.output=linear"}),
                    Contains("has 784 outputs"));
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(LearningExperiment(configure(text, {"task.path=" + folder.path().string()})),
                    Contains("holds neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"));
  // what it would take is known without the data: 70,000 images of bytes, not of reals
  CHECK(estimate(config).memory_bytes < 200'000'000);
}

TEST_CASE("mnist: pixels, labels and moments, where the data are there") {
  const std::string folder = mnist_folder();
  if (folder.empty()) {
    WARN("skipped: no ../shared/data/mnist beside the checkout");
    return;
  }
  Config config;
  config.task.path = folder;
  config.task.samples = 60'000;
  config.task.test_samples = 10'000;
  config.task.scaling = "standardised";
  const TaskData data = task_kind("mnist_classification").make(config);
  const auto attribute = [&](const std::string& name) {
    return std::ranges::find(data.attributes, name, &Attribute::name)->value;
  };
  // the mean and deviation that everybody quotes, 0.1307 and 0.3081 of 255
  CHECK(std::get<double>(attribute("input_mean")) / 255 == Approx(0.1307).epsilon(1e-3));
  CHECK(std::get<double>(attribute("input_deviation")) / 255 == Approx(0.3081).epsilon(1e-3));
  CHECK(data.train.samples() == 60'000);
  CHECK(data.test->samples() == 10'000);
  // how many ones there are, whatever order the copy is in
  CHECK(std::ranges::count(data.train.t.class_numbers(), 1U) == 6742);
  CHECK(std::ranges::count(data.test->t.class_numbers(), 1U) == 1135);
  config.task.scaling = "unit";
  config.task.samples = 10;
  const TaskData images = task_kind("mnist_autoencoder").make(config);
  CHECK(equal(images.train.x, images.train.t));
  CHECK(all(images.train.x).max() == 1);
  CHECK(all(images.train.x).min() == 0);
}

TEST_CASE("orthogonal weights are orthogonal, whichever side is longer, and scaled by the gain") {
  Config config =
      configure(digits_task, {"network.init={ kind = 'orthogonal', gain = 2.0 }", "network.layers=[256, 20, 40, 10]"});
  const Network network = initial_network(config);
  for (std::size_t l = 1; l <= 3; ++l) {
    const arma::mat& W = network.W[l];
    const arma::mat gram = W.n_rows < W.n_cols ? arma::mat(W * W.t()) : arma::mat(W.t() * W);
    // rounding of sums of 256 products
    CHECK(arma::approx_equal(gram, 4 * arma::eye(arma::size(gram)), "absdiff", 1e-13));
    CHECK(network.b[l].is_zero());
  }
  CHECK(arma::approx_equal(initial_network(config).W[1], network.W[1], "absdiff", 0));
}

TEST_CASE("learning in blocks equals plain learning, whatever is recorded and however trials are dealt out") {
  // 256 x 200 weights are enough for blocks; 100 samples and 3 epochs end within a block
  const std::vector<std::string> large{"network.layers=[256, 200, 10]", "task.samples=100", "experiment.epochs=3",
                                       "network.init.half_width=0.05"};
  const auto run = [&](std::vector<std::string> sets, const std::string& more = "") {
    sets.insert(sets.begin(), large.begin(), large.end());
    MemoryRecorder recorder;
    const Config config = configure(digits_task + more, sets);
    CHECK(learns_in_blocks(config, config.models[0]) == (config.fast == "auto"));
    LearningExperiment(config).run(recorder, {});
    return recorder;
  };
  const std::string ndi = "[[model]]\nname = \"NDI\"\ncredit = \"sequential_inversion\"\nsolver = \"fixed_point\"\n";
  const MemoryRecorder fast = run({}, ndi), plain = run({"experiment.fast=off"}, ndi);
  for (const char* model : {"BP", "NDI"}) {
    for (const char* name : {"W1", "W2", "b1", "b2"}) {
      const auto& a = fast.data.at(fmt::format("/models/{}/weights/{}", model, name));
      const auto& b = plain.data.at(fmt::format("/models/{}/weights/{}", model, name));
      REQUIRE(a.size() == b.size());
      double difference = 0, size = 0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        difference = std::max(difference, std::abs(a[i] - b[i]));
        size = std::max(size, std::abs(b[i]));
      }
      // rounding of one trial, 1e-14 of sums of 256 products, carried through 300 trials
      CHECK(difference < 1e-12 * std::max(1.0, size));
    }
    CHECK(fast.attributes.count(fmt::format("/models/{}:fast_form", model)) == 1);
    CHECK(plain.attributes.count(fmt::format("/models/{}:fast_form", model)) == 0);
  }
  // looking at the weights in the middle of a block changes no bit of what follows
  const MemoryRecorder looked = run({"record.evaluate_every=7", "record.weights_every=5"}, ndi);
  const auto final_weights = [](const MemoryRecorder& recorder) {
    const auto& w = recorder.data.at("/models/BP/weights/W1");
    return std::vector<double>(w.end() - 256 * 200, w.end());
  };
  CHECK(final_weights(looked) == final_weights(fast));
  CHECK(looked.data.at("/models/BP/learning/trial_error") == fast.data.at("/models/BP/learning/trial_error"));
  // and what is seen there is what plain learning has: the snapshot after 5 trials
  const auto snapshot = [](const MemoryRecorder& recorder) {
    const auto& w = recorder.data.at("/models/BP/weights/W1");
    return arma::vec(std::vector<double>(w.begin() + 256 * 200, w.begin() + 2 * 256 * 200));
  };
  const MemoryRecorder plainly = run({"record.weights_every=5", "experiment.fast=off"}, ndi);
  CHECK(arma::abs(snapshot(looked) - snapshot(plainly)).max() < 1e-13);
}

TEST_CASE("the first layer in single precision: as in double but for 24 bits, the same bits whatever is looked at") {
  const auto run = [&](std::vector<std::string> sets) {
    const std::vector<std::string> large{"network.layers=[256, 200, 10]", "task.samples=100", "experiment.epochs=3",
                                         "network.init.half_width=0.05"};
    sets.insert(sets.begin(), large.begin(), large.end());
    MemoryRecorder recorder;
    LearningExperiment(configure(digits_task, sets)).run(recorder, {});
    return recorder;
  };
  const auto weights = [](const MemoryRecorder& recorder, const char* name, std::size_t size) {
    const auto& w = recorder.data.at(fmt::format("/models/BP/weights/{}", name));
    return arma::vec(std::vector<double>(w.end() - static_cast<std::ptrdiff_t>(size), w.end()));
  };
  const std::string single = "learning.precision=single";
  const MemoryRecorder wide = run({}), narrow = run({single});
  for (const auto& [name, size] : {std::pair{"W1", std::size_t{256 * 200}}, std::pair{"W2", std::size_t{2000}}}) {
    const arma::vec a = weights(wide, name, size), b = weights(narrow, name, size);
    // a block's error, 1e-6 of its drives, carried through ten blocks of a learning that forgets none
    CHECK(arma::norm(a - b) < 1e-4 * arma::norm(a));
    CHECK(arma::norm(a - b) > 0);
  }
  const arma::vec W1 = weights(narrow, "W1", 256 * 200);
  CHECK(arma::all(W1 == arma::conv_to<arma::vec>::from(arma::conv_to<arma::fvec>::from(W1))));
  CHECK(std::get<std::string>(narrow.attributes.at("/models/BP:fast_form")).find("single") != std::string::npos);
  // in the middle of a block, and of what is handed over at a time
  const MemoryRecorder looked = run({single, "record.evaluate_every=7", "record.weights_every=5"});
  CHECK(arma::all(weights(looked, "W1", 256 * 200) == W1));
  CHECK(looked.data.at("/models/BP/learning/trial_error") == narrow.data.at("/models/BP/learning/trial_error"));
}

TEST_CASE("what single precision cannot hold is refused, or a fault of its trial, and never in the weights") {
  const std::string large = "network.layers=[256, 200, 10]", single = "learning.precision=single";
  const std::string text = digits_task.substr(0, digits_task.find("[[model]]")) +
                           "[[model]]\nname = \"NDI\"\ncredit = \"sequential_inversion\"\nsolver = \"fixed_point\"\n"
                           "on_divergence = \"skip\"\n";
  const auto run = [&](const std::string& set, const std::string& precision) {
    MemoryRecorder recorder;
    LearningExperiment(configure(text, {large, "task.samples=100", precision, set})).run(recorder, {});
    return recorder;
  };
  const auto finite = [](const MemoryRecorder& recorder, const std::string& name) {
    return std::ranges::all_of(recorder.data.at(name), [](double v) { return std::isfinite(v); });
  };
  // float32 ends at 3.4e38
  for (const std::string set : {"learning.rate=1e39", "learning.rate=1e32"}) {
    const MemoryRecorder recorder = run(set, single);
    const auto& faults = recorder.data.at("/models/NDI/learning/fault");
    CHECK(std::ranges::count(faults, static_cast<double>(Fault::update)) == static_cast<std::ptrdiff_t>(faults.size()));
    CHECK(finite(recorder, "/models/NDI/weights/W1"));
  }
  CHECK(std::ranges::count(run("learning.rate=1e32", "learning.precision=double").data.at("/models/NDI/learning/fault"),
                           static_cast<double>(Fault::update)) == 0);
  CHECK_THROWS_AS(run("network.init.half_width=1e39", single), ValueError);
}
