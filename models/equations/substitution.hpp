#pragma once

/// The first step of expansion: `for` and `if` written out, indices as numbers, functions replaced by what they are.

#include <dynvert/models/equations/expand.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dynvert::equations {

/// Names of numbers that every circuit knows, beside its parameters.
[[nodiscard]] const std::vector<std::string>& number_names();
/// Names that no population may have.
[[nodiscard]] bool is_reserved(const std::string& name);

class Substitution {
 public:
  using Variables = std::map<std::string, long>;

  /// @param parameters  with the values that are in force
  Substitution(const std::vector<Parameter>& parameters, const ExpandOptions& options)
      : parameters_(parameters), options_(options) {}

  /// Statements without loops and choices. Functions that they define are known from then on.
  void write_out(const std::vector<Statement>& statements, const Variables& variables, std::vector<Statement>& out);
  /// Loop variables, L and n[l] as numbers, and all indices.
  [[nodiscard]] Expression apply(const Expression& e, const Where& where, const Variables& variables) const;
  /// g[l] and the circuit's own functions as what they stand for; slopes that have a closed form.
  [[nodiscard]] Expression with_functions(const Expression& e, const Where& where, int depth = 0) const;
  [[nodiscard]] std::vector<long> values(const Range& range, const Where& where, const Variables& variables) const;
  [[nodiscard]] bool holds(const Condition& condition, const Where& where, const Variables& variables) const;
  /// "loop {l}" -> "loop 3"
  [[nodiscard]] std::string filled(const std::string& text, const Where& where, const Variables& variables) const;
  /// v[1..3] -> v[1], v[2], v[3]
  [[nodiscard]] std::vector<Name> names(const Expression& pattern, const Where& where,
                                        const Variables& variables) const;
  /// The value of a parameter that is a number. Fails for others.
  [[nodiscard]] double number(const Expression& name, const Where& where) const;
  [[nodiscard]] const Parameter* parameter(const std::string& name) const;

 private:
  struct Definition {
    std::string variable;
    Expression body;
  };

  [[nodiscard]] long integer(const Expression& e, const Where& where, const Variables& variables) const;
  [[nodiscard]] double constant(const Expression& e, const Where& where, const Variables& variables) const;
  [[nodiscard]] Expression rate(const Expression& call, const Where& where) const;
  void define(const Statement& statement, const Variables& variables);
  void check_call(const Expression& call, const Where& where) const;

  const std::vector<Parameter>& parameters_;
  const ExpandOptions& options_;
  std::map<Name, Definition> functions_;
  std::size_t turns_ = 0;  // of all loops so far
};

}  // namespace dynvert::equations
