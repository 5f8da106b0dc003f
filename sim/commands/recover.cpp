// dynvert recover.

#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/record/run_file.hpp>
#include <dynvert/sim/record/run_reader.hpp>

#include <fmt/ostream.h>

#include <algorithm>

namespace dynvert {
namespace {

/// Reads every value below a group. @param faults  one line for each dataset that cannot be read
void read_all(const RunReader& reader, const std::string& group, std::vector<std::string>& faults) {
  for (const std::string& name : reader.children(group)) {
    const std::string path = group == "/" ? group + name : group + "/" + name;
    if (reader.is_group(path)) {
      read_all(reader, path, faults);
      continue;
    }
    try {
      const auto shape = reader.shape(path);
      // of rows without values a file can declare any number
      if (shape.empty() || std::ranges::find(shape, std::size_t{0}) != shape.end()) continue;
      std::size_t row = 1;
      for (std::size_t i = 1; i < shape.size(); ++i) row *= shape[i];
      constexpr std::size_t values_at_once = std::size_t{1} << 20;
      const std::size_t rows_at_once = std::max<std::size_t>(1, values_at_once / row);
      for (std::size_t first = 0; first < shape[0]; first += rows_at_once) {
        static_cast<void>(reader.rows(path, first, std::min(rows_at_once, shape[0] - first)));
      }
    } catch (const IoError& error) {
      faults.emplace_back(error.what());
    }
  }
}

std::string text(const RunReader& reader, const std::string& object, const std::string& name) {
  const auto value = reader.attribute(object, name);
  return value && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : "";
}

}  // namespace

int recover(const RecoverArguments& arguments, std::ostream& out, std::ostream& err) {
  bool mended = false;
  std::size_t dropped = 0;
  std::int64_t trials = 0;
  {
    RunFile file = RunFile::reopen(arguments.path, {.durable = true});
    mended = file.mended();
    trials = file.committed();
    dropped = file.keep_committed();
    if (dropped > 0) file.commit(trials);
  }
  const RunReader reader(arguments.path);
  std::vector<std::string> faults;
  read_all(reader, "/", faults);
  for (const std::string& fault : faults) fmt::print(err, "dynvert: {}\n", fault);

  const std::string status = text(reader, "/", "status");
  if (mended) {
    fmt::print(out, "{}: the last commit was interrupted and has been completed\n", arguments.path);
  } else if (dropped == 0) {
    fmt::print(out, "{}: nothing to repair\n", arguments.path);
  }
  if (dropped > 0) fmt::print(out, "{}: {} rows after the last commit were removed\n", arguments.path, dropped);
  fmt::print(out, "{}: {} trials kept, {}, status {}\n", arguments.path, trials,
             faults.empty() ? "all data readable" : fmt::format("{} datasets NOT readable", faults.size()), status);
  if (status == "interrupted" && faults.empty()) {
    fmt::print(out, "to resume: dynvert simulate {} --resume\n", arguments.path);
  }
  return faults.empty() ? exit_done : exit_io;
}

}  // namespace dynvert
