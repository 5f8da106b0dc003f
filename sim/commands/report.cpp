// dynvert report: one page that shows a file.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/platform/whole_file.hpp>
#include <dynvert/sim/report/report_page.hpp>

#include <fmt/ostream.h>

#include <filesystem>

namespace dynvert {

namespace {

constexpr double bytes_a_megabyte = 1e6;

void check_library(const ReportSources& sources) {
  if (!sources.library.empty()) return;
  throw IoError("dynvert report", "this program was built without uPlot, the library that draws the plots of the page",
                "build again where npm is, with the package registry in reach: install npm, then cmake -S . -B build "
                "-DDYNVERT_REPORT=ON && cmake --build build");
}

}  // namespace

int report(const ReportArguments& arguments, const ReportSources& sources, std::ostream& out, std::ostream& err) {
  check_library(sources);
  std::string output = arguments.output;
  if (output.empty()) output = std::filesystem::path(arguments.path).stem().string() + ".html";
  // said before the work, and asked again when the page is moved in place
  std::error_code error;
  if (!arguments.overwrite && std::filesystem::exists(output, error)) {
    throw IoError(output, "exists already", "another name for the output, or --overwrite");
  }

  const std::size_t fixed = sources.page.size() + sources.script.size() + sources.style.size() +
                            sources.library.size() + sources.library_style.size() + sources.library_licence.size();
  const auto most = static_cast<std::size_t>(arguments.max_size * bytes_a_megabyte);
  // What is not columns of numbers, names and tables, takes a share, too.
  constexpr double share_of_columns = 0.9;
  ReportLimits limits;
  limits.bytes = most <= fixed ? 0 : static_cast<std::size_t>(static_cast<double>(most - fixed) * share_of_columns);

  const RunReader file(arguments.path);
  const ReportData data = read_report(file, limits);
  const std::string page = report_page(data, sources);
  if (page.size() > most) {
    throw ValueError(fmt::format("--max-size {:g}", arguments.max_size),
                     fmt::format("the page takes {:.2f} MB even with one trial per model and the fewest samples",
                                 static_cast<double>(page.size()) / bytes_a_megabyte),
                     "more than that");
  }
  write_whole_file(output, page, arguments.overwrite, report_signature());
  for (const std::string& note : data.notes) fmt::print(err, "dynvert: note: {}\n", note);
  fmt::print(out, "{}: {:.1f} MB\n", output, static_cast<double>(page.size()) / bytes_a_megabyte);
  return exit_done;
}

}  // namespace dynvert
