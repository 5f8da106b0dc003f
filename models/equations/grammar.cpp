#include <dynvert/models/equations/grammar.hpp>

#include <fmt/format.h>
#include <boost/spirit/home/x3.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

// What an expectation names where it fails: the rule within, not the parser's type.
namespace boost::spirit::x3 {

template <typename Subject, typename Action>
struct get_info<action<Subject, Action>> {
  using result_type = std::string;
  std::string operator()(const action<Subject, Action>& p) const { return what(p.subject); }
};
template <typename Left, typename Right>
struct get_info<list<Left, Right>> {
  using result_type = std::string;
  std::string operator()(const list<Left, Right>& p) const { return what(p.left); }
};
template <typename Left, typename Right>
struct get_info<alternative<Left, Right>> {
  using result_type = std::string;
  std::string operator()(const alternative<Left, Right>& p) const { return what(p.left) + " or " + what(p.right); }
};

}  // namespace boost::spirit::x3

namespace dynvert::equations {

namespace {

namespace x3 = boost::spirit::x3;
using Iterator = std::string::const_iterator;

constexpr std::size_t max_word = 64;
constexpr std::size_t max_text = 200;

// --- the grammar of one statement ------------------------------------------------------------------------------------

/// The beginning of the text, which places are counted from.
struct Begin;

template <typename Context>
std::size_t offset(Context& ctx, Iterator at) {
  return static_cast<std::size_t>(at - x3::get<Begin>(ctx).get());
}

/// What is read before a name turns out to be a call: its parts so far.
struct Named {
  std::string name{};
  std::size_t at = 0;
  std::vector<Expression> indices{}, arguments{};
  int primes = 0;
  bool is_call = false;
};
struct Words {
  std::string word{};
  std::size_t at = 0;
};

// The names are what a message says is expected.
const x3::rule<class SumId, Expression> sum = "a number, a name, a function or (";
const x3::rule<class TermId, Expression> term = "a number, a name, a function or (";
const x3::rule<class SignedId, Expression> signed_power = "a number, a name, a function or (";
const x3::rule<class ProductId, Expression> product = "a number, a name, a function or (";
const x3::rule<class PowerId, Expression> power = "a number, a name, a function or (";
const x3::rule<class ExponentId, Expression> exponent = "an exponent: a number, a name or (";
const x3::rule<class PostfixId, Expression> postfix = "a number, a name, a function or (";
const x3::rule<class PrimaryId, Expression> primary = "a number, a name, a function or (";
const x3::rule<class NumberId, Expression> number = "a number";
const x3::rule<class StringId, Expression> string = "a text in quotes";
const x3::rule<class WordId, Words> word = "a name";
const x3::rule<class DerivativeWordId, Words> derivative_word = "d and a name";
const x3::rule<class IndexId, Expression> index = "an index";
const x3::rule<class IndicesId, std::vector<Expression>> indices = "indices";
const x3::rule<class ArgumentsId, std::vector<Expression>> arguments = "arguments";
const x3::rule<class NameId, Expression> name = "a name";
const x3::rule<class NamedId, Named> named = "a name";
const x3::rule<class DerivativeId, Expression> derivative_of = "dx/dt";
const x3::rule<class EquationId, Statement> equation = "x = .., tau dx/dt = .., W += ..";
const x3::rule<class SizeId, Statement> size = "size x = ..";
const x3::rule<class RangeId, Range> range = "l = first..last";
const x3::rule<class ConditionId, Condition> condition = "a == b";

const auto letter = x3::char_('a', 'z') | x3::char_('A', 'Z');
const auto digit = x3::char_('0', '9');
const auto word_character = letter | digit | x3::char_('_');

const auto set_word = [](auto& ctx) {
  const auto& matched = x3::_attr(ctx);
  x3::_val(ctx).word.assign(matched.begin(), matched.end());
  x3::_val(ctx).at = offset(ctx, matched.begin());
};
const auto no_keyword = [](auto& ctx) { x3::_pass(ctx) = !is_keyword(x3::_val(ctx).word); };
// end("phase", ..) is a function of rules
const auto word_def = (x3::raw[x3::lexeme["end" >> !word_character]][set_word] >> &x3::lit('(')) |
                      (x3::raw[x3::lexeme[letter >> *word_character]][set_word] >> x3::eps[no_keyword]);
const auto derivative_word_def = x3::lexeme['d' >> x3::raw[letter >> *word_character][set_word]];

// 2.*x is 2 .* x, and 1..L a range: a point that an operator or a point follows is not the number's.
const auto set_number = [](auto& ctx) {
  const auto& matched = x3::_attr(ctx);
  const std::string text(matched.begin(), matched.end());
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  x3::_pass(ctx) = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  if (x3::_pass(ctx)) x3::_val(ctx) = Expression::number(value, offset(ctx, matched.begin()));
};
const auto fraction = '.' >> !x3::char_("*/^.") >> *digit;
const auto number_def =
    x3::raw[x3::lexeme[((+digit >> -fraction) | ('.' >> +digit)) >> -(x3::char_("eE") >> -x3::char_("+-") >> +digit) >>
                       !word_character]][set_number];

const auto set_string = [](auto& ctx) {
  const auto& matched = x3::_attr(ctx);
  x3::_val(ctx) = Expression::text(std::string(matched.begin() + 1, matched.end() - 1), offset(ctx, matched.begin()));
};
const auto string_def = x3::raw[x3::lexeme['"' >> *(x3::char_ - '"') >> '"']][set_string];

const auto assign = [](auto& ctx) { x3::_val(ctx) = x3::_attr(ctx); };
const auto append = [](auto& ctx) { x3::_val(ctx).push_back(x3::_attr(ctx)); };
/// Two signs are none.
const auto negate = [](auto& ctx) { x3::_val(ctx) = negated(x3::_attr(ctx)); };

/// left o right
template <Expression::Kind kind>
const auto combine = [](auto& ctx) {
  const Expression left = x3::_val(ctx);
  x3::_val(ctx) = Expression::operation(kind, {left, x3::_attr(ctx)}, left.at());
};

const auto set_range_end = [](auto& ctx) {
  const Expression first = x3::_val(ctx);
  x3::_val(ctx) = Expression::operation(Kind::range, {first, x3::_attr(ctx)}, first.at());
};
const auto index_def = sum[assign] >> -(".." > sum[set_range_end]);
const auto indices_def = '[' > (index[append] % ',') > ']';
const auto arguments_def = '(' > (sum[append] % ',') > ')';

const auto name_of_named = [](auto& ctx) {
  x3::_val(ctx).name = x3::_attr(ctx).word;
  x3::_val(ctx).at = x3::_attr(ctx).at;
};
const auto set_indices = [](auto& ctx) { x3::_val(ctx).indices = x3::_attr(ctx); };
const auto add_prime = [](auto& ctx) { ++x3::_val(ctx).primes; };
const auto set_arguments = [](auto& ctx) {
  x3::_val(ctx).arguments = x3::_attr(ctx);
  x3::_val(ctx).is_call = true;
};
const auto named_def = word[name_of_named] >> -indices[set_indices] >> x3::repeat(0, 3)[x3::lit('\'')[add_prime]] >>
                       -arguments[set_arguments];

const auto set_named = [](auto& ctx) {
  const Named& n = x3::_attr(ctx);
  if (n.is_call) {
    x3::_val(ctx) = Expression::call(n.name, n.arguments, n.indices, n.primes, n.at);
    return;
  }
  x3::_val(ctx) = Expression::name(n.name, n.indices, n.at);
  for (int k = 0; k < n.primes; ++k) x3::_val(ctx) = Expression::operation(Kind::transpose, {x3::_val(ctx)}, n.at);
};
const auto transpose = [](auto& ctx) {
  x3::_val(ctx) = Expression::operation(Kind::transpose, {x3::_val(ctx)}, x3::_val(ctx).at());
};
const auto primary_def = number[assign] | string[assign] | named[set_named] | ('(' > sum[assign] > ')');
const auto postfix_def = primary[assign] >> x3::repeat(0, 3)[x3::lit('\'')[transpose]];
const auto exponent_def = ('-' > postfix[negate]) | postfix[assign];
const auto power_def = postfix[assign] >> -('^' > exponent[combine<Kind::power>]);
const auto change_sign = [](auto& ctx) {
  if (x3::_val(ctx))
    x3::_val(ctx) = Expression();
  else
    x3::_val(ctx) = Expression::number(1);
};
const auto with_sign = [](auto& ctx) {
  const Expression& x = x3::_attr(ctx);
  x3::_val(ctx) = x3::_val(ctx) ? Expression::operation(Kind::negate, {x}, x.at()) : x;
};
// before what a sign is of, the value says whether there is one
const auto signs = *x3::lit('-')[change_sign];
const auto signed_power_def = signs >> power[with_sign];
const auto product_def = power[assign] >>
                         *(('*' > signed_power[combine<Kind::multiply>]) | (".*" > signed_power[combine<Kind::times>]) |
                           ("./" > signed_power[combine<Kind::over>]) | ('/' > signed_power[combine<Kind::divide>]));
const auto term_def = signs >> product[with_sign];
const auto sum_def = term[assign] >> *(('+' > term[combine<Kind::add>]) | ('-' > term[combine<Kind::subtract>]));

const auto set_name = [](auto& ctx) { x3::_val(ctx) = Expression::name(x3::_attr(ctx).word, {}, x3::_attr(ctx).at); };
const auto name_indices = [](auto& ctx) {
  x3::_val(ctx) = Expression::name(x3::_val(ctx).name(), x3::_attr(ctx), x3::_val(ctx).at());
};
const auto name_def = word[set_name] >> -indices[name_indices];
const auto derivative_of_def =
    derivative_word[set_name] >> -indices[name_indices] >> '/' >> x3::lexeme["dt" >> !word_character];

const auto set_left = [](auto& ctx) { x3::_val(ctx).left = x3::_attr(ctx); };
const auto set_tau = [](auto& ctx) { x3::_val(ctx).tau = x3::_attr(ctx); };
const auto set_right = [](auto& ctx) { x3::_val(ctx).right = x3::_attr(ctx); };
template <Statement::Type type>
const auto set_type = [](auto& ctx) { x3::_val(ctx).type = type; };
const auto set_named_left = [](auto& ctx) {
  const Named& n = x3::_attr(ctx);
  Statement& statement = x3::_val(ctx);
  statement.tau = Expression();  // what an alternative that failed has left
  statement.type = n.is_call ? Statement::Type::function : Statement::Type::equation;
  statement.left = n.is_call ? Expression::call(n.name, n.arguments, n.indices, n.primes, n.at)
                             : Expression::name(n.name, n.indices, n.at);
  // a rule on a transpose is refused where it is expanded, by its name
  if (n.primes > 0 && !n.is_call) statement.left = Expression::operation(Kind::transpose, {statement.left}, n.at);
  x3::_pass(ctx) = n.primes == 0 || !n.is_call;
};
const auto moving_left = (derivative_of[set_left] | (product[set_tau] >> derivative_of[set_left])) >>
                         x3::eps[set_type<Statement::Type::moving>];
const auto equation_def =
    ((moving_left > '=') | (named[set_named_left] >> x3::lit("+=")[set_type<Statement::Type::rule>]) |
     (named[set_named_left] >> '=')) > sum[set_right];
const auto size_def = x3::lit("size") > name[set_left] > x3::lit('=')[set_type<Statement::Type::size>] > sum[set_right];

const auto set_variable = [](auto& ctx) { x3::_val(ctx).variable = x3::_attr(ctx).word; };
const auto set_first = [](auto& ctx) { x3::_val(ctx).first = x3::_attr(ctx); };
const auto set_last = [](auto& ctx) { x3::_val(ctx).last = x3::_attr(ctx); };
const auto set_step = [](auto& ctx) { x3::_val(ctx).step = x3::_attr(ctx); };
const auto range_def = word[set_variable] > '=' > sum[set_first] > ".." > sum[set_last] >
                       -(x3::lexeme["step" >> !word_character] > sum[set_step]);

const auto set_unequal = [](auto& ctx) { x3::_val(ctx).equal = false; };
const auto condition_left = [](auto& ctx) { x3::_val(ctx).left = x3::_attr(ctx); };
const auto condition_right = [](auto& ctx) { x3::_val(ctx).right = x3::_attr(ctx); };
const auto condition_def = sum[condition_left] > (x3::lit("==") | x3::lit("!=")[set_unequal]) > sum[condition_right];

BOOST_SPIRIT_DEFINE(sum, term, signed_power, product, power, exponent, postfix, primary, number, string, word,
                    derivative_word, index, indices, arguments, name, named, derivative_of, equation, size, range,
                    condition)

// --- what is said of faults ---------------------------------------------------------------------------------------

/// What was expected, in the words of the grammar.
std::string expected(const std::string& which) {
  // a literal's name comes with quotes of its own
  if (which == "\"]\"" || which == "']'") return "], or a comma and another index";
  if (which == "\")\"" || which == "')'") return "), or an operator and a further term";
  return which;
}

void check_limits(const Piece& piece, const Expression& e) {
  const Where where{piece.source, e.at()};
  if (e.size() > max_expression)
    fail(where, fmt::format("an expression of {} numbers, names and operators", e.size()),
         fmt::format("at most {}: write an auxiliary population", max_expression));
  visit(e, [&](const Expression& node) {
    const bool is_text = node.is(Kind::text);
    if (is_text || node.is(Kind::name) || node.is(Kind::call)) {
      const std::size_t most = is_text ? max_text : max_word;
      if (node.name().size() > most)
        fail({piece.source, node.at()},
             fmt::format("a {} of {} characters", is_text ? "text" : "name", node.name().size()),
             fmt::format("at most {}", most));
    }
    return true;
  });
}

void check_limits(const Piece& piece, const Statement& s) {
  for (const Expression* e : {&s.left, &s.tau, &s.right})
    if (*e) check_limits(piece, *e);
}

void check_limits(const Piece& piece, const Range& r) {
  for (const Expression* e : {&r.first, &r.last, &r.step})
    if (*e) check_limits(piece, *e);
  check_limits(piece, Expression::name(r.variable, {}, r.first.at()));
}

void check_limits(const Piece& piece, const Condition& c) {
  check_limits(piece, c.left);
  check_limits(piece, c.right);
}

template <typename Rule, typename Value>
void parse_piece(const Piece& piece, const Rule& rule, Value& value, const char* what, const char* more) {
  const auto at = [&](std::size_t i) { return piece.blanked.begin() + static_cast<std::ptrdiff_t>(i); };
  Iterator first = at(piece.begin);
  const Iterator last = at(piece.end);
  while (first != last && std::isspace(static_cast<unsigned char>(*first)) != 0) ++first;
  const Iterator start = first;
  const Iterator begin = piece.blanked.begin();
  bool matched = false;
  try {
    matched = x3::phrase_parse(first, last, x3::with<Begin>(std::cref(begin))[rule], x3::ascii::space, value);
  } catch (const x3::expectation_failure<Iterator>& failure) {
    Iterator where = failure.where();
    while (where != last && std::isspace(static_cast<unsigned char>(*where)) != 0) ++where;
    if (where == last)
      while (where != start && std::isspace(static_cast<unsigned char>(*(where - 1))) != 0) --where;
    fail(piece.where(where), fmt::format("found {}", shown(where, last)), expected(failure.which()));
  }
  if (!matched) fail(piece.where(start), fmt::format("found {}", shown(start, last)), what);
  if (first != last) fail(piece.where(first), fmt::format("found {}", shown(first, last)), more);
  check_limits(piece, value);
}

constexpr const char* more_of_it = "an operator (+ - * / .* ./ ^), ', or the end of the line";

}  // namespace

bool is_keyword(std::string_view text) {
  constexpr std::array<std::string_view, 6> keywords{"for", "if", "else", "end", "size", "step"};
  return std::find(keywords.begin(), keywords.end(), text) != keywords.end();
}

std::string shown(std::string::const_iterator at, std::string::const_iterator end) {
  if (at == end) return "the end of the equation";
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  auto stop = at + 1;
  if (is_word(*at)) stop = std::find_if_not(at, end, is_word);
  const auto byte = static_cast<unsigned char>(*at);
  if (byte < 0x20 || byte >= 0x7f) return fmt::format("a character that is not ASCII (byte 0x{:02x})", byte);
  return fmt::format("\"{}\"", std::string(at, std::min(stop, at + 40)));
}

void read(const Piece& piece, Statement& statement) {
  parse_piece(piece, equation, statement, an_equation, more_of_it);
}
void read_size(const Piece& piece, Statement& statement) {
  parse_piece(piece, size, statement, "size x = ..", more_of_it);
}
void read(const Piece& piece, Range& value) {
  parse_piece(piece, range, value, "l = first..last", "step, or the end of the line");
}
void read(const Piece& piece, Condition& value) {
  parse_piece(piece, condition, value, "parameter == value", "the end of the line");
}
void read(const Piece& piece, Expression& value) { parse_piece(piece, sum, value, "an expression", more_of_it); }
void read_names(const Piece& piece, Expression& value) { parse_piece(piece, name, value, "a name", "[, or the end"); }

}  // namespace dynvert::equations
