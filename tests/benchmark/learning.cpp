// Learning as in examples/mnist_classification.toml and examples/mnist_autoencoder.toml: forward pass, credit, what the
// learning group records of every trial, weight change.

#include "mnist.hpp"
#include "sections.hpp"

#include <functional>
#include <memory>

namespace dynvert::benchmarks {

namespace {

using Rule = LearningBaseline::Rule;
using Update = LearningBaseline::Update;

/// Made when it is first used, and kept.
template <typename T>
class Lazy {
 public:
  explicit Lazy(std::function<T()> make) : make_(std::move(make)) {}
  const T& operator()() {
    if (!value_) value_ = std::make_unique<T>(make_());
    return *value_;
  }

 private:
  std::function<T()> make_;
  std::unique_ptr<T> value_;
};
using Example = std::shared_ptr<Lazy<MnistExample>>;

Example example(std::string name, std::size_t samples, std::vector<std::string> sets = {}) {
  return std::make_shared<Lazy<MnistExample>>([=] { return MnistExample(name, samples, sets); });
}

/// An iteration shows `trials` trials, and the next ones the samples after them.
Body learning(Example example, std::string model, std::size_t trials) {
  return [=](benchmark::State& state) {
    const MnistExample& e = (*example)();
    ModelTrainer run = e.run(model);
    std::size_t first = 0;
    for (auto _ : state) {
      const std::size_t at = first % (e.x().size() / trials * trials);
      run.run_trials(first, std::span(e.x()).subspan(at, trials), std::span(e.t()).subspan(at, trials));
      run.rows().learning.clear();
      first += trials;
    }
    if (run.diverged_trials() > 0) state.SkipWithError("a trial diverged");
  };
}

/// An iteration shows so many samples of a batch, or so many batches of one.
Body paper(Example example, std::string model, Rule rule, std::size_t samples, Update update = Update::published) {
  return [=](benchmark::State& state) {
    const MnistExample& e = (*example)();
    LearningBaseline baseline = e.baseline(model, rule, update);
    const std::size_t batch = e.x().front().n_cols;
    std::size_t trial = 0;
    if (batch > samples) baseline.begin_batch();
    for (auto _ : state) {
      if (batch > samples) {
        // a loop in full takes so long that one sample of a batch stands for all: they share nothing
        for (std::size_t c = 0; c < samples; ++c) baseline.show(e.x()[0].colptr(c), e.t()[0].colptr(c));
        continue;
      }
      for (std::size_t shown = 0; shown < samples; shown += batch, ++trial) {
        const arma::mat& x = e.x()[trial % e.x().size()];
        const arma::mat& t = e.t()[trial % e.x().size()];
        if (batch > 1) baseline.begin_batch();
        for (std::size_t c = 0; c < batch; ++c) baseline.show(x.colptr(c), t.colptr(c));
        if (batch > 1) baseline.end_batch();
      }
    }
  };
}

/// An iteration shows a batch.
Body by_batches(Example example, std::string model) {
  return [=](benchmark::State& state) {
    const MnistExample& e = (*example)();
    BatchBaseline baseline = e.batch_baseline(model);
    std::size_t trial = 0;
    for (auto _ : state) {
      baseline.show(e.x()[trial % e.x().size()], e.t()[trial % e.x().size()]);
      ++trial;
    }
  };
}

}  // namespace

void add_classification(Table& table) {
  constexpr std::size_t trials = 64;
  const Example plain = example("mnist_classification", 640);
  const Example steady = example("mnist_classification", 640, {"model.DI_tanh.solver=fixed_point"});
  const std::string title = "784-1000-10, a sample: ";
  const auto reference = [&](const std::string& model, Rule rule, std::size_t samples) {
    const std::string name = title + model + ", baseline";
    table.add({.name = name, .items = samples}, paper(plain, model, rule, samples));
    table.add({.name = name + " with weights changed in place", .against = name, .items = samples},
              paper(plain, model, rule, samples, Update::in_place));
    return name;
  };
  const auto row = [&](const std::string& name, const Example& of, const std::string& model, const std::string& against,
                       Bar bar) {
    table.add({.name = title + name, .against = against, .bar = bar, .items = trials}, learning(of, model, trials));
  };
  row("BP", plain, "BP", reference("BP", Rule::backprop, 8), {});
  row("FA", plain, "FA", reference("FA", Rule::feedback_alignment, 8), {});
  row("PBP", plain, "PBP", reference("PBP", Rule::pseudo_backprop, 8), {});
  row("NDI", plain, "NDI", reference("NDI", Rule::steady_state, 8), at_least(40));
  // as many trials as an experiment hands over at a time: then W1 changes its precision
  constexpr std::size_t all = 640;
  const Example single = example("mnist_classification", all, {"learning.precision=single"});
  for (const char* model : {"BP", "NDI"}) {
    table.add({.name = title + model + ", W1 in single precision",
               .against = title + model + ", baseline",
               .items = all,
               .iterations = 2},
              learning(single, model, all));
  }
  row("DI, linear transfer", plain, "DI", reference("DI", Rule::inversion, 4), at_least(70));
  const std::string full = reference("DI_tanh", Rule::nonlinear_inversion, 2);
  row("DI, tanh, in full", plain, "DI_tanh", full, at_least(5));
  row("DI, tanh, to its steady state", steady, "DI_tanh", full, at_least(100));
}

void add_autoencoder(Table& table) {
  constexpr std::size_t batch = 100;
  const Example plain = example("mnist_autoencoder", 4 * batch);
  const std::string title = "784-500-250-30-250-500-784, a sample of batches of 100: ";
  const auto add = [&](const std::string& name, const std::string& model, Rule rule, std::size_t samples, Bar bar,
                       std::size_t iterations) {
    const std::string reference = title + model + ", baseline";
    table.add({.name = reference, .items = samples, .iterations = iterations}, paper(plain, model, rule, samples));
    table.add({.name = title + name, .against = reference, .bar = bar, .items = batch, .iterations = iterations},
              learning(plain, model, 1));
  };
  add("BP", "BP", Rule::backprop, batch, {}, 4);
  add("NDI", "NDI", Rule::steady_state, batch, at_least(2.5), 4);
  table.add({.name = title + "NDI, baseline by matrix-matrix products",
             .against = title + "NDI, baseline",
             .items = batch,
             .iterations = 4},
            by_batches(plain, "NDI"));
  add("DI, linear transfer", "DI", Rule::inversion, 1, at_least(5), 1);
}

}  // namespace dynvert::benchmarks
