#include "table.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <regex>
#include <set>
#include <stdexcept>

namespace dynvert::benchmarks {

namespace {

Timing timing(std::vector<double> times) {
  std::ranges::sort(times);
  const std::size_t middle = times.size() / 2;
  const double median = times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
  return {median, times.front(), times.back()};
}

std::string with_unit(double seconds) {
  const auto [scale, unit] = seconds < 1e-3 ? std::pair(1e6, "us")
                             : seconds < 1  ? std::pair(1e3, "ms")
                                            : std::pair(1.0, "s");
  const double value = seconds * scale;
  return fmt::format("{:.{}f} {}", value, value < 9.95 ? 2 : value < 99.5 ? 1 : 0, unit);
}

/// Takes the times of each repetition; Google's own aggregates are of iterations, not of items.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  using Take = std::function<void(const std::string& name, double seconds_an_iteration, const std::string& error)>;
  explicit Collector(Take take) : take_(std::move(take)) {}

  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      take_(run.run_name.function_name, run.cpu_accumulated_time / static_cast<double>(run.iterations),
            run.error_occurred ? run.error_message : "");
    }
  }

 private:
  Take take_;
};

}  // namespace

void Table::add(Row row, Body body) {
  const auto known = [&](const std::string& name) {
    return std::ranges::any_of(entries_, [&](const Entry& e) { return e.row.name == name; });
  };
  if (known(row.name)) throw std::invalid_argument("two rows are named \"" + row.name + "\"");
  if (!row.against.empty() && !known(row.against))
    throw std::invalid_argument("\"" + row.name + "\" is compared with \"" + row.against + "\", which is no row");
  entries_.push_back({std::move(row), std::move(body)});
}

const Table::Entry& Table::find(const std::string& name) const {
  return *std::ranges::find_if(entries_, [&](const Entry& e) { return e.row.name == name; });
}

void Table::run(const RunOptions& options) {
  const std::regex filter(options.filter);
  std::set<std::string> chosen;
  for (const Entry& entry : entries_) {
    if (!std::regex_search(entry.row.name, filter)) continue;
    chosen.insert(entry.row.name);
    if (!entry.row.against.empty() && !options.alone) chosen.insert(entry.row.against);
  }
  if (chosen.empty()) throw std::runtime_error("no row fits the filter \"" + options.filter + "\"");

  std::array arguments{std::string("benchmarks"), std::string("--benchmark_enable_random_interleaving=true")};
  std::array<char*, arguments.size()> pointers{};
  std::ranges::transform(arguments, pointers.begin(), [](std::string& s) { return s.data(); });
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());

  for (Entry& entry : entries_) {
    if (!chosen.contains(entry.row.name)) continue;
    auto* timed = benchmark::RegisterBenchmark(entry.row.name.c_str(), entry.body);
    timed->Repetitions(static_cast<int>(options.repetitions));
    if (entry.row.iterations > 0) {
      timed->Iterations(static_cast<benchmark::IterationCount>(entry.row.iterations));
    } else {
      timed->MinTime(options.shortest);
    }
  }
  Collector collector([&](const std::string& name, double seconds, const std::string& error) {
    Entry& entry = *std::ranges::find_if(entries_, [&](const Entry& e) { return e.row.name == name; });
    if (!error.empty()) entry.error = error;
    entry.times.push_back(seconds / static_cast<double>(entry.row.items));
  });
  benchmark::RunSpecifiedBenchmarks(&collector, "all");
  benchmark::Shutdown();
  for (const Entry& entry : entries_) {
    if (!entry.error.empty()) throw std::runtime_error("\"" + entry.row.name + "\" failed: " + entry.error);
  }
}

std::vector<Table::Cells> Table::cells() const {
  std::vector<Cells> cells;
  for (const Entry& entry : entries_) {
    const Row& row = entry.row;
    if (entry.times.empty()) continue;
    const auto compared = [&](const Entry& other) { return other.row.against == row.name; };
    if (row.against.empty() && std::ranges::any_of(entries_, compared)) continue;
    const Timing own = timing(entry.times);
    Cells c{.name = row.name, .time = with_unit(own.median)};
    cells.push_back(c);
    if (row.against.empty() || find(row.against).times.empty()) continue;
    const Timing reference = timing(find(row.against).times);
    const double speed = reference.median / own.median;
    c.reference = with_unit(reference.median);
    switch (row.bar.kind) {
      case Bar::Kind::cost:
        c.ratio = fmt::format("{:.2f} of its time", 1 / speed);
        c.bar = fmt::format("at most {:g}", row.bar.value);
        c.met = 1 / speed <= row.bar.value ? "yes" : "no";
        break;
      case Bar::Kind::speed:
        c.bar = fmt::format("at least {:g} x", row.bar.value);
        c.met = speed >= row.bar.value ? "yes" : "no";
        [[fallthrough]];
      case Bar::Kind::none:
        c.ratio = fmt::format("{:.{}f} x", speed, speed < 9.95 ? 2 : speed < 99.5 ? 1 : 0);
        break;
    }
    cells.back() = std::move(c);
  }
  return cells;
}

void Table::print_markdown(std::ostream& out) const {
  fmt::print(out, "| what | time | compared with | ratio | bar | met |\n|---|---|---|---|---|---|\n");
  for (const Cells& c : cells())
    fmt::print(out, "| {} | {} | {} | {} | {} | {} |\n", c.name, c.time, c.reference, c.ratio, c.bar, c.met);
}

void Table::print_text(std::ostream& out) const {
  const auto rows = cells();
  std::size_t width = 0;
  for (const Cells& c : rows) width = std::max(width, c.name.size());
  fmt::print(out, "{:<{}}  {:>9}  {:>13}  {:>16}  {:<14}  met\n", "", width, "time", "compared with", "ratio", "bar");
  for (const Cells& c : rows)
    fmt::print(out, "{:<{}}  {:>9}  {:>13}  {:>16}  {:<14}  {}\n", c.name, width, c.time, c.reference, c.ratio, c.bar,
               c.met);
}

}  // namespace dynvert::benchmarks
