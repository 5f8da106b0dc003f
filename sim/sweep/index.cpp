#include <dynvert/sim/export/csv.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>
#include <dynvert/sim/sweep/index.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <variant>

namespace dynvert {

namespace {

/// The columns that say which sweep it is: file, keys, seed.
std::vector<std::string> identity_header(const SweepTable& table) {
  std::vector<std::string> header{"file"};
  for (const SweepAxis& axis : table.axes) {
    if (axis.key != seed_key) header.push_back(axis.key);
  }
  header.emplace_back("seed");
  return header;
}

std::vector<std::string> identity_of(const SweepTable& table, std::size_t point) {
  std::vector<std::string> fields{table.points[point].name + ".h5"};
  for (std::size_t a = 0; a < table.axes.size(); ++a) {
    if (table.axes[a].key != seed_key) fields.push_back(table.points[point].values[a]);
  }
  fields.push_back(fmt::format("{}", table.seeds[point]));
  return fields;
}

bool begins_with(const std::vector<std::string>& line, const std::vector<std::string>& start) {
  return line.size() >= start.size() && std::equal(start.begin(), start.end(), line.begin());
}

/// The keys of an index, without file and seed.
std::string keys_text(const std::vector<std::string>& header) {
  const std::vector<std::string> keys(header.begin() + 1, std::ranges::find(header, "seed"));
  return keys.empty() ? "seeds only" : fmt::format("{}", fmt::join(keys, ", "));
}

std::optional<std::int64_t> whole_attribute(const RunReader& file, const std::string& object, const std::string& name) {
  const auto value = file.attribute(object, name);
  return value && std::holds_alternative<std::int64_t>(*value) ? std::optional(std::get<std::int64_t>(*value))
                                                               : std::nullopt;
}

/// The last value that can be trusted.
std::optional<double> last_value(const RunReader& file, const SweepResult& result) {
  const std::string group = fmt::format("/models/{}/eval/", result.model), dataset = group + result.dataset;
  if (!file.has(dataset) || !file.has(group + "evaluation")) return std::nullopt;
  const std::int64_t committed = whole_attribute(file, group + "evaluation", rows_committed_attribute).value_or(0);
  const std::size_t rows =
      std::min(file.length(dataset), static_cast<std::size_t>(std::max<std::int64_t>(committed, 0)));
  return rows == 0 ? std::nullopt : std::optional(file.value(dataset, rows - 1));
}

}  // namespace

const char* status_text(PointStatus status) {
  switch (status) {
    case PointStatus::complete:
      return "complete";
    case PointStatus::interrupted:
      return "interrupted";
    case PointStatus::diverged:
      return "diverged";
    case PointStatus::failed:
      return "failed";
    case PointStatus::not_run:
      break;
  }
  return "not run";
}

std::string index_text(const SweepTable& table, const std::vector<PointState>& states) {
  std::vector<std::string> header = identity_header(table);
  header.insert(header.end(), {"status", "trials"});
  for (const auto& [model, dataset] : table.results) header.push_back(dataset + "_" + model);
  std::string text = csv_line(header);
  for (std::size_t p = 0; p < table.points.size(); ++p) {
    const PointState& state = states[p];
    std::vector<std::string> fields = identity_of(table, p);
    fields.insert(fields.end(), {status_text(state.status), fmt::format("{}", state.trials)});
    for (std::size_t r = 0; r < table.results.size(); ++r) {
      const bool known = r < state.results.size() && state.results[r];
      fields.push_back(known ? csv_number(*state.results[r]) : "");
    }
    text += csv_line(fields);
  }
  return text;
}

std::string index_difference(std::string_view text, const std::string& path, const SweepTable& table, Points points) {
  const auto lines = parse_csv(text);
  const auto is_index = [&] {
    if (!lines || lines->empty()) return false;
    const std::vector<std::string>& header = lines->front();
    if (header.front() != "file" || std::ranges::find(header, "seed") == header.end()) return false;
    return std::ranges::all_of(*lines, [&](const auto& line) { return line.size() == header.size(); });
  };
  if (!is_index()) throw IoError(path, "is not an index of a sweep, or is damaged", "another folder");

  const std::vector<std::string> header = identity_header(table);
  if (!begins_with(lines->front(), header)) {
    return fmt::format("swept there: {}; here: {}", keys_text(lines->front()), keys_text(header));
  }
  const std::size_t count = lines->size() - 1;
  if (points == Points::same && count != table.points.size()) {
    return fmt::format("{} runs there, {} here", count, table.points.size());
  }
  std::unordered_map<std::string, std::size_t> here;  // points by their files
  for (std::size_t p = 0; p < table.points.size(); ++p) here.emplace(identity_of(table, p).front(), p);
  for (std::size_t line = 1; line <= count; ++line) {
    const std::vector<std::string>& there = (*lines)[line];
    const auto point = here.find(there.front());
    if (point == here.end()) return fmt::format("{} is there, and not here", there.front());
    const std::vector<std::string> same = identity_of(table, point->second);
    if (begins_with(there, same)) continue;
    return fmt::format("{} is of {} there, of {} here", same.front(),
                       fmt::join(there.begin() + 1, there.begin() + std::ssize(same), ", "),
                       fmt::join(same.begin() + 1, same.end(), ", "));
  }
  return {};
}

PointState state_of(const std::string& path, const std::vector<SweepResult>& results) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  PointState state{.status = PointStatus::interrupted};
  try {
    const RunReader file(path);
    state.trials = whole_attribute(file, "/", "trials_committed").value_or(0);
    for (const SweepResult& result : results) state.results.push_back(last_value(file, result));
    if (whole_attribute(file, "/", "complete") == 1) {
      state.status = PointStatus::complete;
    } else if (file.attribute("/", "status") == AttributeValue(std::string("diverged"))) {
      state.status = PointStatus::diverged;
    }
    return state;
  } catch (const IoError&) {
    return {.status = PointStatus::interrupted};
  }
}

}  // namespace dynvert
