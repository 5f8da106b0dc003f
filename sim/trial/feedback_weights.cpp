#include <dynvert/analysis/stabilise.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/models/network/feedback.hpp>
#include <dynvert/models/random.hpp>
#include <dynvert/models/registry.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/trial/feedback_weights.hpp>
#include <dynvert/sim/trial/model_credit.hpp>
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

FeedbackKind formula_feedback(const FeedbackFormula& formula) {
  return {.name = formula.kind,
          .summary = formula.summary,
          .keys = {formula.uses_half_width ? "half_width" : "gain"},
          .parameters = formula.parameters,
          .make = [&formula](const FeedbackSource& from) {
            return from_formula(formula, from.options, from.config.seed, draw_name(from.path),
                                from.network.path(from.path.bottom, from.path.top));
          }};
}

arma::mat product_of_factors(const FeedbackSource& from) {
  const FeedbackFormula& formula = *find_feedback_formula(from.options.factor);
  arma::mat B;
  double sign = -1;
  for (std::size_t l = from.path.bottom + 1; l <= from.path.top; ++l) {
    const arma::mat factor =
        from_formula(formula, from.options, from.config.seed, fmt::format("{}", l), from.network.W[l]);
    B = l == from.path.bottom + 1 ? factor : arma::mat(B * factor);
    sign = -sign;
  }
  return sign * B;
}

FeedbackKind product_feedback() {
  return {.name = "product",
          .summary = "the product of one matrix for each layer of the loop",
          .keys = {"factor", "gain", "half_width"},
          .make = &product_of_factors};
}

/// The stabiliser starts from random feedback.
FeedbackKind optimised_feedback() {
  return {.name = "optimised",
          .summary = "drawn from U(-w, w), then changed until the loop is stable",
          .keys = {"half_width", "margin"},
          .stabilised = true,
          .make = formula_feedback(*find_feedback_formula("random")).make};
}

arma::mat feedback_from_file(const FeedbackSource& from) {
  const FeedbackConfig& options = from.options;
  const FeedbackPath& path = from.path;
  const std::vector<std::size_t>& units = from.network.units;
  auto B = read_matrix(options.path, options.group, path.name, units[path.bottom], units[path.top],
                       fmt::format("units of layer {} x units of layer {}", path.bottom, path.top), options.snapshot);
  if (B) return std::move(*B);
  throw IoError(fmt::format("{}:{}", options.path, options.group), fmt::format("has no dataset {}", path.name),
                fmt::format("feedback of kind \"file\" needs {} for this model", path.name));
}

FeedbackKind file_feedback() {
  return {.name = "file",
          .summary = "read from an HDF5 file",
          .keys = {"path", "group", "snapshot"},
          .reads_file = true,
          .make = &feedback_from_file};
}

std::vector<FeedbackKind> all_feedback_kinds() {
  std::vector<FeedbackKind> kinds;
  for (const FeedbackFormula& formula : feedback_formulas()) kinds.push_back(formula_feedback(formula));
  kinds.push_back(product_feedback());
  kinds.push_back(optimised_feedback());
  kinds.push_back(file_feedback());
  return kinds;
}

}  // namespace

std::span<const FeedbackKind> feedback_kinds() {
  static const std::vector<FeedbackKind> kinds = all_feedback_kinds();
  return kinds;
}

const FeedbackKind& feedback_kind(std::string_view name) {
  return find_by_name(feedback_kinds(), name, "kind of feedback");
}

Feedback make_feedback(const Config& config, const ModelConfig& model, const Network& network) {
  const FeedbackKind& kind = feedback_kind(model.feedback.kind);
  Feedback feedback(network.depth() + 1);
  for (const FeedbackPath& path : credit_of(config, model).credit.feedback(network.depth()))
    feedback[path.number] = kind.make({config, model.feedback, path, network});
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
