#pragma once

/// Expressions of equations, as plain values: what a person writes between the operators
///
///     + -  * /  .* ./  ^  unary -  '  f(x)  f'(x)  x[l-1]  3.5  "phase"
///
/// A tree of immutable nodes, which copies share. Two expressions are equal if they say the same; where they stand in a
/// text is kept for messages and does not count. Numbers are finite and not negative: -3 is the negation of 3, as it is
/// in a text, so that printing and reading give the same tree.
///
/// | kind                  | name         | indices    | arguments | written               |
/// |-----------------------|--------------|------------|-----------|-----------------------|
/// | number                |              |            |           | 0.5                   |
/// | text                  | the text     |            |           | "control"             |
/// | name                  | "x"          | l - 1      |           | x[l-1]                |
/// | call                  | "g"          | l          | any       | g[l]''(x): primes = 2 |
/// | negate, transpose     |              |            | 1         | -x, x'                |
/// | add .. power, range   |              |            | 2         | x + y, x ./ y, x^2    |

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dynvert::equations {

class Expression {
 public:
  enum class Kind {
    absent,
    number,
    text,
    name,
    call,
    negate,
    transpose,
    add,
    subtract,
    multiply,  ///< *
    divide,    ///< /
    times,     ///< .*
    over,      ///< ./
    power,
    range  ///< of an index: 1..L
  };

  Expression() = default;  ///< absent
  /// A negative number becomes a negation. @throws ValueError  the number is not finite
  static Expression number(double value, std::size_t at = 0);
  static Expression text(std::string text, std::size_t at = 0);
  static Expression name(std::string name, std::vector<Expression> indices = {}, std::size_t at = 0);
  static Expression call(std::string name, std::vector<Expression> arguments, std::vector<Expression> indices = {},
                         int primes = 0, std::size_t at = 0);
  static Expression operation(Kind kind, std::vector<Expression> arguments, std::size_t at = 0);

  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] bool is(Kind k) const noexcept { return kind() == k; }
  [[nodiscard]] bool is_number(double value) const noexcept { return is(Kind::number) && value == this->value(); }
  explicit operator bool() const noexcept { return node_ != nullptr; }

  [[nodiscard]] double value() const;  ///< of a number
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] int primes() const;
  [[nodiscard]] std::span<const Expression> indices() const;
  [[nodiscard]] std::span<const Expression> arguments() const;
  [[nodiscard]] const Expression& argument(std::size_t i = 0) const { return arguments()[i]; }
  /// nodes of the tree, indices included
  [[nodiscard]] std::size_t size() const noexcept;
  /// where it begins in the text that it is of
  [[nodiscard]] std::size_t at() const;

  /// The same node with other indices and arguments.
  [[nodiscard]] Expression with(std::vector<Expression> indices, std::vector<Expression> arguments) const;
  /// The same tree as if all of it stood there.
  [[nodiscard]] Expression placed(std::size_t at) const;

  bool operator==(const Expression& other) const;

 private:
  struct Node;
  explicit Expression(Node node);
  std::shared_ptr<const Node> node_;
};

using Kind = Expression::Kind;

/// The largest expression that texts may hold, in nodes: what works on trees goes down as many levels at most.
inline constexpr std::size_t max_expression = 1000;

[[nodiscard]] inline bool is_product(Kind k) {
  return k == Kind::multiply || k == Kind::divide || k == Kind::times || k == Kind::over;
}

[[nodiscard]] Expression negated(const Expression& x);

/// Rebuilds from the leaves up: `change` gets each node with its new indices and arguments.
[[nodiscard]] Expression transformed(const Expression& e, const std::function<Expression(const Expression&)>& change);
/// Calls `visit` for each node, the outer ones first, indices included; it returns whether to go below the node.
void visit(const Expression& e, const std::function<bool(const Expression&)>& visit);

/// Folds numbers and drops 0 + x, 0 * x, 1 * x, x^1, --x. The values stay, but for 0 * x where x is not finite.
[[nodiscard]] Expression simplified(const Expression& e);
/// The same of the outermost node alone.
[[nodiscard]] Expression simplified_node(const Expression& e);

/// As it is written. Reading it gives an equal expression.
[[nodiscard]] std::string to_text(const Expression& e);
/// Without the spaces around operators, as indices are written.
[[nodiscard]] std::string compact(const std::string& text);
/// As LaTeX writes it, in mathematical mode.
[[nodiscard]] std::string to_latex(const Expression& e);
/// A name in LaTeX: delta -> \delta, tau_u -> \tau_{u}, u_int -> u_{\mathrm{int}}
[[nodiscard]] std::string latex_name(const std::string& name, const std::string& indices = {});

}  // namespace dynvert::equations
