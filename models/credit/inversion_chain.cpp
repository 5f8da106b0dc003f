#include <dynvert/models/credit/inversion_chain.hpp>

#include <fmt/format.h>

namespace dynvert {

Chain add_chain(Circuit& circuit, const Network& network, const LoopParameters& parameters,
                const ChainOptions& options) {
  Chain chain{.loop = {.number = options.number, .source = options.top},
              .W = std::vector<ProjectionIndex>(options.top + 1),
              .delta = std::vector<PopulationIndex>(options.top + 1),
              .options = options};
  const auto add_controller = [&] {
    chain.loop.controller = circuit.add(Population{.name = fmt::format("u_{}", options.number),
                                                   .units = network.units[options.top],
                                                   .tau = parameters.tau_u,
                                                   .leak = parameters.alpha,
                                                   .role = Role::controller,
                                                   .layer = options.top,
                                                   .loop = options.number});
    chain.loop.members.push_back(chain.loop.controller);
  };
  if (options.controller_first) add_controller();
  for (std::size_t l = options.bottom; l < options.top; ++l) {
    const bool rates = parameters.transfer == Transfer::nonlinear;
    chain.delta[l] =
        circuit.add(Population{.name = fmt::format("delta_{}{}", l, l > options.bottom ? options.suffix : ""),
                               .units = network.units[l],
                               .tau = parameters.tau_delta,
                               .rate = rates ? std::string(network.g[l]->name) : "linear",
                               .role = Role::error,
                               .layer = l,
                               .loop = options.number});
    chain.loop.members.push_back(chain.delta[l]);
    if (l == options.bottom || options.reads_all) chain.loop.readouts.emplace_back(chain.delta[l], l);
  }
  if (!options.controller_first) add_controller();

  for (std::size_t l = options.bottom + 1; l <= options.top; ++l) {
    Projection projection{.name = fmt::format("W{}{}", l, options.live.empty() ? "" : " of errors"),
                          .source = chain.delta[l - 1],
                          .target = l == options.top ? chain.loop.controller : chain.delta[l],
                          .weights = arma::mat(network.units[l], network.units[l - 1])};
    if (!network.g[l - 1]->linear && parameters.transfer == Transfer::nonlinear) projection.transmits = Transmit::rate;
    if (!network.g[l - 1]->linear && parameters.transfer == Transfer::linearised) {
      projection.transmits = Transmit::gain;
      if (!options.live.empty()) projection.follows = GainFollows{options.live[l - 1], true};
    }
    chain.W[l] = circuit.add(std::move(projection));
  }
  chain.loop.feedback =
      circuit.add(Projection{.name = fmt::format("B{}", options.number),
                             .source = chain.loop.controller,
                             .target = chain.delta[options.bottom],
                             .weights = arma::mat(network.units[options.bottom], network.units[options.top])});
  return chain;
}

void load_chain(const Chain& chain, const Network& network, const Feedback& feedback, RightHandSide& f) {
  for (std::size_t l = chain.options.bottom + 1; l <= chain.options.top; ++l) f.set_weights(chain.W[l], network.W[l]);
  f.set_weights(chain.loop.feedback, feedback[chain.options.number]);
}

void read_credit(Transfer transfer, const Network& network, const Activity& activity, std::size_t layer,
                 const ConstMatrixView& delta, Credit& credit) {
  credit[layer] = to_matrix(delta);
  if (transfer == Transfer::linear) multiply_by_slope(*network.g[layer], activity.a[layer], credit[layer]);
}

Stage chain_stage(const Network& network, const LoopParameters& parameters, const ChainOptions& options) {
  Stage stage;
  stage.name = fmt::format("loop {}", options.number);
  const Chain chain = add_chain(stage.circuit, network, parameters, options);
  stage.loops = {chain.loop};

  stage.load = [chain](const Network& n, const Feedback& feedback, RightHandSide& f) {
    load_chain(chain, n, feedback, f);
  };
  stage.begin = [chain](const Network& n, const Activity& activity, const Credit& credit, RightHandSide& f) {
    f.set_columns(credit[chain.options.top].n_cols);
    for (std::size_t l = chain.options.bottom + 1; l <= chain.options.top; ++l) {
      if (f.circuit().projections()[chain.W[l]].transmits != Transmit::gain) continue;
      arma::mat gain(arma::size(activity.a[l - 1]), arma::fill::none);
      n.g[l - 1]->derivative(activity.a[l - 1].memptr(), gain.memptr(), gain.n_elem);
      assign(f.gain(chain.W[l]), 1 / gain);
    }
  };
  stage.enter = [chain](const Network&, const Activity&, const Credit& credit, const Phase&, RightHandSide& f, State&) {
    assign(f.input(chain.loop.controller), -credit[chain.options.top]);
  };
  stage.read = [readouts = chain.loop.readouts, transfer = parameters.transfer](
                   const Network& n, const RightHandSide& f, const State& x, Activity& activity, Credit& credit) {
    for (const auto& [population, layer] : readouts) {
      read_credit(transfer, n, activity, layer, f.layout().view(std::span<const double>(x), population), credit);
    }
  };
  return stage;
}

}  // namespace dynvert
