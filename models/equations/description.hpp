#pragma once

/// A circuit that learns, as plain values: names, sizes and equations of every population, without loops and choices.
/// expand.hpp makes it of a CircuitText; a program may write it, too, and check() it. An engine runs it.
///
///     moving      tau_i dx_i/dt = -leak_i x_i + sum of terms + noise(sigma_i)
///     algebraic            x_i = sum of terms
///     term        coefficient * M signal .* factor,  or  coefficient * signal
///
/// | symbol      | shape            | meaning                                                               |
/// |-------------|------------------|-----------------------------------------------------------------------|
/// | x_i         | n_i x columns    | a population, a column a trial                                        |
/// | tau, leak   |                  | expressions of numbers and parameters                                 |
/// | sigma       |                  | likewise, of white noise: tau dx = (..) dt + sigma dW                 |
/// | coefficient |                  | likewise                                                              |
/// | M           | rows x columns   | a matrix or its transpose, live while it learns; b: from `one`        |
/// | signal      | of M's columns   | an elementwise expression of populations of one size                  |
/// | factor      | n_i x columns    | likewise, or one number for each column                               |
///
/// A rule changes a matrix, continuously or at the end of a trial:
///
///     change of M = sum over terms coefficient * factor .* post pre' - decay M

#include <dynvert/models/equations/circuit_text.hpp>

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynvert::equations {

/// "u[3]" in equations, "u_3" in files.
struct Name {
  std::string base{};
  std::vector<long> indices{};

  auto operator<=>(const Name&) const = default;
  [[nodiscard]] std::string in_equations() const;
  [[nodiscard]] std::string in_files() const;
  [[nodiscard]] Expression expression(std::size_t at = 0) const;
};
/// Of a name whose indices are numbers. @throws ValueError  they are not
[[nodiscard]] Name name_of(const Expression& e);

struct MatrixUse {
  Name name{};
  bool transposed = false;

  bool operator==(const MatrixUse&) const = default;
};

struct Term {
  Expression coefficient = Expression::number(1);
  std::optional<MatrixUse> matrix = std::nullopt;
  Expression signal = Expression::number(1);  ///< the number 1 is `one`: of a bias, a constant
  Expression factor = Expression::number(1);  ///< with a matrix; else it is part of the signal
  Where where{};

  bool operator==(const Term&) const = default;
};

struct Population {
  /// | moving    | has a differential equation                                                    |
  /// | algebraic | has an equation                                                                |
  /// | input, target, one | the task's, and the constant 1                                        |
  /// | source    | a [source.NAME]                                                                |
  /// | kept      | has no equation of its own: a phase sets it                                    |
  enum class Type { moving, algebraic, input, target, source, kept };
  Name name{};
  Type type = Type::algebraic;
  std::size_t units = 0;
  bool size_given = false;   ///< by `size`
  Expression tau{}, leak{};  ///< of moving ones
  Expression noise{};        ///< sigma of moving ones; absent: none
  std::vector<Term> terms{};
  Where where{};

  bool operator==(const Population&) const = default;
};

struct Matrix {
  Name name{};
  std::size_t rows = 0, columns = 0;  ///< of a bias 1 column

  bool operator==(const Matrix&) const = default;
};

/// What a phase says of a population for as long as it lasts, or at its beginning.
struct Given {
  Name population{};
  Expression tau{}, leak{};  ///< where it moves in this phase by another equation; absent: algebraic
  Expression noise{};        ///< likewise
  std::vector<Term> terms{};
  Where where{};

  bool operator==(const Given&) const = default;
};

struct Phase {
  std::string name{};
  Expression begin{}, duration{};  ///< begin absent: where the phase before ends
  bool until_settled = false;
  std::string clock{}, from{};
  std::vector<Name> moves{};  ///< in the order of their equations
  std::vector<Name> hold{};
  std::vector<Given> set{}, equations{};
  std::vector<std::pair<std::string, Expression>> parameters{};
  std::string during = "both";
  std::vector<Name> learn{};             ///< continuous rules that act, in the order of the rules
  std::vector<Name> evaluation_order{};  ///< algebraic and given populations in the order of dependence
  Where where{};

  bool operator==(const Phase&) const = default;
};

struct RuleTerm {
  /// When post and pre are read: now (continuous rules), at the end of the last phase or of one that is named, as an
  /// average over phases (none named: all).
  enum class When { now, last, end, average };
  Expression coefficient = Expression::number(1);
  When when = When::last;
  std::vector<std::string> phases{};
  Expression low{};                           ///< time constant of a low-pass of post pre'; absent: none
  Expression factor = Expression::number(1);  ///< of the low-pass
  Expression post{}, pre = Expression::number(1);
  Where where{};

  bool operator==(const RuleTerm&) const = default;
};

struct Rule {
  Name matrix{};
  bool continuous = false;
  Expression tau{};                          ///< of continuous rules
  Expression decay = Expression::number(0);  ///< lambda
  std::vector<RuleTerm> terms{};
  Where where{};

  bool operator==(const Rule&) const = default;
};

struct Initial {
  Name name{};
  Expression value{};
  std::string kind{};
  ParameterValues values{};
  Where where{};

  bool operator==(const Initial&) const = default;
};

struct Description {
  std::string title{};
  std::vector<Parameter> parameters{};  ///< with the values that are in force as defaults
  std::string algebraic_loop{};
  std::vector<Population> populations{};  ///< those without equation first, then in the order of their equations
  std::vector<Matrix> matrices{};
  std::vector<Keys> weights{}, sources{};
  std::vector<Initial> initial{};
  bool carry_all = false;
  std::vector<Name> carry{};
  std::string carry_per = "trial", carry_after{};
  Where carry_where{};
  std::vector<Phase> phases{};
  std::vector<Rule> rules{};
  ParameterValues update{};                                        ///< optimiser, clips, bounds of all rules
  std::vector<std::pair<std::string, ParameterValues>> updates{};  ///< of the rules on one matrix, by its name
  ReadoutText readout{};
  std::vector<std::pair<std::string, std::vector<Name>>> roles{};
  /// What was left out: "the network has no b", ..
  std::vector<std::string> notes{};

  bool operator==(const Description&) const = default;

  [[nodiscard]] const Population* find(const Name& name) const;
  [[nodiscard]] const Matrix* find_matrix(const Name& name) const;
  /// What is set for a rule: by its own table, or by [learning], which says nothing of continuous rules.
  [[nodiscard]] ParameterValues update_of(const Rule& rule) const;
};

/// The text that says the same, without loops and choices.
[[nodiscard]] CircuitText as_text(const Description& description);
[[nodiscard]] Expression expression_of(const Term& term);
/// The right-hand side.
[[nodiscard]] Expression expression_of(const Population& population);
[[nodiscard]] Expression expression_of(const Given& given);
[[nodiscard]] Expression expression_of(const Rule& rule);

/// Populations and what joins them, for Graphviz.
[[nodiscard]] std::string to_graph(const Description& description);
/// Populations, sizes, order of evaluation, phases and rules, for people.
[[nodiscard]] std::string summary(const Description& description);

}  // namespace dynvert::equations
