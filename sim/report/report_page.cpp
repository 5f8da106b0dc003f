#include <dynvert/models/error.hpp>
#include <dynvert/sim/report/report_page.hpp>
#include <dynvert/sim/trial/measures.hpp>

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

namespace dynvert {

namespace {

using Json = nlohmann::ordered_json;

std::string base64(std::string bytes) {
  using namespace boost::archive::iterators;
  using Digits = base64_from_binary<transform_width<std::string::const_iterator, 6, 8>>;
  // the iterators would read past an end within three bytes
  const std::size_t padding = (3 - bytes.size() % 3) % 3;
  bytes.append(padding, '\0');
  std::string text(Digits(bytes.begin()), Digits(bytes.end()));
  text.replace(text.size() - padding, padding, padding, '=');
  return text;
}

/// As the type can hold it: beyond the range of float32 is infinite.
template <typename T>
T converted(double value) {
  if constexpr (std::is_same_v<T, float>) {
    constexpr double largest = std::numeric_limits<float>::max();
    if (std::abs(value) > largest)
      return std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(value > 0 ? 1 : -1));
  }
  return static_cast<T>(value);
}

template <typename T>
Json packed(const char* type, std::span<const double> values) {
  static_assert(std::endian::native == std::endian::little, "the page reads little-endian numbers");
  std::string bytes(values.size() * sizeof(T), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T value = converted<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return {{type, base64(std::move(bytes))}};
}

Json reals(std::span<const double> values) { return packed<float>("f4", values); }

/// Numbers of trials where they are such, else reals.
Json numbers(std::span<const double> values) {
  constexpr double most = 4294967295.0;
  for (const double v : values) {
    if (!(v >= 0 && v <= most) || v != std::trunc(v)) return reals(values);
  }
  return packed<std::uint32_t>("u4", values);
}

/// JSON has no NaN: null
Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

template <typename T>
Json maybe(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// What may be infinite: as a word.
Json extended(double value) {
  if (std::isinf(value)) return value > 0 ? "infinite" : "-infinite";
  return number(value);
}

/// Names, labels, units and descriptions of the quantities of a loop, whose values spectra have in this order.
Json stability_columns() {
  Json columns = Json::array();
  for (const LoopMeasure& m : stability_measures()) {
    columns.push_back({{"name", m.name}, {"label", m.label}, {"units", m.units}, {"about", m.description}});
  }
  return columns;
}

Json to_json(const ReportCurve& c) {
  return {{"model", c.model},     {"group", c.group},   {"name", c.name}, {"units", c.units},  {"about", c.description},
          {"against", c.against}, {"legend", c.legend}, {"rows", c.rows}, {"x", numbers(c.x)}, {"y", reals(c.y)}};
}

Json to_json(const ReportPopulation& p) {
  return {{"name", p.name},
          {"role", p.role},
          {"about", p.description},
          {"units", p.units},
          {"samples", p.samples},
          {"labels", p.labels},
          {"time", reals(p.time)},
          {"values", reals(p.values)},
          {"rates", p.rates.empty() ? Json(nullptr) : reals(p.rates)},
          {"fixed_point", reals(p.fixed_point)}};
}

Json to_json(const ReportSpectrum& s) {
  std::vector<double> re, im;
  for (const auto& value : s.values) {
    re.push_back(value.real());
    im.push_back(value.imag());
  }
  const std::vector<double> count(s.count.begin(), s.count.end());
  Json stability = Json::array();
  for (const double value : s.stability) stability.push_back(extended(value));
  return {{"snapshot", s.snapshot}, {"exact", s.exact},        {"re", reals(re)},
          {"im", reals(im)},        {"count", numbers(count)}, {"stability", stability}};
}

Json to_json(const ReportLoop& l) {
  Json way = nullptr;
  if (l.way) way = *l.way == RecordedTrial::Way::weights ? "weights" : "differences";
  return {{"number", l.number},
          {"circuit", l.is_circuit},
          {"way", way},
          {"residual_missing", l.residual_missing},
          {"time", reals(l.time)},
          {"residual", reals(l.residual)},
          {"spectrum", l.spectrum ? to_json(*l.spectrum) : Json(nullptr)},
          {"spectrum_missing", l.spectrum_missing}};
}

Json to_json(const ReportTrial& t);
Json to_json(const ReportModel& m);

template <typename T>
Json list(const std::vector<T>& values) {
  Json all = Json::array();
  for (const T& value : values) all.push_back(to_json(value));
  return all;
}

Json to_json(const ReportTrial& t) {
  Json measures = Json::array();
  for (const auto& [name, value] : t.measures) measures.push_back({{"name", name}, {"value", number(value)}});
  Json marks = Json::array();
  for (const ReportMark& m : t.marks) marks.push_back({{"loop", m.loop}, {"time", m.time}, {"text", m.text}});
  return {{"trial", t.trial}, {"converged", maybe(t.converged)},    {"measures", measures},
          {"marks", marks},   {"populations", list(t.populations)}, {"loops", list(t.loops)}};
}

Json to_json(const ReportModel& m) {
  const ModelSummary& s = m.summary;
  Json summary = Json::array();
  bool unstable = false;
  for (const MeasureSummary& q : s.measures) {
    summary.push_back(
        {{"title", q.title(q.statistic())}, {"about", q.measure->description}, {"value", number(q.value)}});
    if (q.measure->summary == OverTrials::largest) {
      summary.push_back({{"title", q.title("median")}, {"about", q.measure->description}, {"value", number(q.median)}});
    }
    unstable = unstable || q.unstable();
  }
  Json final = Json::array();
  for (const auto& [name, value] : s.final) final.push_back({{"name", name}, {"value", number(value)}});
  Json parameters = Json::array();
  for (const auto& [name, value] : m.parameters) parameters.push_back({{"name", name}, {"value", value}});
  return {{"name", s.name},
          {"parameters", parameters},
          {"credit", s.credit},
          {"status", s.status},
          {"solver", maybe(s.solver)},
          {"feedback", maybe(s.feedback)},
          {"trials_run", s.trials},
          {"diverged", s.diverged_trials},
          {"final", final},
          {"final_loss", number(s.final_loss)},
          {"final_nse", number(s.final_nse)},
          {"settled", number(s.settled_fraction)},
          {"summary", summary},
          {"unstable", unstable},
          {"restabilisations", maybe(s.restabilisations)},
          {"records", m.records},
          {"trials", list(m.trials)}};
}

std::string_view source_of(const std::string& name, const ReportSources& sources, const std::string& data) {
  if (name == "style") return sources.style;
  if (name == "script") return sources.script;
  if (name == "library") return sources.library;
  if (name == "library_style") return sources.library_style;
  if (name == "library_licence") return sources.library_licence;
  if (name == "data") return data;
  throw ValueError("page", "asks for {{" + name + "}}", "style, script, library, library_style, library_licence, data");
}

}  // namespace

std::string_view report_signature() { return "<!doctype html><!-- dynvert report -->"; }

std::string report_json(const ReportData& data) {
  const Json json{{"file", data.file},
                  {"title", data.title},
                  {"version", data.version},
                  {"created", data.created},
                  {"status", data.status},
                  {"complete", data.complete},
                  {"trials_committed", data.trials_committed},
                  {"notes", data.notes},
                  {"stability", stability_columns()},
                  {"models", list(data.models)},
                  {"curves", list(data.curves)}};
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  // "<" can only stand within strings, where JSON takes the escape: nothing ends the script element.
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string report_page(const ReportData& data, const ReportSources& sources) {
  const std::string json = report_json(data);
  std::string page(report_signature());
  std::string_view rest = sources.page;
  for (auto open = rest.find("{{"); open != std::string_view::npos; open = rest.find("{{")) {
    const auto close = rest.find("}}", open);
    if (close == std::string_view::npos) throw ValueError("page", "has {{ without }}", "{{name}}");
    page += rest.substr(0, open);
    page += source_of(std::string(rest.substr(open + 2, close - open - 2)), sources, json);
    rest.remove_prefix(close + 2);
  }
  page += rest;
  return page;
}

}  // namespace dynvert
