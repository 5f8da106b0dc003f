#include <dynvert/models/error.hpp>
#include <dynvert/models/registry.hpp>

#include <fmt/ranges.h>

#include <utility>

namespace dynvert {

ValueError::ValueError(std::string object, std::string fault, std::string allowed)
    : Error(fmt::format("{}: {}; allowed: {}", object, fault, allowed)),
      object_(std::move(object)),
      fault_(std::move(fault)),
      allowed_(std::move(allowed)) {}

const char* fault_legend() {
  return "0 none, 1 diverged, 2 not finite, 3 step limit, 4 no steady state found, 5 singular, 6 feedback not "
         "stabilised, 7 weights would not be finite, 8 other";
}

NumericalError::NumericalError(std::string object, std::string fault, std::string remedy, Fault kind)
    : Error(fmt::format("{}: {}. Try: {}", object, fault, remedy)),
      object_(std::move(object)),
      fault_(std::move(fault)),
      remedy_(std::move(remedy)),
      kind_(kind) {}

void throw_unknown_name(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  throw ValueError(std::string(what), fmt::format("\"{}\" is not known", name),
                   fmt::format("{}", fmt::join(known, ", ")));
}

DivergenceError::DivergenceError(Data data)
    : NumericalError(fmt::format("model {}, trial {}, {}", data.model, data.trial, data.loop),
                     fmt::format("diverged at time {:g}: population {} is not finite or beyond divergence_limit = {:g}",
                                 data.time, data.population, data.limit),
                     "a larger alpha; a smaller dt or a solver that is stable there (sequential_euler, dopri5); "
                     "feedback of kind \"optimised\"; or on_divergence = \"skip\" to continue without such trials",
                     Fault::diverged),
      data_(std::move(data)) {}

}  // namespace dynvert
