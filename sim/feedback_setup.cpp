#include <dynvert/analysis/stabilise.hpp>
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

arma::mat stabilised_feedback(const ModelConfig& model, const Loop& loop, RightHandSide& f) {
  const Projection& projection = loop.circuit.projections()[loop.feedback];
  const FeedbackBlock block{.row = f.layout().variable_offset(projection.target),
                            .column = f.layout().variable_offset(projection.source),
                            .scale = 1 / loop.circuit.populations()[projection.target].tau};
  const Stabilised result = stabilise(f.jacobian(State(f.layout().size()), 0), f.weights(loop.feedback), block,
                                      {.margin = model.feedback.margin});
  if (!result.reached) {
    throw NumericalError(
        fmt::format("model {}, {}: stabilisation", model.name, loop.name),
        fmt::format("the spectral abscissa could not be brought below {:g}: {}", model.feedback.margin, result.reason),
        "a larger alpha, a margin nearer to 0, or another half_width");
  }
  return result.B;
}

}  // namespace dynvert
