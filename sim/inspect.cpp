#include <dynvert/models/error.hpp>
#include <dynvert/sim/inspect.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dynvert {

namespace {

std::string learning(const std::string& model) { return fmt::format("/models/{}/learning", model); }

/// Datasets of /learning whose name is PREFIX_l.
std::vector<std::string> layers_of(const RunReader& file, const std::string& model, const std::string& prefix) {
  std::vector<std::string> found;
  for (const std::string& name : file.children(learning(model))) {
    if (!name.starts_with(prefix + "_")) continue;
    const std::string layer = name.substr(prefix.size() + 1);
    if (std::ranges::all_of(layer, [](unsigned char c) { return std::isdigit(c) != 0; })) {
      found.push_back(learning(model) + "/" + name);
    }
  }
  return found;
}

std::optional<double> median(std::vector<double> values) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.empty()) return std::nullopt;
  // of an even number the mean of the two in the middle, as NumPy has it
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*std::ranges::max_element(values.begin(), middle) + *middle) / 2;
}

std::vector<double> pooled(const RunReader& file, const std::vector<std::string>& datasets) {
  std::vector<double> values;
  for (const std::string& dataset : datasets) {
    const auto column = file.column(dataset);
    values.insert(values.end(), column.begin(), column.end());
  }
  return values;
}

template <typename T>
std::optional<T> attribute_as(const RunReader& file, const std::string& object, const std::string& name) {
  const auto value = file.attribute(object, name);
  if (!value || !std::holds_alternative<T>(*value)) return std::nullopt;
  return std::get<T>(*value);
}

std::optional<double> last_finite(const RunReader& file, const std::string& dataset) {
  if (!file.has(dataset)) return std::nullopt;
  const auto values = file.column(dataset);
  if (values.empty() || !std::isfinite(values.back())) return std::nullopt;
  return values.back();
}

}  // namespace

ModelSummary summarise(const RunReader& file, const std::string& model) {
  const std::string path = fmt::format("/models/{}", model);
  ModelSummary summary{.name = model,
                       .credit = attribute_as<std::string>(file, path, "credit").value_or("?"),
                       .status = attribute_as<std::string>(file, path, "status").value_or("?"),
                       .solver = attribute_as<std::string>(file, path, "solver"),
                       .feedback = attribute_as<std::string>(file, path, "feedback"),
                       .final_loss = last_finite(file, path + "/eval/train_loss"),
                       .final_nse = last_finite(file, path + "/eval/nse"),
                       .settled_fraction = std::nullopt,
                       .median_settling_time = median(pooled(file, layers_of(file, model, "settling_time"))),
                       .median_angle_ndi = median(pooled(file, layers_of(file, model, "angle_ndi"))),
                       .largest_abscissa = std::nullopt,
                       .restabilisations = std::nullopt};
  summary.trials = file.shape(path + "/learning/trial").front();
  summary.diverged_trials =
      static_cast<std::size_t>(attribute_as<std::int64_t>(file, path, "diverged_trials").value_or(0));

  const auto loops = layers_of(file, model, "converged");
  if (!loops.empty() && summary.trials > 0) {
    std::vector<bool> settled(summary.trials, true);
    for (const std::string& dataset : loops) {
      const auto flags = file.column(dataset);
      for (std::size_t k = 0; k < std::min(flags.size(), settled.size()); ++k) settled[k] = settled[k] && flags[k] == 1;
    }
    summary.settled_fraction =
        static_cast<double>(std::ranges::count(settled, true)) / static_cast<double>(summary.trials);
  }
  for (const double value : pooled(file, layers_of(file, model, "spectral_abscissa"))) {
    if (!std::isfinite(value)) continue;
    summary.largest_abscissa = std::max(value, summary.largest_abscissa.value_or(value));
  }
  if (const auto events = layers_of(file, model, "restabilised"); !events.empty()) {
    const auto flags = pooled(file, events);
    summary.restabilisations = static_cast<std::size_t>(std::ranges::count(flags, 1.0));
  }
  return summary;
}

std::vector<QuantitySummary> summarise_quantities(const RunReader& file, const std::string& model) {
  std::vector<QuantitySummary> quantities;
  for (const std::string& name : file.children(learning(model))) {
    const std::string dataset = learning(model) + "/" + name;
    if (name == "trial") continue;
    QuantitySummary q;
    q.name = name;
    q.units = attribute_as<std::string>(file, dataset, "units").value_or("");
    q.description = attribute_as<std::string>(file, dataset, "long_name").value_or("");
    std::vector<double> values = file.column(dataset);
    const bool flag = file.attribute(dataset, "legend").has_value();
    q.last = values.empty() ? std::nan("") : values.back();
    const std::size_t all = values.size();
    std::erase_if(values, [&](double v) { return !std::isfinite(v) || (flag && v < 0); });
    q.count = values.size();
    q.missing = all - q.count;
    q.median = median(values).value_or(std::nan(""));
    q.least = values.empty() ? std::nan("") : std::ranges::min(values);
    q.greatest = values.empty() ? std::nan("") : std::ranges::max(values);
    quantities.push_back(std::move(q));
  }
  return quantities;
}

TrialSummary summarise_trial(const RunReader& file, const std::string& model, std::size_t trial) {
  const std::size_t trials = file.shape(learning(model) + "/trial").front();
  if (trial >= trials) {
    throw ValueError(fmt::format("--trial {}", trial), "was not run",
                     trials > 0 ? fmt::format("0 to {}", trials - 1) : std::string("nothing: the file holds no trial"));
  }
  TrialSummary summary;
  summary.trial = trial;
  for (const std::string& name : file.children(learning(model))) {
    if (name == "trial") continue;
    summary.values.emplace_back(name, file.rows(learning(model) + "/" + name, trial, 1).values.front());
  }
  const std::string records = fmt::format("/models/{}/trace/trial", model);
  if (!file.has(records)) return summary;
  const auto recorded = file.column(records);
  const auto found = std::ranges::find(recorded, static_cast<double>(trial));
  if (found != recorded.end()) summary.record = static_cast<std::size_t>(found - recorded.begin());
  return summary;
}

}  // namespace dynvert
