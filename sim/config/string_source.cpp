#include <dynvert/sim/config/string_source.hpp>

namespace dynvert {

namespace {

/// Whether the file has the value there; its line breaks may be those of Windows.
bool stands_at(const std::string& text, std::size_t at, const std::string& value) {
  for (const char c : value) {
    if (at < text.size() && text[at] == '\r' && c != '\r') ++at;
    if (at >= text.size() || text[at] != c) return false;
    ++at;
  }
  return true;
}

}  // namespace

std::shared_ptr<const equations::Source> source_of_string(const std::string& text, const std::string& file,
                                                          std::size_t line, std::size_t column,
                                                          const std::string& value) {
  auto source = std::make_shared<equations::Source>(equations::Source{value, file, line, column});
  std::size_t at = 0;
  for (std::size_t i = 1; i < line; ++i) {
    at = text.find('\n', at);
    if (at == std::string::npos) return source;
    ++at;
  }
  if (line == 0 || at + column - 1 > text.size()) return source;
  at += column - 1;
  const auto has = [&](const char* what) { return text.compare(at, std::char_traits<char>::length(what), what) == 0; };
  const std::size_t quotes = has("'''") || has("\"\"\"") ? 3 : has("'") || has("\"") ? 1 : 0;
  at += quotes;
  std::size_t lines = 0;
  column += quotes;
  // the line break after three quotes is not part of the text
  const std::size_t line_break = has("\r\n") ? 2 : has("\n") ? 1 : 0;
  if (quotes == 3 && line_break > 0) {
    at += line_break;
    lines = 1;
    column = 1;
  }
  if (stands_at(text, at, value)) {
    source->line += lines;
    source->column = column;
  }
  return source;
}

}  // namespace dynvert
