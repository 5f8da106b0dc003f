// The control loops of a phase, found from what acts on what.

#include <dynvert/models/program/described_circuit.hpp>

#include <algorithm>
#include <variant>
#include <vector>

namespace dynvert {

/// A controller that moves, with all that moves and is both driven by it and drives it.
std::vector<ControlLoop> DescribedCircuit::loops(const PhaseProgram& program) const {
  const Circuit& circuit = program.circuit();
  const auto& populations = circuit.populations();
  std::vector<std::vector<PopulationIndex>> reads(populations.size());
  for (const Projection& p : circuit.projections()) {
    reads[p.target].push_back(p.source);
    if (p.follows) reads[p.target].push_back(p.follows->population);
  }
  for (PopulationIndex p = 0; p < populations.size(); ++p) {
    if (populations[p].signal) reads[p] = populations[p].signal->arguments;
  }
  // by population: whether it depends on the other
  const auto ancestors = [&](PopulationIndex of) {
    std::vector<bool> found(populations.size(), false);
    std::vector<PopulationIndex> open{of};
    while (!open.empty()) {
      const PopulationIndex p = open.back();
      open.pop_back();
      for (const PopulationIndex q : reads[p]) {
        if (!found[q]) open.push_back(q);
        found[q] = true;
      }
    }
    return found;
  };
  const auto is_controller = [&](PopulationIndex p) { return populations[p].role == Role::controller; };
  std::vector<ControlLoop> loops;
  for (std::size_t p = 0; p < units_.size(); ++p) {
    const auto u = program.block(p);
    if (!u || !populations[*u].moves() || !is_controller(*u)) continue;
    const std::vector<bool> drives = ancestors(*u);
    if (!drives[*u]) continue;
    ControlLoop loop{.number = 1, .source = plan_.layer(p).value_or(plan_.depth()), .controller = *u, .members = {*u}};
    const auto& indices = plan_.description().populations[p].name.indices;
    if (!indices.empty() && indices.back() > 0)
      loop.number = static_cast<std::size_t>(indices.back());
    else if (plan_.layer(p))
      loop.number = *plan_.layer(p);
    for (PopulationIndex q = 0; q < populations.size(); ++q) {
      if (q == *u || !populations[q].moves() || !drives[q] || !ancestors(q)[*u]) continue;
      loop.members.push_back(q);
      if (populations[q].role == Role::error && populations[q].layer)
        loop.readouts.emplace_back(q, *populations[q].layer);
    }
    const auto& projections = circuit.projections();
    const auto leaves = [&](const Projection& k) {
      return is_controller(k.source) && !is_controller(k.target) && std::holds_alternative<arma::mat>(k.weights);
    };
    const auto feedback = std::ranges::find_if(projections, leaves);
    if (feedback == projections.end()) continue;
    const auto own =
        std::ranges::find_if(projections, [&](const Projection& k) { return leaves(k) && k.source == *u; });
    loop.feedback = static_cast<ProjectionIndex>((own == projections.end() ? feedback : own) - projections.begin());
    loops.push_back(std::move(loop));
  }
  return loops;
}

}  // namespace dynvert
