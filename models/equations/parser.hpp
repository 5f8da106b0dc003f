#pragma once

/// The grammar of equations.
///
///     statement  = name "=" sum | [product] "d" name "/dt" "=" sum | name "+=" sum | "size" name "=" sum
///                | function "(" word ")" "=" sum
///                | "for" range .. "end" | "if" condition .. ["else if" condition ..] ["else" ..] "end"
///     range      = word "=" sum ".." sum ["step" sum]
///     condition  = sum ("==" | "!=") sum
///     sum        = term {("+" | "-") term}
///     term       = {"-"} product
///     product    = power {("*" | "/" | ".*" | "./") {"-"} power}
///     power      = postfix ["^" ["-"] postfix]
///     postfix    = primary {"'"}
///     primary    = number | string | function "(" sum {"," sum} ")" | name | "(" sum ")"
///     function   = word ["[" indices "]"] {"'"}
///     name       = word ["[" indices "]"]
///
/// A minus sign takes the whole product after it: -a*b is -(a*b). A line is a statement. It goes on in the next line
/// while a bracket is open, or where it ends in an operator, "=" or ",". # begins a comment.

#include <dynvert/models/equations/circuit_text.hpp>

#include <memory>
#include <vector>

namespace dynvert::equations {

/// @throws EquationError  what is wrong, where, and what may stand there
[[nodiscard]] std::vector<Statement> parse_statements(const std::shared_ptr<const Source>& source);
[[nodiscard]] Expression parse_expression(const std::shared_ptr<const Source>& source);
/// A name whose indices may be ranges: v[1..L].
[[nodiscard]] Expression parse_names(const std::shared_ptr<const Source>& source);
[[nodiscard]] Range parse_range(const std::shared_ptr<const Source>& source);
[[nodiscard]] Condition parse_condition(const std::shared_ptr<const Source>& source);

}  // namespace dynvert::equations
