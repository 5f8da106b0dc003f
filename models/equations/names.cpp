#include <dynvert/models/equations/function.hpp>
#include <dynvert/models/equations/names.hpp>
#include <dynvert/models/nearest_name.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dynvert::equations {

namespace {

/// Whether an equation makes populations of that name, in loops and choices that may have no turn here.
bool makes(const std::vector<Statement>& statements, const std::string& base) {
  return std::ranges::any_of(statements, [&](const Statement& s) {
    const bool is_left = s.left.is(Kind::name) && s.left.name() == base;
    return is_left || makes(s.body, base) || makes(s.otherwise, base);
  });
}

bool is_network_matrix(const std::string& base) { return base == "W" || base == "b" || base == "B"; }

}  // namespace

std::string listed(std::vector<std::string> names) {
  constexpr std::size_t shown = 30;
  const std::size_t count = names.size();
  if (count > shown) names.resize(shown);
  return fmt::format("{}{}", fmt::join(names, ", "), count > shown ? ", .." : "");
}

const Keys* NameTable::weights(const std::string& base) const {
  const auto found = std::ranges::find(text_.weights, base, &Keys::name);
  return found == text_.weights.end() ? nullptr : &*found;
}

bool NameTable::is_matrix(const std::string& base) const { return weights(base) != nullptr || is_network_matrix(base); }

std::vector<std::string> NameTable::known() const {
  std::vector<std::string> names;
  for (const Parameter& p : d_.parameters) names.push_back(p.name);
  for (const Population& p : d_.populations) names.push_back(p.name.in_equations());
  for (const Keys& w : text_.weights) names.push_back(w.name);
  for (const char* name : {"W[l]", "b[l]", "B[l]", "input", "target"}) names.emplace_back(name);
  for (const std::string& name : number_names()) names.push_back(name);
  return names;
}

std::string NameTable::nearest(const Name& name) const { return nearest_name(name.in_equations(), known()); }

Role NameTable::role(const Expression& e, const Where& where) {
  const Where here{where.source, e.at()};
  const std::string& base = e.name();
  const bool plain = e.indices().empty();
  if (plain && substitution_.parameter(base) != nullptr) {
    if (std::holds_alternative<std::string>(substitution_.parameter(base)->default_value))
      fail(here, fmt::format("{} is a choice, not a number", base), fmt::format("if {} == ..", base));
    return Role::number;
  }
  if (plain && std::ranges::find(number_names(), base) != number_names().end()) return Role::number;
  const Name name = name_of(e);
  if (populations_.contains(name)) return Role::signal;
  if (!is_matrix(base)) fail(here, fmt::format("unknown name {}", name.in_equations()), listed(known()), nearest(name));
  check_matrix(name, here);
  const Keys* own = weights(base);
  const ParameterValue* from_one = own == nullptr ? nullptr : own->values.find("bias");
  const bool is_bias = own == nullptr ? base == "b" : from_one != nullptr && *from_one == ParameterValue(true);
  if (matrices_.insert(name).second) add_matrix(name, is_bias);
  return is_bias ? Role::bias : Role::matrix;
}

TermReader NameTable::reader(const Where& where) {
  return {[this, where](const Expression& e) { return role(e, where); }, where.source};
}

void NameTable::check_matrix(const Name& name, const Where& where) const {
  if (weights(name.base) != nullptr) return;
  const auto depth = static_cast<long>(options_.layers.size()) - 1;
  if (depth < 1)
    fail(where, fmt::format("{} is the network's, and there is none", name.in_equations()),
         fmt::format("[weights.{}], or a network", name.base));
  if (name.base == "B") return;  // its shape follows from where it stands
  if (name.indices.size() != 1 || name.indices[0] < 1 || name.indices[0] > depth)
    fail(where, fmt::format("the network has no {}", name.in_equations()),
         fmt::format("{0}[1] to {0}[{1}]", name.base, depth));
}

