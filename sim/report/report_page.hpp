#pragma once

/// A report as one HTML page that needs nothing else: the data as JSON, long columns of numbers in it as base64 of
/// little-endian float32 (7 digits) or uint32, and the page's and the plotting library's sources. Texts of the file are
/// in the JSON only; the script shows them as text, never as HTML.

#include <dynvert/sim/report/report_data.hpp>

#include <string>
#include <string_view>

namespace dynvert {

/// The sources of the page, as the build has embedded them (sim/report, and uPlot by npm).
struct ReportSources {
  std::string_view page;  ///< HTML with {{style}}, {{library_style}}, {{library_licence}}, {{library}}, {{data}} and
                          ///< {{script}} where those go
  std::string_view style, script;
  std::string_view library_style, library, library_licence;  ///< empty: the program was built without
};
[[nodiscard]] const ReportSources& report_sources();

/// What every page begins with.
[[nodiscard]] std::string_view report_signature();

/// The data as JSON that can stand in a script element: no "<" in it.
[[nodiscard]] std::string report_json(const ReportData& data);

[[nodiscard]] std::string report_page(const ReportData& data, const ReportSources& sources);

}  // namespace dynvert
