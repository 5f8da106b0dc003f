#include <dynvert/models/equations/source.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dynvert::equations {

namespace {

std::string message(const EquationError::Data& d, std::size_t caret) {
  std::string text;
  if (!d.file.empty()) text += d.file;
  if (d.line > 0) text += fmt::format(":{}:{}", d.line, d.column);
  if (!text.empty()) text += ": ";
  text += d.fault;
  if (!d.nearest.empty()) text += fmt::format("; did you mean \"{}\"?", d.nearest);
  if (!d.equation.empty()) text += fmt::format("\n    {}\n    {}^", d.equation, std::string(caret, ' '));
  if (!d.allowed.empty()) text += fmt::format("\n  allowed: {}", d.allowed);
  return text;
}

}  // namespace

EquationError::EquationError(Data data, std::size_t caret) : Error(message(data, caret)), data_(std::move(data)) {}

void fail(const Where& where, std::string fault, std::string allowed, std::string nearest) {
  EquationError::Data data{.fault = std::move(fault), .allowed = std::move(allowed), .nearest = std::move(nearest)};
  std::size_t caret = 0;
  if (where.source) {
    const std::string& text = where.source->text;
    const std::size_t offset = std::min(where.offset, text.size());
    const auto before = text.begin() + static_cast<std::ptrdiff_t>(offset);
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), before, '\n'));
    const std::size_t begin = lines == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
    const std::size_t end = std::min(text.find('\n', offset), text.size());
    data.file = where.source->file;
    data.line = where.source->line + lines;
    data.column = offset - begin + (lines == 0 ? where.source->column : 1);
    // what a terminal shows of it: no indentation, no control characters, no line without end
    constexpr std::size_t longest = 160;
    std::size_t first = std::min(text.find_first_not_of(" \t", begin), offset);
    if (offset - first > longest / 2) first = offset - longest / 2;
    data.equation = text.substr(first, std::min(end - std::min(first, end), longest));
    for (char& c : data.equation) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) c = ' ';
    }
    caret = offset - first;
  }
  throw EquationError(std::move(data), caret);
}

}  // namespace dynvert::equations
