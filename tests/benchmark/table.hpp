#pragma once

/// The table that the benchmark program makes: rows are timed by Google Benchmark, each beside what it is compared with
/// in the same run, and with the bar that it is held to.

#include <benchmark/benchmark.h>

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace dynvert::benchmarks {

/// What a row is held to.
struct Bar {
  enum class Kind {
    none,   ///< shown for information
    speed,  ///< at least so many times as fast as what it is compared with
    cost    ///< at most so many times the time of what it is compared with
  };
  Kind kind = Kind::none;
  double value = 0;
};
[[nodiscard]] inline Bar at_least(double times_as_fast) { return {Bar::Kind::speed, times_as_fast}; }
[[nodiscard]] inline Bar at_most(double times_the_time) { return {Bar::Kind::cost, times_the_time}; }

struct Row {
  std::string name;          ///< "inversion 10x20, linear: plain"; unique
  std::string against = {};  ///< name of the row that it is compared with; empty: none
  Bar bar = {};
  std::size_t items = 1;       ///< inversions or samples of one iteration; times in the table are of one
  std::size_t iterations = 0;  ///< fixed number of iterations of a repetition; 0: as many as take `shortest` seconds
};

/// The body of a row: `for (auto _ : state) ...`, as Google Benchmark has it.
using Body = std::function<void(benchmark::State&)>;

struct RunOptions {
  std::string filter = "";  ///< regular expression over names; what the rows are compared with runs, too
  bool alone = false;       ///< they do not: for profilers
  std::size_t repetitions = 5;
  double shortest = 0.04;  ///< seconds that a repetition takes at least
};

/// CPU time of one item, in seconds.
struct Timing {
  double median = 0, least = 0, most = 0;
};

class Table {
 public:
  /// @throws std::invalid_argument  a name that is taken, or nothing of that name to be compared with
  void add(Row row, Body body);

  /// Times the rows, all repetitions in random order so that what else the machine does meets all rows alike.
  /// @throws std::runtime_error  the filter is no regular expression or fits no row; a row that failed
  void run(const RunOptions& options);

  /// The rows that were run, with what they are compared with; not those that are there to be compared with.
  void print_markdown(std::ostream& out) const;
  void print_text(std::ostream& out) const;

 private:
  struct Entry {
    Row row;
    Body body;
    std::vector<double> times = {};  // of one item, a repetition each
    std::string error = {};
  };
  struct Cells {
    std::string name, time;
    std::string reference = {}, ratio = {}, bar = {}, met = {};
  };
  [[nodiscard]] const Entry& find(const std::string& name) const;
  [[nodiscard]] std::vector<Cells> cells() const;

  std::vector<Entry> entries_;
};

}  // namespace dynvert::benchmarks
