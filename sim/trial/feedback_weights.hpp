#pragma once

/// Feedback weights of a model as its configuration asks for them. A kind of feedback is an entry of feedback_kinds():
/// a formula of models/network/feedback.hpp, or a function of feedback_weights.cpp with a line in its list.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/sim/config/config.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert {

/// What B of a path is made from.
struct FeedbackSource {
  const Config& config;
  const FeedbackConfig& options;  ///< of the model
  const FeedbackPath& path;
  const Network& network;
};

struct FeedbackKind {
  std::string_view name;
  std::string_view summary;                ///< one line for people
  std::vector<std::string> keys = {};      ///< the common keys of [feedback] that it uses
  std::vector<Parameter> parameters = {};  ///< keys of [feedback] that it declares itself
  bool reads_file = false;                 ///< feedback.path
  bool stabilised = false;                 ///< B is where the stabiliser starts from: see stabilised_feedback
  /// B, n_bottom x n_top
  std::function<arma::mat(const FeedbackSource&)> make = nullptr;
};

/// In the order in which they are listed to people.
[[nodiscard]] std::span<const FeedbackKind> feedback_kinds();
/// @throws ValueError naming the known kinds
[[nodiscard]] const FeedbackKind& feedback_kind(std::string_view name);

/// B of each path of the model; of a kind that is stabilised, before that. Random draws depend on the seed and the path
/// alone, so that models with the same kind and width have the same B.
/// @throws IoError  a kind that reads a file
[[nodiscard]] Feedback make_feedback(const Config& config, const ModelConfig& model, const Network& network);

/// B of the loop after stabilisation, at zero state, from the weights that f holds now.
/// @throws NumericalError  the spectral abscissa could not be brought below feedback.margin
[[nodiscard]] arma::mat stabilised_feedback(const ModelConfig& model, const Stage& stage, const ControlLoop& loop,
                                            RightHandSide& f);

}  // namespace dynvert
