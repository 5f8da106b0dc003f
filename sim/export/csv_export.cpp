#include <dynvert/models/error.hpp>
#include <dynvert/sim/export/csv.hpp>
#include <dynvert/sim/export/export.hpp>
#include <dynvert/sim/inspect/inspect.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/new_file.hpp>
#include <dynvert/sim/record/role.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace dynvert {

namespace {

constexpr std::size_t max_columns = 16384;
/// values of all columns that are in memory at a time
constexpr std::size_t block_bytes = std::size_t{1} << 20;

/// Datasets side by side, a line each position of an axis that they share.
struct Table {
  struct Part {
    std::string dataset;
    std::size_t columns = 1;
    bool integer = false;
    std::size_t every = 1;  ///< it has a value in every so many lines
  };
  std::size_t lines = 0;
  std::vector<std::string> header;
  std::vector<Part> parts;
  /// what a part has in lines first .. first + count - 1, one after the other
  std::function<std::vector<double>(const Part&, std::size_t first, std::size_t count)> read;
};

std::string text_attribute(const RunReader& file, const std::string& dataset, const std::string& name) {
  const auto value = file.attribute(dataset, name);
  return value && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : std::string();
}

/// Adds a dataset whose axes after the table's own are `extent`; columns are named delta_1[0], W2[3][4].
/// @param numbers  of the units, where not all of them are there
void add_part(Table& table, const RunReader& file, const std::string& dataset, const std::vector<std::size_t>& extent,
              const std::vector<double>& numbers = {}) {
  const std::string name = dataset.substr(dataset.rfind('/') + 1);
  const std::string units = text_attribute(file, dataset, "units");
  const std::string suffix = units.empty() || units == "1" ? "" : fmt::format(" ({})", units);
  std::size_t columns = 1;
  for (const std::size_t n : extent) {
    if (n > max_columns) columns = max_columns + 1;
    columns = std::min(columns * std::min(n, max_columns + 1), max_columns + 1);
  }
  if (table.header.size() + columns > max_columns) {
    throw ValueError("export to .csv", fmt::format("with {} the table has more than {} columns", dataset, max_columns),
                     "export to .mat, or another group");
  }
  for (std::size_t c = 0; c < columns; ++c) {
    std::string index;
    std::size_t rest = c;
    for (std::size_t axis = extent.size(); axis-- > 0;) {
      const std::size_t unit = rest % extent[axis];
      index = (numbers.empty() ? fmt::format("[{}]", unit) : fmt::format("[{:.0f}]", numbers[unit])) + index;
      rest /= extent[axis];
    }
    table.header.push_back(csv_field(name + index + suffix));
  }
  table.parts.push_back({.dataset = dataset, .columns = columns, .integer = file.is_integer(dataset)});
}

std::vector<std::size_t> after(const std::vector<std::size_t>& shape, std::size_t axes) {
  return {shape.begin() + static_cast<std::ptrdiff_t>(axes), shape.end()};
}

/// A group whose rows are trials, evaluations or snapshots.
Table table_of_rows(const RunReader& file, const std::string& group, std::vector<std::string>& left_out) {
  Table table;
  const auto names = file.children(group);
  // the row dimension is the first dataset that is written, and the first axis of those that belong to the table
  std::string rows;
  for (const std::string& name : names) {
    const auto axes = file.axes(group + "/" + name);
    if (axes.size() > 1 || (axes.size() == 1 && !axes[0].empty())) {
      rows = axes[0];
      break;
    }
  }
  if (rows.empty() && !names.empty()) rows = names.front();
  if (rows.empty()) throw ValueError("export to .csv", fmt::format("{} has no rows", group), "another group");
  table.lines = file.length(group + "/" + rows);
  add_part(table, file, group + "/" + rows, {});
  for (const std::string& name : names) {
    const std::string dataset = group + "/" + name;
    const auto axes = file.axes(dataset);
    if (name == rows || axes.empty() || (axes.size() == 1 && axes[0].empty())) continue;
    if (axes[0] == rows) {
      add_part(table, file, dataset, after(file.shape(dataset), 1));
    } else {
      left_out.push_back(fmt::format("{}, which is not over {}", dataset, rows));
    }
  }
  table.read = [&file](const Table::Part& part, std::size_t first, std::size_t count) {
    return file.rows(part.dataset, first, count).values;
  };
  return table;
}

/// Adds what has less than the whole of a population: it may have some units, and fewer samples.
/// @return whether its samples are those of some of the lines
bool add_excerpt(Table& table, const RunReader& file, const std::string& group, const std::string& name,
                 const std::vector<double>& time) {
  const std::string dataset = group + "/" + name;
  const auto axes = file.axes(dataset);
  if (axes.size() != 3 || (axes[1] != "time" && axes[1] != "time_of_" + name)) return false;
  std::vector<double> own = time, numbers;
  if (axes[1] != "time") own = file.column(group + "/" + axes[1]);
  if (axes[2].starts_with("unit_of_")) numbers = file.column(group + "/" + axes[2]);
  if (own.empty() || (!numbers.empty() && numbers.size() != file.shape(dataset)[2])) return false;
  // the same numbers, as the samples are
  const auto second = own.size() == 1 ? time.end() : std::ranges::find(time, own[1]);
  const auto every = static_cast<std::size_t>(second - time.begin());
  if (every == 0 || own.size() != (time.size() + every - 1) / every) return false;
  add_part(table, file, dataset, after(file.shape(dataset), 2), numbers);
  table.parts.back().every = every;
  return true;
}

/// One record of a trace against time.
Table table_of_trace(const RunReader& file, const std::string& group, std::size_t record,
                     std::vector<std::string>& left_out) {
  Table table;
  const std::string time = group + "/time";
  if (!file.has(time)) throw ValueError("export to .csv", fmt::format("{} has no axis time", group), "another model");
  const auto times = file.column(time);
  table.lines = times.size();
  add_part(table, file, time, {});
  for (const std::string& name : file.children(group)) {
    const std::string dataset = group + "/" + name;
    const auto axes = file.axes(dataset);
    if (is_excerpt(file, dataset) && add_excerpt(table, file, group, name, times)) continue;
    if (axes.size() >= 2 && axes[1] == "time") {
      add_part(table, file, dataset, after(file.shape(dataset), 2));
    } else if (axes.size() >= 2) {
      left_out.push_back(fmt::format("{}, which is not over time", dataset));
    }
  }
  table.read = [&file, time, record](const Table::Part& part, std::size_t first, std::size_t count) {
    if (part.dataset == time) return file.rows(time, first, count).values;
    const std::size_t from = (first + part.every - 1) / part.every;
    return file.part(part.dataset, record, from, (first + count + part.every - 1) / part.every - from).values;
  };
  return table;
}

void write_table(const Table& table, int descriptor, const std::string& name) {
  std::uint64_t written = 0;
  std::string text = fmt::format("{}\r\n", fmt::join(table.header, ","));
  const auto flush = [&] {
    write_at(descriptor, written, text.data(), text.size(), name);
    written += text.size();
    text.clear();
  };
  const std::size_t block = std::max<std::size_t>(1, block_bytes / std::max<std::size_t>(1, table.header.size()));
  for (std::size_t first = 0; first < table.lines; first += block) {
    const std::size_t count = std::min(block, table.lines - first);
    std::vector<std::vector<double>> values;
    for (const Table::Part& part : table.parts) {
      values.push_back(table.read(part, first, count));
      const std::size_t lines = (first + count + part.every - 1) / part.every - (first + part.every - 1) / part.every;
      if (values.back().size() != lines * part.columns) {
        throw IoError(part.dataset, "does not have the rows that its axis declares", "");
      }
    }
    for (std::size_t line = 0; line < count; ++line) {
      bool next = false;
      for (std::size_t p = 0; p < table.parts.size(); ++p) {
        const auto& [dataset, columns, integer, every] = table.parts[p];
        const std::size_t from = (first + line) / every - (first + every - 1) / every;
        for (std::size_t c = 0; c < columns; ++c) {
          if (next) text += ',';
          next = true;
          if ((first + line) % every == 0) text += csv_number(values[p][from * columns + c], integer);
        }
      }
      text += "\r\n";
      if (text.size() > block_bytes) flush();
    }
  }
  flush();
}

}  // namespace

