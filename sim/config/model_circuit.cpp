#include <dynvert/sim/config/circuit_file.hpp>
#include <dynvert/sim/config/load.hpp>
#include <dynvert/sim/config/model_circuit.hpp>
#include <dynvert/sim/config/reader.hpp>
#include <dynvert/sim/platform/circuit_folders.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace dynvert {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 10> keys_of_named_models{
    "alpha", "tau_delta", "tau_u", "tau_h", "tau_w", "transfer", "forward", "forward_duration", "phases", "plasticity"};

constexpr std::size_t largest_circuit = 1 << 18;  // bytes; the file of a run holds it, too

std::vector<std::string> circuits_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (entry.path().extension() == ".toml") names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// Beside the configuration, then among those that come with dynvert. Where there is none, the error says where they
/// were looked for.
std::string find_circuit(const ConfigReader& reader, const toml::table& own, const std::string& prefix,
                         const std::string& name) {
  std::error_code code;
  const fs::path beside = (reader.folder() / name).lexically_normal();
  // the configuration may have the name of the circuit that it runs
  if (fs::exists(beside, code) && !fs::equivalent(beside, reader.file(), code)) return beside.string();
  std::vector<std::string> known;
  for (const fs::path& folder : circuit_folders()) {
    if (fs::exists(folder / name, code)) return (folder / name).lexically_normal().string();
    for (std::string& circuit : circuits_in(folder)) known.push_back(std::move(circuit));
  }
  std::string nearest = std::ranges::find(known, name + ".toml") != known.end() ? name + ".toml" : std::string();
  if (nearest.empty()) nearest = nearest_name(name, known);
  fail(reader.place(&own, prefix, "circuit"),
       fmt::format("there is no file {} beside the configuration, nor among the circuits of dynvert", in_quotes(name)),
       name,
       known.empty() ? "a file beside the configuration"
                     : fmt::format("a file beside the configuration, or one of {}", fmt::join(known, ", ")),
       nearest);
}

std::string without_carriage_returns(std::string text) {
  for (std::size_t at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", at)) text.erase(at, 1);
  return text;
}

/// Keys that models with any circuit have cannot be parameters.
void check_parameter_names(const ConfigReader& reader, const toml::table& own, const std::string& prefix,
                           ModelConfig& model) {
  ModelConfig without;
  const KeyContext& context = reader.context();
  std::vector<Key> taken = keys_of(without, context);
  for (Key& key : keys_of(without.dynamics, context)) taken.push_back(std::move(key));
  for (const Parameter& p : model.description->parameters)
    if (find_key(taken, p.name) != nullptr && !is_key_of_named_models(p.name))
      reader.fail_at(
          &own, prefix, "circuit",
          fmt::format("{} declares the parameter {}, which is a key of [[model]]", in_quotes(model.circuit), p.name),
          "another name for the parameter");
}

/// Whether there are two layers that it can lead between with others between them.
bool spans_layers(const equations::Matrix& matrix, const equations::Description& description) {
  std::vector<std::size_t> layers;
  for (std::size_t l = 1;; ++l) {
    const auto* forward = description.find_matrix({"W", {static_cast<long>(l)}});
    if (forward == nullptr) break;
    if (layers.empty()) layers.push_back(forward->columns);
    layers.push_back(forward->rows);
  }
  for (std::size_t bottom = 1; bottom < layers.size(); ++bottom)
    for (std::size_t top = bottom + 2; top < layers.size(); ++top)
      if (layers[bottom] == matrix.rows && layers[top] == matrix.columns) return true;
  return false;
}

}  // namespace

bool is_key_of_named_models(std::string_view key) {
  return std::ranges::find(keys_of_named_models, key) != keys_of_named_models.end();
}

bool moves(const equations::Description& description) {
  return std::ranges::any_of(description.phases, [](const equations::Phase& phase) { return !phase.moves.empty(); });
}

bool has_noise(const equations::Description& description) {
  const auto is_noisy = [](const auto& equation) { return static_cast<bool>(equation.noise); };
  return std::ranges::any_of(description.populations, is_noisy) ||
         std::ranges::any_of(description.phases, [&](const equations::Phase& phase) {
           return std::ranges::any_of(phase.equations, is_noisy);
         });
}

