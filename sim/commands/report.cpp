// dynvert report: one page that shows a file.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/commands/command_line.hpp>
#include <dynvert/sim/platform/whole_file.hpp>
#include <dynvert/sim/report/report_page.hpp>

#include <fmt/ostream.h>

#include <algorithm>
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

/// Leaves of the trials of each model about this share, evenly spaced. @return whether one was left out
bool thin_out(ReportData& data, double share) {
  bool any = false;
  for (ReportModel& model : data.models) {
    const std::size_t n = model.trials.size();
    const auto kept = std::max<std::size_t>(1, static_cast<std::size_t>(share * static_cast<double>(n)));
    if (n < 2 || kept >= n) continue;
    std::vector<ReportTrial> trials;
    for (const std::size_t k : evenly_spaced(n, kept)) trials.push_back(std::move(model.trials[k]));
    model.trials = std::move(trials);
    any = true;
  }
  return any;
}

/// The page, within the size if it can be. Names, descriptions and tables, of which there may be more or fewer than was
/// thought, are known only once it is written.
std::string page_within(const RunReader& file, const ReportSources& sources, std::size_t fixed, std::size_t most,
                        std::vector<std::string>& notes) {
  // what is not columns of numbers takes a share, too
  constexpr double share_of_columns = 0.9, margin = 0.98;
  constexpr int attempts = 6;
  const std::size_t room = most - std::min(most, fixed);
  ReportLimits limits;
  limits.bytes = static_cast<std::size_t>(static_cast<double>(room) * share_of_columns);
  std::string page;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    ReportData data = read_report(file, limits);
    notes = data.notes;
    for (bool thinner = true; thinner;) {
      page = report_page(data, sources);
      if (page.size() <= most) return page;
      const double share = margin * static_cast<double>(room) / static_cast<double>(page.size() - fixed);
      thinner = thin_out(data, share);
      if (!thinner) limits.bytes = static_cast<std::size_t>(static_cast<double>(limits.bytes) * std::min(share, 0.7));
    }
  }
  return page;
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
  const RunReader file(arguments.path);
  std::vector<std::string> notes;
  const std::string page = page_within(file, sources, fixed, most, notes);
  if (page.size() > most) {
    throw ValueError(fmt::format("--max-size {:g}", arguments.max_size),
                     fmt::format("the page takes {:.2f} MB even with one trial per model and the fewest samples",
                                 static_cast<double>(page.size()) / bytes_a_megabyte),
                     "more than that");
  }
  write_whole_file(output, page, arguments.overwrite, report_signature());
  if (!file.has_locks()) fmt::print(err, "dynvert: note: {}\n", no_locks_note(arguments.path));
  for (const std::string& note : notes) fmt::print(err, "dynvert: note: {}\n", note);
  fmt::print(out, "{}: {:.1f} MB\n", output, static_cast<double>(page.size()) / bytes_a_megabyte);
  return exit_done;
}

}  // namespace dynvert
