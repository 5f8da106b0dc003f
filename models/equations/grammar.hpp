#pragma once

/// The grammar of single statements, on Boost.Spirit X3. Of use to parser.cpp alone, whose header has the grammar in
/// words: only grammar.cpp pays for the templates.

#include <dynvert/models/equations/circuit_text.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace dynvert::equations {

inline constexpr const char* an_equation = "x = .., tau dx/dt = .., W += .., size x = .., for, if, end";

/// A part of a text whose comments and line breaks are blank.
struct Piece {
  const std::shared_ptr<const Source>& source;
  const std::string& blanked;
  std::size_t begin, end;

  [[nodiscard]] Where where(std::string::const_iterator at) const {
    return {source, static_cast<std::size_t>(at - blanked.begin())};
  }
};

/// for, if, else, end, size, step
[[nodiscard]] bool is_keyword(std::string_view word);
/// What stands there, for a message.
[[nodiscard]] std::string shown(std::string::const_iterator at, std::string::const_iterator end);

/// Each reads the whole piece. @throws EquationError
/// @{
void read(const Piece& piece, Statement& statement);  ///< an equation, a rule, a function
void read_size(const Piece& piece, Statement& statement);
void read(const Piece& piece, Range& range);
void read(const Piece& piece, Condition& condition);
void read(const Piece& piece, Expression& expression);
void read_names(const Piece& piece, Expression& name);
/// @}

}  // namespace dynvert::equations