bool first_layer_moves(const equations::Description& description) {
  const equations::Name first{"W", {1}};
  return std::ranges::any_of(description.populations, [&](const equations::Population& p) {
    return p.type == equations::Population::Type::moving &&
           std::ranges::any_of(p.terms, [&](const auto& term) { return term.matrix && term.matrix->name == first; });
  });
}

std::vector<const equations::Matrix*> feedback_matrices(const equations::Description& description) {
  std::vector<const equations::Matrix*> result;
  for (const equations::Matrix& matrix : description.matrices) {
    const auto own = std::ranges::find(description.weights, matrix.name.base, &equations::Keys::name);
    if (own != description.weights.end() ? own->kind == "feedback" : matrix.name.base == "B") result.push_back(&matrix);
  }
  return result;
}

Choice circuit_choice(const ModelConfig& model) {
  const equations::Description& description = *model.description;
  Choice choice{.name = model.circuit};
  if (moves(description)) choice.keys.emplace_back("dynamics");
  const auto feedback = feedback_matrices(description);
  if (!feedback.empty()) choice.keys.emplace_back("feedback");
  choice.spans_layers = std::ranges::any_of(
      feedback, [&](const equations::Matrix* matrix) { return spans_layers(*matrix, description); });
  return choice;
}

std::optional<equations::CircuitText> read_model_circuit(const ConfigReader& reader, const toml::table& own,
                                                         const std::string& prefix, ModelConfig& model) {
  const bool from_text = own.contains("circuit_text");
  if (!own.contains("circuit") && !from_text) return std::nullopt;
  if (own.contains("credit"))
    reader.fail_at(&own, prefix, own.contains("circuit") ? "circuit" : "circuit_text", "is given together with credit",
                   "either credit or circuit");
  const std::vector<Key> keys = keys_of(model, reader.context());
  reader.require(&own, keys, prefix, "circuit");
  for (const std::string_view key : {"circuit", "circuit_text"})
    if (const auto* node = own.get(key))
      read_value(*find_key(keys, key), *node, fmt::format("{}.{}", prefix, key), reader.file());
  if (model.circuit.empty()) reader.fail_at(&own, prefix, "circuit", "is empty", "a file name");
  if (model.circuit.starts_with('~')) {
    std::string path = model.circuit;
    reader.resolve_path(&own, prefix, path, "/", "circuit");
  }
  std::string file = reader.place(&own, prefix, "circuit_text").file + ": " + prefix + ".circuit_text";
  if (!from_text) {
    file = find_circuit(reader, own, prefix, model.circuit);
    model.circuit_text = without_carriage_returns(read_config_text(file));
  }
  if (model.circuit_text.size() > largest_circuit)
    reader.fail_at(&own, prefix, from_text ? "circuit_text" : "circuit",
                   fmt::format("is larger than {} bytes", largest_circuit),
                   "equations; large matrices belong in files that they name");
  auto text = read_circuit_file(model.circuit_text, file);
  model.description.emplace().parameters = text.parameters;
  check_parameter_names(reader, own, prefix, model);
  return text;
}

void read_circuit_defaults(const ConfigReader& reader, const toml::table& own, const std::string& prefix,
                           const toml::table* dynamics, ModelConfig& model) {
  for (const Parameter& p : model.description->parameters) {
    if (dynamics == nullptr || own.contains(p.name) || !dynamics->contains(p.name)) continue;
    const std::string name = "dynamics." + p.name;
    try {
      read_value(own_key(p, model.parameters), *dynamics->get(p.name), name, reader.file());
    } catch (const ConfigError& error) {
      ConfigError::Data data = error.data();
      data.fault +=
          fmt::format(", which is no value of that parameter of {}, circuit = {}", prefix, in_quotes(model.circuit));
      data.allowed += fmt::format("; {}.{} takes its place for this model", prefix, p.name);
      throw ConfigError(std::move(data));
    }
  }
}

equations::ExpandOptions expand_options(const NetworkConfig& network) {
  equations::ExpandOptions options{.layers = network.layers, .bias = network.bias};
  options.rates = network.activation;
  options.rates.insert(options.rates.begin(), "linear");
  options.rates.push_back(network.output);
  return options;
}

void expand_model_circuit(const equations::CircuitText& text, const NetworkConfig& network, ModelConfig& model) {
  equations::ExpandOptions options = expand_options(network);
  options.parameters = model.parameters = model.parameters.restricted_to(text.parameters);
  model.description = equations::expand(text, options);
}

}  // namespace dynvert
