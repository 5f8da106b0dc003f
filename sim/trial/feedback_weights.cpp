#include <dynvert/analysis/stabilise.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/network/feedback.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/config/model_credit.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/weights_file.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

arma::mat from_formula(const FeedbackFormula& formula, const FeedbackConfig& options, std::uint64_t seed,
                       std::string_view name, const arma::mat& W) {
  RandomStream random(seed, fmt::format("feedback {}", name));
  return formula.make(W, formula.uses_half_width ? options.half_width : options.gain, options.parameters, random);
}

/// The name under which a path's matrix is drawn: a path of one layer has that of the layer, so that sequential models,
/// products and alignment share their draws.
std::string draw_name(const FeedbackPath& path) {
  if (path.top == path.bottom + 1) return fmt::format("{}", path.top);
  return fmt::format("{} to {}", path.top, path.bottom);
}

arma::mat product(const Config& config, const FeedbackConfig& options, const FeedbackPath& path,
                  const Network& network) {
  const FeedbackFormula& formula = *find_feedback_formula(options.factor);
  arma::mat B;
  double sign = -1;
  for (std::size_t l = path.bottom + 1; l <= path.top; ++l) {
    const arma::mat factor = from_formula(formula, options, config.seed, fmt::format("{}", l), network.W[l]);
    B = l == path.bottom + 1 ? factor : arma::mat(B * factor);
    sign = -sign;
  }
  return sign * B;
}

arma::mat from_file(const FeedbackConfig& options, const FeedbackPath& path, const Network& network) {
  auto B = read_matrix(options.path, options.group, path.name, network.units[path.bottom], network.units[path.top],
                       fmt::format("units of layer {} x units of layer {}", path.bottom, path.top), options.snapshot);
  if (B) return std::move(*B);
  throw IoError(fmt::format("{}:{}", options.path, options.group), fmt::format("has no dataset {}", path.name),
                fmt::format("feedback of kind \"file\" needs {} for this model", path.name));
}

}  // namespace

Feedback make_feedback(const Config& config, const ModelConfig& model, const Network& network) {
  const FeedbackConfig& options = model.feedback;
  // what the stabiliser starts from is random feedback
  const std::string_view kind = options.kind == "optimised" ? "random" : std::string_view(options.kind);
  const FeedbackFormula* formula = find_feedback_formula(kind);
  Feedback feedback(network.depth() + 1);
  for (const FeedbackPath& path : credit_of(config, model).credit.feedback(network.depth())) {
    arma::mat& B = feedback[path.number];
    if (kind == "product") {
      B = product(config, options, path, network);
    } else if (formula == nullptr) {
      B = from_file(options, path, network);
    } else {
      B = from_formula(*formula, options, config.seed, draw_name(path), network.path(path.bottom, path.top));
    }
  }
  return feedback;
}

arma::mat stabilised_feedback(const ModelConfig& model, const Stage& stage, const ControlLoop& loop, RightHandSide& f) {
  const Projection& projection = stage.circuit.projections()[loop.feedback];
  const State zero(f.layout().size());
  // the block of the Jacobian that belongs to the loop, and where its B stands in that block
  const arma::uvec variables = f.variables_of(loop.members);
  const auto position = [&](PopulationIndex p) {
    return arma::uword(arma::find(variables == f.layout().variable_offset(p)).eval()(0));
  };
  const FeedbackBlock block{.row = position(projection.target),
                            .column = position(projection.source),
                            .scale = 1 / f.tau(projection.target, 0)};
  const Stabilised result = stabilise(f.jacobian(zero, 0).submat(variables, variables), f.weights(loop.feedback), block,
                                      {.margin = model.feedback.margin});
  if (!result.reached) {
    throw NumericalError(
        fmt::format("model {}, loop {}: stabilisation", model.name, loop.number),
        fmt::format("the spectral abscissa could not be brought below {:g}: {}", model.feedback.margin, result.reason),
        "a larger alpha, a margin nearer to 0, or another half_width", Fault::not_stabilised);
  }
  return result.B;
}

}  // namespace dynvert
