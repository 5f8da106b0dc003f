#pragma once

/// What each name of a circuit is, while it is expanded: a parameter, a population, a matrix.

#include <dynvert/models/equations/substitution.hpp>
#include <dynvert/models/equations/terms.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace dynvert::equations {

class NameTable {
 public:
  /// @param description  gets the populations that are declared, and each matrix when it is first met
  NameTable(const CircuitText& text, const ExpandOptions& options, Description& description,
            const Substitution& substitution)
      : text_(text), options_(options), d_(description), substitution_(substitution) {}

  /// @throws EquationError  a name that is not known, with the nearest one
  [[nodiscard]] Role role(const Expression& name, const Where& where);
  /// For an equation that stands there.
  [[nodiscard]] TermReader reader(const Where& where);

  /// The population on the left of a statement. @throws EquationError  a name that has another meaning
  void declare(const Statement& statement, Population::Type type);
  /// input or target, which the task gives
  void declare_given(const std::string& name, Population::Type type);
  /// The population of that name, among the description's; nullptr: there is none.
  [[nodiscard]] Population* find(const Name& name);
  /// The populations are others from now on.
  void reset(std::vector<Population> populations);
  [[nodiscard]] bool is_taken(const Name& name) const { return files_.contains(name.in_files()); }
  /// The [weights.NAME] of a matrix; nullptr: it has none.
  [[nodiscard]] const Keys* weights(const std::string& base) const;
  [[nodiscard]] bool is_matrix(const std::string& base) const;
  [[nodiscard]] bool is_networks_bias(const std::string& base) const { return base == "b" && weights("b") == nullptr; }

  /// Populations that a list names, in the description's order: each exactly, or all of a name without its indices.
  [[nodiscard]] std::vector<Name> populations(const std::vector<Expression>& patterns, const Where& where,
                                              const Substitution::Variables& variables) const;
  [[nodiscard]] std::vector<std::string> known() const;
  [[nodiscard]] std::string nearest(const Name& name) const;
  /// @throws EquationError  there is no such phase
  void expect_phase(const std::string& name, const Where& where) const;
  /// The value of numbers and parameters.
  [[nodiscard]] double number(const Expression& e, const Where& where) const;
  /// Likewise, or the other value where it holds numbers that only a run gives (eta, dt, ..).
  [[nodiscard]] double number_or(const Expression& e, const Where& where, double otherwise) const;

 private:
  void check_matrix(const Name& name, const Where& where) const;
  void add_matrix(const Name& name, bool is_bias);

  const CircuitText& text_;
  const ExpandOptions& options_;
  Description& d_;
  const Substitution& substitution_;
  std::set<std::string> files_;              // names that are taken
  std::map<Name, std::size_t> populations_;  // by name: which of the description's
  std::set<Name> matrices_;
};

/// Names for a message, not all where there are many.
[[nodiscard]] std::string listed(std::vector<std::string> names);

}  // namespace dynvert::equations
