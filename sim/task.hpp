#pragma once

/// Tasks: where samples come from, and the order in which they are shown. A new task is one file with one function and
/// one line in task.cpp.

#include <dynvert/sim/config.hpp>

#include <armadillo>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace dynvert {

/// A data set; columns are samples.
struct Dataset {
  arma::mat x;  ///< n_0 x samples
  arma::mat t;  ///< n_L x samples, the targets
};

struct TaskKind {
  std::string_view name;
  std::span<const std::string_view> keys;  ///< the keys of [task] that it uses, besides kind, inputs and outputs
  double teacher_half_width = 1;           ///< its default of that key, where it uses it
  Dataset (*make)(const Config& config) = nullptr;
};

[[nodiscard]] std::span<const TaskKind> task_kinds();
/// @throws ValueError naming the known tasks
[[nodiscard]] const TaskKind& task_kind(std::string_view name);

/// A linear teacher (Podlaski & Machens 2020, figure 3a-f): t = T x, T ~ U(-w, w) n_L x n_0, x ~ N(0, 1).
[[nodiscard]] Dataset linear_teacher(const Config& config);

/// A teacher network of the student's shape and activations (Podlaski & Machens 2020, figure 3g-k): t its output, all
/// its weights and biases ~ U(-w, w), x ~ N(0, 1).
[[nodiscard]] Dataset tanh_teacher(const Config& config);

/// Which samples a trial shows: each epoch a new permutation of all samples, cut into batches (the last may be
/// shorter). A function of seed, epoch and trial alone.
class SampleOrder {
 public:
  SampleOrder(std::uint64_t seed, std::size_t samples, std::size_t batch);

  [[nodiscard]] std::size_t trials_per_epoch() const noexcept { return (samples_ + batch_ - 1) / batch_; }
  /// the samples of a trial
  [[nodiscard]] std::span<const std::size_t> samples(std::size_t trial);

 private:
  std::uint64_t seed_;
  std::size_t samples_, batch_;
  std::size_t epoch_;
  std::vector<std::size_t> order_;
};

}  // namespace dynvert
