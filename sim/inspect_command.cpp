// dynvert inspect: tables for people, JSON for programs.

#include <dynvert/models/error.hpp>
#include <dynvert/sim/command_line.hpp>
#include <dynvert/sim/inspect.hpp>

#include <fmt/ostream.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

using Json = nlohmann::ordered_json;

/// Columns as wide as their widest cell; the first flush left, the others right.
void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> width;
  for (const auto& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  for (const auto& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], width[0]);
    for (std::size_t c = 1; c < row.size(); ++c) line += fmt::format("  {:>{}}", row[c], width[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print(out, "{}\n", line);
  }
}

std::string cell(const std::optional<double>& value, const char* format) {
  return value && !std::isnan(*value) ? fmt::format(fmt::runtime(format), *value) : "-";
}

/// JSON has no NaN: null
Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json to_json(const ModelSummary& m) {
  return {{"name", m.name},
          {"credit", m.credit},
          {"status", m.status},
          {"solver", m.solver ? Json(*m.solver) : Json(nullptr)},
          {"feedback", m.feedback ? Json(*m.feedback) : Json(nullptr)},
          {"trials", m.trials},
          {"diverged_trials", m.diverged_trials},
          {"final_loss", number(m.final_loss)},
          {"final_nse", number(m.final_nse)},
          {"settled_fraction", number(m.settled_fraction)},
          {"median_settling_time", number(m.median_settling_time)},
          {"median_angle_ndi", number(m.median_angle_ndi)},
          {"largest_spectral_abscissa", number(m.largest_abscissa)},
          {"restabilisations", m.restabilisations ? Json(*m.restabilisations) : Json(nullptr)}};
}

void print_overview(std::ostream& out, const std::vector<ModelSummary>& models) {
  std::vector<std::vector<std::string>> rows{{"model", "solver", "final NSE", "settled", "median settling time",
                                              "median angle to NDI", "largest abscissa", "notes"}};
  for (const ModelSummary& m : models) {
    std::vector<std::string> notes;
    if (m.status != "complete") notes.push_back(m.status);
    if (m.diverged_trials > 0) notes.push_back(fmt::format("{} diverged", m.diverged_trials));
    if (m.restabilisations.value_or(0) > 0) notes.push_back(fmt::format("{} x restabilised", *m.restabilisations));
    if (m.largest_abscissa.value_or(-1) > 0) notes.emplace_back("unstable in some trial");
    std::optional<double> percent;
    if (m.settled_fraction) percent = 100 * *m.settled_fraction;
    rows.push_back({m.name, m.solver.value_or("-"), cell(m.final_nse, "{:.3e}"), cell(percent, "{:.1f} %"),
                    cell(m.median_settling_time, "{:.4g}"), cell(m.median_angle_ndi, "{:.3g} deg"),
                    cell(m.largest_abscissa, "{:.3g}"), fmt::format("{}", fmt::join(notes, ", "))});
  }
  print_table(out, rows);
  fmt::print(
      out,
      "\nsettled: trials that ended within 2 % of the steady state; settling times are those of the settled trials, in "
      "units of\nthe time constants; angles in degrees; abscissa: largest real part of a loop's spectrum, < 0 is "
      "stable.\n");
}

void print_model(std::ostream& out, const ModelSummary& m, const std::vector<QuantitySummary>& quantities) {
  fmt::print(out, "{}: {}{}{}, {} trials, {}\n\n", m.name, m.credit, m.feedback ? ", feedback " + *m.feedback : "",
             m.solver ? ", solver " + *m.solver : "", m.trials, m.status);
  std::vector<std::vector<std::string>> rows{
      {"quantity", "least", "median", "greatest", "last", "values", "missing", "units"}};
  for (const QuantitySummary& q : quantities) {
    rows.push_back({q.name, cell(q.least, "{:.4g}"), cell(q.median, "{:.4g}"), cell(q.greatest, "{:.4g}"),
                    cell(q.last, "{:.4g}"), fmt::format("{}", q.count), fmt::format("{}", q.missing), q.units});
  }
  print_table(out, rows);
  fmt::print(out, "\n");
  for (const QuantitySummary& q : quantities) fmt::print(out, "{}: {}\n", q.name, q.description);
}

void print_trial(std::ostream& out, const std::string& model, const TrialSummary& trial) {
  fmt::print(out, "{}, trial {}\n", model, trial.trial);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : trial.values)
    rows.push_back({"  " + name, std::isnan(value) ? "-" : fmt::format("{:.10g}", value)});
  print_table(out, rows);
  if (trial.record) {
    fmt::print(out, "  trajectory: record {} of /models/{}/trace\n", *trial.record, model);
  } else {
    fmt::print(out, "  trajectory: not kept (record.trials, record.every)\n");
  }
}

Json to_json(const std::vector<QuantitySummary>& quantities) {
  Json list = Json::array();
  for (const QuantitySummary& q : quantities) {
    list.push_back({{"name", q.name},
                    {"units", q.units},
                    {"description", q.description},
                    {"values", q.count},
                    {"missing", q.missing},
                    {"least", number(q.least)},
                    {"median", number(q.median)},
                    {"greatest", number(q.greatest)},
                    {"last", number(q.last)}});
  }
  return list;
}

Json to_json(const TrialSummary& trial) {
  Json values = Json::object();
  for (const auto& [name, value] : trial.values) values[name] = number(value);
  return {{"trial", trial.trial}, {"values", values}, {"record", trial.record ? Json(*trial.record) : Json(nullptr)}};
}

}  // namespace

int inspect(const InspectArguments& arguments, std::ostream& out, std::ostream& err) {
  const RunReader file(arguments.path);
  std::vector<std::string> names = file.models();
  if (!arguments.model.empty()) {
    if (std::ranges::find(names, arguments.model) == names.end()) {
      throw ValueError(fmt::format("--model {}", arguments.model), fmt::format("{} has no such model", arguments.path),
                       fmt::format("{}", fmt::join(names, ", ")));
    }
    names = {arguments.model};
  }
  const auto text = [&](const char* name) {
    const auto value = file.attribute("/", name);
    return value && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : std::string();
  };
  const auto whole = [&](const char* name) {
    const auto value = file.attribute("/", name);
    return value && std::holds_alternative<std::int64_t>(*value) ? std::get<std::int64_t>(*value) : 0;
  };
  if (whole("complete") != 1) {
    fmt::print(err, "dynvert: note: {} is not complete ({}): it can be trusted up to trial {}\n", arguments.path,
               text("status"), whole("trials_committed"));
  }

  std::vector<ModelSummary> models;
  for (const std::string& name : names) models.push_back(summarise(file, name));

  if (arguments.json) {
    Json json{{"file", arguments.path},
              {"title", text("title")},
              {"status", text("status")},
              {"complete", whole("complete") == 1},
              {"trials_committed", whole("trials_committed")},
              {"models", Json::array()}};
    for (const ModelSummary& m : models) {
      Json model = to_json(m);
      if (!arguments.model.empty()) model["quantities"] = to_json(summarise_quantities(file, m.name));
      if (arguments.trial) model["trial"] = to_json(summarise_trial(file, m.name, *arguments.trial));
      json["models"].push_back(std::move(model));
    }
    fmt::print(out, "{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
    return exit_done;
  }
  if (arguments.trial) {
    for (const ModelSummary& m : models) print_trial(out, m.name, summarise_trial(file, m.name, *arguments.trial));
  } else if (!arguments.model.empty()) {
    print_model(out, models.front(), summarise_quantities(file, arguments.model));
  } else {
    print_overview(out, models);
  }
  return exit_done;
}

}  // namespace dynvert