void NameTable::add_matrix(const Name& name, bool is_bias) {
  Matrix matrix{name};
  if (is_bias) matrix.columns = 1;
  if (weights(name.base) == nullptr && name.base != "B") {
    const auto l = static_cast<std::size_t>(name.indices[0]);
    matrix.rows = options_.layers[l];
    if (!is_bias) matrix.columns = options_.layers[l - 1];
  }
  d_.matrices.push_back(matrix);
}

void NameTable::declare(const Statement& s, Population::Type type) {
  const Name name = name_of(s.left);
  const bool plain = name.indices.empty();
  if (is_reserved(name.base))
    fail(s.where, fmt::format("{} has a meaning of its own", name.base), "another name for the population");
  if (plain && substitution_.parameter(name.base) != nullptr)
    fail(s.where, fmt::format("{} is a parameter", name.base), "another name for the population");
  if (weights(name.base) != nullptr)
    fail(s.where, fmt::format("{} is a matrix, of [weights.{}]", name.base, name.base),
         "another name for the population");
  if (populations_.contains(name))
    fail(s.where, fmt::format("a second equation of {}", name.in_equations()), "one; a phase may replace it");
  if (!files_.insert(name.in_files()).second)
    fail(s.where, fmt::format("{} is {} in files, as another population is", name.in_equations(), name.in_files()),
         "another name");
  populations_[name] = d_.populations.size();
  d_.populations.push_back({.name = name, .type = type, .where = s.where});
}

void NameTable::declare_given(const std::string& name, Population::Type type) {
  populations_[{name}] = d_.populations.size();
  files_.insert(name);
  d_.populations.push_back({.name = {name}, .type = type});
}

Population* NameTable::find(const Name& name) {
  const auto found = populations_.find(name);
  return found == populations_.end() ? nullptr : &d_.populations[found->second];
}

void NameTable::reset(std::vector<Population> populations) {
  d_.populations = std::move(populations);
  for (std::size_t i = 0; i < d_.populations.size(); ++i) populations_[d_.populations[i].name] = i;
}

std::vector<Name> NameTable::populations(const std::vector<Expression>& patterns, const Where& where,
                                         const Substitution::Variables& variables) const {
  std::set<Name> chosen;
  for (const Expression& pattern : patterns) {
    for (const Name& name : substitution_.names(pattern, where, variables)) {
      bool found = populations_.contains(name);
      if (found) chosen.insert(name);
      if (name.indices.empty() && !found)
        for (const Population& p : d_.populations)
          if (p.name.base == name.base) {
            chosen.insert(p.name);
            found = true;
          }
      if (!found && !(name.indices.empty() && makes(text_.equations, name.base)))
        fail(where, fmt::format("there is no population {}", name.in_equations()), listed(known()), nearest(name));
    }
  }
  std::vector<Name> result;
  for (const Population& p : d_.populations)
    if (chosen.contains(p.name)) result.push_back(p.name);
  return result;
}

void NameTable::expect_phase(const std::string& name, const Where& where) const {
  if (std::ranges::find(d_.phases, name, &Phase::name) != d_.phases.end()) return;
  std::vector<std::string> names;
  for (const Phase& phase : d_.phases) names.push_back(phase.name);
  fail(where, fmt::format("there is no phase \"{}\"", name), listed(names), nearest_name(name, names));
}

double NameTable::number(const Expression& e, const Where& where) const {
  try {
    return evaluate_number(e, [&](const Expression& name) { return substitution_.number(name, where); });
  } catch (const ValueError& error) {
    fail({where.source, e.at()}, error.object() + " " + error.fault(), error.allowed());
  }
}

double NameTable::number_or(const Expression& e, const Where& where, double otherwise) const {
  bool known = true;
  visit(e, [&](const Expression& node) {
    if (node.is(Kind::name) && node.name() != "pi" && substitution_.parameter(node.name()) == nullptr) known = false;
    return known;
  });
  return known ? number(e, where) : otherwise;
}

}  // namespace dynvert::equations
