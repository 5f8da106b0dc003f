// low(post*pre', tau) of rules, as populations that move.

#include <dynvert/models/error.hpp>
#include <dynvert/models/program/circuit_plan.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dynvert {

namespace {

bool is_of(const CircuitPlan::LowPass& low, std::size_t matrix, const equations::RuleTerm& term) {
  return low.matrix == matrix && low.tau == term.low && low.post == term.post && low.pre == term.pre;
}

}  // namespace

void CircuitPlan::find_low_passes() {
  equations::Description& d = description_;
  for (const equations::Rule& rule : d.rules) {
    for (const equations::RuleTerm& t : rule.terms) {
      if (!t.low) continue;
      const auto matrix = std::ranges::find(d.matrices, rule.matrix, &equations::Matrix::name);
      const auto m = static_cast<std::size_t>(matrix - d.matrices.begin());
      if (std::ranges::any_of(low_passes_, [&](const LowPass& low) { return is_of(low, m, t); })) continue;
      equations::Name name{fmt::format("low_{}_{}", low_passes_.size() + 1, rule.matrix.in_files()), {}};
      while (d.find(name) != nullptr) name.base += "_";
      low_passes_.push_back({d.populations.size(), m, t.low, t.post, t.pre});
      d.populations.push_back({.name = name,
                               .type = equations::Population::Type::moving,
                               .units = matrix->rows * matrix->columns,
                               .size_given = true,
                               .tau = t.low,
                               .leak = equations::Expression::number(1),
                               .where = t.where});
      for (equations::Phase& phase : d.phases) {
        const bool takes_steps = !phase.moves.empty() || !phase.learn.empty();
        if (takes_steps && phase.during != "evaluation") phase.moves.push_back(name);
      }
    }
  }
}

const CircuitPlan::LowPass& CircuitPlan::low_pass(std::size_t matrix, const equations::RuleTerm& term) const {
  const auto found = std::ranges::find_if(low_passes_, [&](const LowPass& low) { return is_of(low, matrix, term); });
  if (found == low_passes_.end()) throw ValueError("rule", "has a low-pass that the circuit does not", "its terms");
  return *found;
}

}  // namespace dynvert
