#pragma once

/// A circuit as it is written, before `for` and `if` are expanded and sizes are known: what a circuit file says.
/// Programs may make these values, too. expand.hpp makes a Description of them for a network of some depth.

#include <dynvert/models/equations/expression.hpp>
#include <dynvert/models/equations/source.hpp>
#include <dynvert/models/parameter.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dynvert::equations {

/// l = first..last step s. Nothing where first is beyond last.
struct Range {
  std::string variable;
  Expression first, last, step;  ///< step absent: 1

  bool operator==(const Range&) const = default;
};

/// left == right, or left != right: numbers, or a parameter and one of its choices.
struct Condition {
  Expression left, right;
  bool equal = true;

  bool operator==(const Condition&) const = default;
};

/// | kind     | written                                                  | members                             |
/// |----------|----------------------------------------------------------|-------------------------------------|
/// | equation | x[l] = right                                             | left, right                         |
/// | moving   | tau dx[l]/dt = right; of a matrix: a continuous rule     | left, tau (absent: 1), right        |
/// | rule     | W[l] += right                                            | left, right                         |
/// | size     | size x[l] = right                                        | left, right                         |
/// | function | f[l](x) = right                                          | left (a call), right                |
/// | loop     | for range .. end                                         | range, body                         |
/// | choice   | if condition .. else if .. else .. end                   | condition, body, otherwise          |
struct Statement {
  enum class Type { equation, moving, rule, size, function, loop, choice };
  Type type = Type::equation;
  Expression left{}, tau{}, right{};
  Range range{};
  Condition condition{};
  std::vector<Statement> body{}, otherwise{};
  Where where{};

  bool operator==(const Statement&) const = default;
};

/// A table of keys that a Parameter list declares.
struct Keys {
  std::string name{};  ///< of the matrix, the source
  std::string kind{};
  ParameterValues values{};
  std::vector<std::vector<double>> matrix = {};  ///< of weights of kind "matrix": rows
  Expression expression = {};                    ///< of kinds "formula" and "product"
  Where where = {};

  bool operator==(const Keys&) const = default;
};

struct PhaseText {
  std::optional<Range> each = std::nullopt;
  std::optional<Condition> when = std::nullopt;  ///< whether there is such a phase
  std::string name{};                            ///< "loop {l}"
  Expression begin{};                            ///< absent: where the phase before ends
  Expression duration{};                         ///< absent: `duration`
  bool until_settled = false;
  std::string clock = {};                                       ///< a time axis of its own; empty: that of the trial
  std::string from = {};                                        ///< a phase, or "initial"; empty: the state as it is
  std::optional<std::vector<Expression>> moves = std::nullopt;  ///< absent: all that move
  std::vector<Expression> hold = {};
  std::vector<Statement> set = {}, equations = {};
  std::vector<std::pair<std::string, Expression>> parameters = {};
  std::string during = "both";                                  ///< learning | evaluation | both
  std::optional<std::vector<Expression>> learn = std::nullopt;  ///< absent: all rules
  Where where = {};

  bool operator==(const PhaseText&) const = default;
};

struct InitialText {
  Expression name{};      ///< with ranges
  Expression value = {};  ///< a number, a formula of i (1..n) and n, or a signal
  std::string kind = {};  ///< a distribution in place of a value
  ParameterValues values = {};
  Where where = {};

  bool operator==(const InitialText&) const = default;
};

struct ReadoutText {
  Expression y{};  ///< absent: the network's own forward pass
  std::string loss = "squared";
  std::string phase = {};  ///< empty: the last
  std::string at = "end";
  Where where = {};

  bool operator==(const ReadoutText&) const = default;
};

struct TrialText {
  bool carry_all = false;
  std::vector<Expression> carry = {};
  std::string per = "trial";
  std::string after = {};
  Where where = {};

  bool operator==(const TrialText&) const = default;
};

struct CircuitText {
  std::string title = {};
  std::vector<Parameter> parameters = {};
  std::string algebraic_loop = {};  ///< "solve", "lag"; empty: a cycle is an error
  std::vector<Statement> equations = {};
  std::vector<Keys> sources = {};
  std::vector<Keys> weights = {};
  std::vector<InitialText> initial = {};
  TrialText trial = {};
  std::vector<PhaseText> phases = {};
  std::vector<Statement> at_end = {};
  ParameterValues update = {};                                        ///< of all rules
  std::vector<std::pair<std::string, ParameterValues>> updates = {};  ///< of the rules on one matrix
  ReadoutText readout = {};
  std::vector<std::pair<std::string, std::vector<Expression>>> roles = {};

  bool operator==(const CircuitText&) const = default;
};

/// What may stand in a circuit's tables.
struct KindOfTable {
  std::string_view kind;
  std::vector<Parameter> parameters;
};
/// [weights.NAME] and distributions of [initial]
[[nodiscard]] const std::vector<KindOfTable>& weight_kinds();
/// [source.NAME]
[[nodiscard]] const std::vector<KindOfTable>& source_kinds();
/// [learning] and [learning.NAME]
[[nodiscard]] const std::vector<Parameter>& update_parameters();
/// keys of [roles]
[[nodiscard]] const std::vector<std::string>& role_names();

/// The whole file. Reading it gives an equal value.
[[nodiscard]] std::string to_toml(const CircuitText& circuit);
/// The equations of a text, a line each, indented by blocks.
[[nodiscard]] std::string to_text(const std::vector<Statement>& statements, std::size_t indent = 0);
[[nodiscard]] std::string to_text(const Range& range);
[[nodiscard]] std::string to_text(const Condition& condition);
/// Equations and rules for a paper: an align* environment of amsmath each.
[[nodiscard]] std::string to_latex(const CircuitText& circuit);

}  // namespace dynvert::equations
