#include <dynvert/models/equations/grammar.hpp>
#include <dynvert/models/equations/parser.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace dynvert::equations {

namespace {

constexpr std::size_t max_statement = 200'000;  // characters
constexpr int max_brackets = 64;                // one in another
constexpr std::size_t max_blocks = 16;          // likewise

class StatementReader {
 public:
  explicit StatementReader(const std::shared_ptr<const Source>& source) : source_(source), blanked_(source->text) {
    split();
  }

  std::vector<Statement> read() {
    std::vector<Statement> result = block(0);
    if (next_ < pieces_.size())
      fail({source_, pieces_[next_].first}, fmt::format("{} without a for or an if before it", keyword(next_)),
           an_equation);
    return result;
  }

  /// The text as one statement, whatever lines it has.
  Piece whole() {
    if (pieces_.size() > 1) {
      fail({source_, pieces_[1].first}, "a second line", "one");
    }
    if (pieces_.empty()) return {source_, blanked_, blanked_.size(), blanked_.size()};
    return {source_, blanked_, pieces_[0].first, pieces_[0].second};
  }

 private:
  /// Statements by their places, with comments and the line breaks within them blank.
  void split() {
    std::size_t begin = 0;
    int open = 0;
    char last = '\n';  // that is no space
    for (std::size_t i = 0; i <= blanked_.size(); ++i) {
      if (i < blanked_.size() && blanked_[i] == '#')
        while (i < blanked_.size() && blanked_[i] != '\n') blanked_[i++] = ' ';
      const bool at_end = i >= blanked_.size();
      if (at_end || blanked_[i] == '\n') {
        const bool continues = !at_end && (open > 0 || (begin < i && is_open_end(last)));
        if (continues) {
          blanked_[i] = ' ';
          continue;
        }
        finish(begin, i);
        begin = i + 1;
        open = 0;
        last = '\n';
        continue;
      }
      const char c = blanked_[i];
      if (c == '"') {
        const auto close = blanked_.find_first_of("\"\n", i + 1);
        if (close == std::string::npos || blanked_[close] == '\n')
          fail({source_, i}, "a quote that nothing closes", "\"text\"");
        i = close;
      }
      if (c == '(' || c == '[') ++open;
      if (open > max_brackets) fail({source_, i}, "too many brackets in one another", fmt::format("{}", max_brackets));
      if ((c == ')' || c == ']') && open > 0) --open;
      if (std::isspace(static_cast<unsigned char>(c)) == 0) last = c;
    }
  }

  static bool is_open_end(char c) { return std::string_view("+-*/^=,").find(c) != std::string_view::npos; }

  void finish(std::size_t begin, std::size_t end) {
    const auto first = blanked_.find_first_not_of(" \t\r\n", begin);
    if (first == std::string::npos || first >= end) return;
    if (end - first > max_statement)
      fail({source_, first}, fmt::format("a statement of {} characters", end - first),
           fmt::format("at most {}: write an auxiliary population", max_statement));
    pieces_.emplace_back(first, end);
  }

  /// The first word of a statement, where that is a keyword of blocks.
  [[nodiscard]] std::string keyword(std::size_t i) const {
    std::size_t end = pieces_[i].first;
    while (end < pieces_[i].second && std::isalnum(static_cast<unsigned char>(blanked_[end])) != 0) ++end;
    const std::string text = blanked_.substr(pieces_[i].first, end - pieces_[i].first);
    if (end < blanked_.size() && blanked_[end] == '_') return "";
    return is_keyword(text) ? text : "";
  }

  [[nodiscard]] Piece piece(std::size_t i, std::size_t skip) const {
    return {source_, blanked_, pieces_[i].first + skip, pieces_[i].second};
  }

  void expect_nothing_after(std::size_t i, std::size_t skip) const {
    const auto rest = blanked_.find_first_not_of(" \t\r\n", pieces_[i].first + skip);
    if (rest < pieces_[i].second)
      fail({source_, rest},
           fmt::format("found {}", shown(blanked_.begin() + static_cast<std::ptrdiff_t>(rest),
                                         blanked_.begin() + static_cast<std::ptrdiff_t>(pieces_[i].second))),
           "the end of the line");
  }

  /// Statements up to an `end` or `else`, which stays.
  std::vector<Statement> block(std::size_t depth) {
    std::vector<Statement> result;
    while (next_ < pieces_.size()) {
      const std::string first = keyword(next_);
      const Where where{source_, pieces_[next_].first};
      if (first == "end" || first == "else") return result;
      if ((first == "for" || first == "if") && depth >= max_blocks)
        fail(where, "too many blocks in one another", fmt::format("{}", max_blocks));
      Statement statement;
      if (first == "for") {
        statement.type = Statement::Type::loop;
        equations::read(piece(next_, 3), statement.range);
        const std::size_t begin = next_++;
        statement.body = block(depth + 1);
        close(begin);
      } else if (first == "if") {
        statement = choice(2, depth);
      } else if (first == "size") {
        read_size(piece(next_, 0), statement);
        ++next_;
      } else {
        equations::read(piece(next_, 0), statement);
        ++next_;
      }
      statement.where = where;
      result.push_back(std::move(statement));
    }
    return result;
  }

  /// @param skip  length of "if" or "else if"
  Statement choice(std::size_t skip, std::size_t depth) {
    Statement statement;
    statement.type = Statement::Type::choice;
    statement.where = {source_, pieces_[next_].first};
    equations::read(piece(next_, skip), statement.condition);
    const std::size_t begin = next_++;
    statement.body = block(depth + 1);
    if (next_ < pieces_.size() && keyword(next_) == "else") {
      const auto after = blanked_.find_first_not_of(" \t", pieces_[next_].first + 4);
      if (after < pieces_[next_].second && blanked_.compare(after, 2, "if") == 0 &&
          std::isspace(static_cast<unsigned char>(blanked_[after + 2])) != 0) {
        if (depth + 1 >= max_blocks)
          fail({source_, after}, "too many blocks in one another", fmt::format("{}", max_blocks));
        statement.otherwise.push_back(choice(after + 2 - pieces_[next_].first, depth + 1));
        return statement;  // one `end` for all
      }
      expect_nothing_after(next_, 4);
      ++next_;
      statement.otherwise = block(depth + 1);
    }
    close(begin);
    return statement;
  }

  void close(std::size_t begin) {
    const bool is_end = next_ < pieces_.size() && keyword(next_) == "end";
    if (!is_end)
      fail({source_, pieces_[begin].first}, fmt::format("{} without an end", keyword(begin)),
           "end on a line of its own");
    expect_nothing_after(next_, 3);
    ++next_;
  }

  const std::shared_ptr<const Source>& source_;
  std::string blanked_;
  std::vector<std::pair<std::size_t, std::size_t>> pieces_;
  std::size_t next_ = 0;
};

}  // namespace

std::vector<Statement> parse_statements(const std::shared_ptr<const Source>& source) {
  return StatementReader(source).read();
}

Expression parse_expression(const std::shared_ptr<const Source>& source) {
  StatementReader reader(source);
  Expression value;
  read(reader.whole(), value);
  return value;
}

Expression parse_names(const std::shared_ptr<const Source>& source) {
  StatementReader reader(source);
  Expression value;
  read_names(reader.whole(), value);
  return value;
}

Range parse_range(const std::shared_ptr<const Source>& source) {
  StatementReader reader(source);
  Range value;
  read(reader.whole(), value);
  return value;
}

Condition parse_condition(const std::shared_ptr<const Source>& source) {
  StatementReader reader(source);
  Condition value;
  read(reader.whole(), value);
  return value;
}

}  // namespace dynvert::equations
