// [network] and [network.init]

#include <dynvert/sim/config/reader.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

constexpr std::size_t max_layers = 1000;

void read_init(const ConfigReader& reader, const toml::table* in, InitConfig& init) {
  const std::string prefix = "network.init";
  const std::vector<Key> keys = reader.read_table(prefix, in, init, reader.context());
  reader.check_used(in, prefix, keys);
  if (applies(keys, "path")) reader.resolve_path(in, prefix, init.path, init.group);
  reset_unused<InitConfig>(keys, reader.context());
}

}  // namespace

void read_network(const ConfigReader& reader, NetworkConfig& network) {
  const auto* in = reader.table(reader.tree(), "network", "network");
  reader.require(in, reader.read_table("network", in, network, reader.context()), "network", "layers");
}

void check_network(const ConfigReader& reader, NetworkConfig& net) {
  const toml::table& in = *reader.tree()["network"].as_table();
  const auto& n = net.layers;
  if (n.size() < 3 || n.size() > max_layers)
    reader.fail_at(&in, "network", "layers", fmt::format("found {} layers", n.size()),
                   fmt::format("3 to {}: inputs, at least one hidden layer, outputs", max_layers));
  std::size_t weights = 0;
  for (std::size_t l = 1; l < n.size(); ++l) {
    weights += n[l] * n[l - 1];
    if (weights > max_weights)
      reader.fail_at(&in, "network", "layers",
                     fmt::format("up to W{}, which is {} x {}, there would be {} weights, which is too large", l, n[l],
                                 n[l - 1], weights),
                     fmt::format("at most {} weights in all", max_weights));
  }
  const std::size_t hidden = n.size() - 2;
  if (!in.contains("activation")) net.activation = {"linear"};
  const auto* given = in.get("activation");
  if (given == nullptr || given->is_string()) net.activation.resize(hidden, net.activation.front());
  if (net.activation.size() != hidden)
    reader.fail_at(&in, "network", "activation", fmt::format("found {} names", net.activation.size()),
                   fmt::format("one name, or one for each of the {} hidden layers", hidden));
  read_init(reader, reader.table(in, "init", "network.init"), net.init);
}

}  // namespace dynvert
