#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/difference.hpp>
#include <dynvert/sim/experiment/external_files.hpp>
#include <dynvert/sim/experiment/resume.hpp>
#include <dynvert/sim/platform/build_info.hpp>

#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace dynvert {
namespace {

std::string text_of(const std::optional<AttributeValue>& value) {
  return value && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : "";
}

std::string text_attribute(const RunFile& file, const char* name) { return text_of(file.attribute("/", name)); }

std::string now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

std::string shown(const std::string& value) {
  constexpr std::size_t longest = 200;  // longer is text, as that of a circuit
  return value.empty() ? "not set" : value.size() > longest ? "another text" : value;
}

}  // namespace

std::vector<Attribute> root_attributes(const Config& config, const std::string& command) {
  return {{"title", config.title},
          {"version", version()},
          {"source_revision", source_revision()},
          {"seed", static_cast<std::int64_t>(config.seed)},
          {"config", config.resolved},
          {"created", now()},
          {"command", command},
          {"blas", blas_identity()},
          {"cpu", cpu_identity()}};
}

namespace {

constexpr const char* trials_key = "experiment.trials";

/// Whether a difference is that the run is to be longer. Trials of a grid are its points.
bool is_longer(const ConfigDifference& difference, const Config& config) {
  const auto number = [](const std::string& text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : 0;
  };
  return difference.key == trials_key && config.kind != ExperimentKind::inversion && number(difference.first) > 0 &&
         number(difference.second) > number(difference.first);
}

std::vector<ConfigDifference> config_changes(const RootAttribute& attribute, const Config& config) {
  return config_differences(text_of(attribute("config")), config.resolved);
}

}  // namespace

std::vector<std::string> run_differences(const RootAttribute& attribute, const Config& config) {
  std::vector<std::string> differences;
  for (const ConfigDifference& difference : config_changes(attribute, config)) {
    if (is_longer(difference, config)) continue;
    const auto& [key, there, here] = difference;
    const bool texts = shown(here) == shown(there);
    differences.push_back(texts ? fmt::format("{} is not that in the file", key)
                                : fmt::format("{} is {}, in the file {}", key, shown(here), shown(there)));
  }
  const auto compare = [&](const char* name, const std::string& here) {
    if (const std::string there = text_of(attribute(name)); there != here) {
      differences.push_back(fmt::format("{} of the program is {}, in the file {}", name, here, shown(there)));
    }
  };
  compare("version", version());
  compare("source_revision", source_revision());
  return differences;
}

Resumable check_resumable(const RunFile& file, const Config& config) {
  std::vector<std::string> differences =
      run_differences([&](const char* name) { return file.attribute("/", name); }, config);
  const auto refuse_where_different = [&] {
    if (differences.empty()) return;
    throw ValueError(file.path(),
                     fmt::format("cannot be resumed, the numbers would differ: {}", fmt::join(differences, "; ")),
                     "the configuration, the program and the data with which the run was begun, or another output");
  };
  refuse_where_different();
  const auto changes = config_changes([&](const char* name) { return file.attribute("/", name); }, config);
  const bool longer = std::ranges::any_of(changes, [&](const auto& change) { return is_longer(change, config); });
  if (!longer && file.attribute("/", "complete") == AttributeValue(std::int64_t{1})) return Resumable::complete;
  // of the same configuration, so the files should be the same
  differences = changed_external_files(config, file);
  refuse_where_different();
  if (text_attribute(file, "status") == "diverged") {
    throw NumericalError(file.path(), "cannot be resumed, the run has diverged and would again",
                         "another configuration and another output, or on_divergence = \"skip\"");
  }
  return Resumable::incomplete;
}

std::string note_resumption(RunFile& file, const Config& config) {
  std::string lines = text_attribute(file, "resumed");
  lines += fmt::format("{}{} after {} trials, {}, {}", lines.empty() ? "" : "\n", now(), file.committed(),
                       cpu_identity(), blas_identity());
  file.set_attribute("/", "resumed", lines);
  // other than in its length it is the same
  const RootAttribute attribute = [&](const char* name) { return file.attribute("/", name); };
  if (!config_changes(attribute, config).empty()) file.set_attribute("/", "config", config.resolved);
  file.set_attribute("/", "status", std::string("interrupted"));
  file.set_attribute("/", "complete", std::int64_t{0});
  const std::string cpu = text_attribute(file, "cpu"), blas = text_attribute(file, "blas");
  if (blas == blas_identity() && (config.reproducible || cpu == cpu_identity())) return "";
  return fmt::format(
      "{} was begun on {} with {}, and is resumed on {} with {}: the numbers may differ from an unbroken run in their "
      "last "
      "digits",
      file.path(), cpu, blas, cpu_identity(), blas_identity());
}

}  // namespace dynvert