std::vector<std::string> write_csv(const RunReader& file, const ExportSelection& selection, int descriptor,
                                   const std::string& name) {
  if (selection.models.size() != 1) {
    throw ValueError("export to .csv", "takes one table of one model",
                     fmt::format("--model with one of {}", fmt::join(selection.models, ", ")));
  }
  const std::string& model = selection.models.front();
  const std::string path = fmt::format("/models/{}", model);
  std::vector<std::string> left_out;
  if (selection.trial) {
    write_table(table_of_trace(file, path + "/trace", find_record(file, model, *selection.trial), left_out), descriptor,
                name);
    return left_out;
  }
  std::string group = selection.group.empty() ? rows_of(file, model) : path + "/" + selection.group;
  if (group.empty()) {
    throw ValueError("export to .csv", fmt::format("model {} has traces only", model),
                     "--trial with the number of a recorded trial");
  }
  std::vector<std::string> groups;
  for (const std::string& child : file.children(path)) groups.push_back(child);
  if (!selection.group.empty() && std::ranges::find(groups, selection.group) == groups.end()) {
    throw ValueError(fmt::format("--group {}", selection.group), fmt::format("model {} has no such group", model),
                     fmt::format("{}", fmt::join(groups, ", ")));
  }
  if (group == path + "/trace") {
    throw ValueError("--group trace", "has many tables", "--trial with the number of a recorded trial");
  }
  write_table(table_of_rows(file, group, left_out), descriptor, name);
  return left_out;
}

}  // namespace dynvert
