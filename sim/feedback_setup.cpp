#include <dynvert/models/error.hpp>
#include <dynvert/models/feedback.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/feedback_setup.hpp>
#include <dynvert/sim/io_error.hpp>
#include <dynvert/sim/weights_file.hpp>

#include <fmt/format.h>

namespace dynvert {

Feedback make_feedback(const Config& config, const ModelConfig& model, const Network& network) {
  Feedback feedback(network.depth() + 1);
  // what the stabiliser starts from is random feedback
  const std::string_view kind = model.feedback.kind == "optimised" ? "random" : std::string_view(model.feedback.kind);
  const FeedbackFormula* formula = find_feedback_formula(kind);
  for (std::size_t l = 2; l <= network.depth(); ++l) {
    if (formula == nullptr) {
      const std::string name = fmt::format("B{}", l);
      auto B = read_matrix(model.feedback.path, model.feedback.group, name, network.units[l - 1], network.units[l],
                           fmt::format("units of layer {} x units of layer {}", l - 1, l));
      if (!B) {
        throw IoError(fmt::format("{}:{}", model.feedback.path, model.feedback.group),
                      fmt::format("has no dataset {}", name),
                      "feedback of kind \"file\" needs B2, B3, .. of the network's layers");
      }
      feedback[l] = std::move(*B);
      continue;
    }
    RandomStream random(config.seed, fmt::format("feedback {}", l));
    const double scale = formula->uses_half_width ? model.feedback.half_width : model.feedback.gain;
    feedback[l] = formula->make(network.W[l], scale, random);
  }
  return feedback;
}

arma::mat stabilised_feedback(const ModelConfig&, const Loop& loop, RightHandSide& f) {
  return f.weights(loop.feedback);
}

}  // namespace dynvert
