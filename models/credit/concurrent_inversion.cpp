/// Concurrent dynamic inversion: forward activity and all error loops are one ODE, integrated together (after Podlaski
/// & Machens, NeurIPS 2020, arXiv 2007.05112, whose simulations separate the two).
///
///     tau_h     da_l/dt           = -a_l + W_l g_{l-1}(a_{l-1}) + b_l              l = 1..L, g_0(a_0) = h_0
///     tau_delta d(delta_{l-1})/dt = -delta_{l-1} + B_l u_l                         l = L..2
///     tau_u     du_l/dt           = -alpha u_l + W_l f(delta_{l-1}) - s_l
///     s_L = t - g_L(a_L)   while the target is on, else 0
///     s_l = delta_l .* g_l'(a_l) (linear transfer), delta_l (nonlinear, linearised)    l < L, live
///
/// h_0 is the input while the stimulus is on, else 0. f of the linearised transfer is x / g'(a), with the live a. The
/// steady state with stimulus and target on is that of sequential inversion.
///
/// With continuous plasticity the weights are part of the system, in forward pass and loops alike,
///
///     tau_w dW_l/dt = eta delta_l h_{l-1}' - lambda W_l,   tau_w db_l/dt = eta delta_l - lambda b_l,
///
/// with delta_L = s_L and delta_l the live read-out. Else the weights change at the end of the trial, by the credit
/// signals at the end of the last phase with the target on.
///
/// | symbol    | shape         | meaning                                           | units |
/// |-----------|---------------|---------------------------------------------------|-------|
/// | a_l       | n_l x columns | drive of layer l                                  | 1     |
/// | h_0, t    | n_0, n_L x columns | input and target, clamped populations           | 1     |
/// | delta_l   | n_l x columns | error population of layer l                       | 1     |
/// | u_l       | n_l x columns | controller of the loop that inverts W_l           | 1     |
/// | W_l, b_l  | n_l x n_{l-1}, n_l | forward weights and biases                   | 1     |
/// | B_l       | n_{l-1} x n_l | feedback weights                                  | 1     |
/// | alpha     |               | leak of the controllers                           | 1     |
/// | tau_h, tau_delta, tau_u, tau_w | | time constants                             | time  |
/// | eta, lambda |             | learning rate and decay                           | 1     |
///
/// The circuit lists input, forward populations from the bottom up, then u_L, delta_{L-1}, u_{L-1}, ..: sequential
/// Euler passes everything on within a step.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/credit/dynamic_forward.hpp>
#include <dynvert/models/credit/inversion_chain.hpp>

#include <fmt/format.h>

namespace dynvert {

namespace {

/// Everything that the functions of the stage need to find in the circuit.
struct ConcurrentCircuit {
  ForwardCircuit forward;
  PopulationIndex t = 0;
  ProjectionIndex target = 0, output = 0;  ///< -t and +g_L(a_L) to u_L
  std::vector<Chain> chains;               ///< l = L .. 2
  std::vector<std::size_t> gated;          ///< the plastic projections whose post factor is the output error
};

/// The live read-out of layer l < L.
Factor readout_factor(const Network& network, Transfer transfer, const Chain& above, PopulationIndex a, std::size_t l) {
  Factor factor{.population = above.delta[l]};
  if (transfer == Transfer::linear && !network.g[l]->linear) {
    factor.transmits = Transmit::gain;
    factor.follows = GainFollows{a, false};
  }
  return factor;
}

void add_plasticity(Circuit& circuit, ConcurrentCircuit& c, const Network& network, const LoopParameters& parameters) {
  const std::size_t depth = network.depth();
  for (std::size_t l = 1; l <= depth; ++l) {
    Plasticity rule{
        .tau = parameters.plasticity->tau, .rate = parameters.plasticity->eta, .decay = parameters.plasticity->lambda};
    PlasticProduct product;
    if (l == depth) {
      product.post = {{.population = c.t},
                      {.population = c.forward.a[l], .transmits = Transmit::rate, .coefficient = -1}};
    } else {
      product.post = {readout_factor(network, parameters.transfer, c.chains[depth - l - 1], c.forward.a[l], l)};
    }
    const auto add = [&](ProjectionIndex projection, Factor pre) {
      if (l == depth) c.gated.push_back(circuit.plasticity().size());
      rule.uses = {WeightUse{.projection = projection}};
      if (l >= 2 && projection == c.forward.W[l]) rule.uses.push_back({.projection = c.chains[depth - l].W[l]});
      product.pre = pre;
      rule.products = {product};
      circuit.add(rule);
    };
    add(c.forward.W[l], {.population = c.forward.a[l - 1], .transmits = l == 1 ? Transmit::state : Transmit::rate});
    if (!network.bias) continue;
    add(c.forward.b[l], {.population = c.forward.one});
  }
}

void enter_phase(const ConcurrentCircuit& c, const Network& network, const Activity& activity, const Phase& phase,
                 RightHandSide& f, State& x) {
  set_stimulus(c.forward, network, activity.x, phase.stimulus, f, x);
  assign(f.layout().view(std::span<double>(x), c.t), activity.t);
  const double on = phase.target ? 1 : 0;
  f.set_scale(c.target, -on);
  f.set_scale(c.output, on);
  // measures look at the same circuit with fixed weights, which has no rules
  if (f.circuit().plasticity().empty()) return;
  for (const std::size_t i : c.gated) {
    std::vector<Factor>& post = f.plasticity(i).products.front().post;
    post[0].coefficient = on;
    post[1].coefficient = -on;
  }
}

Stage concurrent_stage(const Network& network, const LoopParameters& parameters) {
  const std::size_t depth = network.depth();
  Stage stage;
  stage.name = "circuit";
  stage.timing = Stage::Timing::schedule;
  ConcurrentCircuit c;
  c.forward = add_forward(stage.circuit, network, parameters.tau_h);
  c.t = stage.circuit.add(
      Population{.name = "t", .units = network.units[depth], .clamped = true, .role = Role::target, .layer = depth});
  for (std::size_t l = depth; l >= 2; --l) {
    c.chains.push_back(
        add_chain(stage.circuit, network, parameters, {.number = l, .bottom = l - 1, .top = l, .live = c.forward.a}));
    const Chain& chain = c.chains.back();
    stage.loops.push_back(chain.loop);
    if (l == depth) {
      c.target = stage.circuit.add(
          Projection{.name = "target", .source = c.t, .target = chain.loop.controller, .weights = -1.0});
      c.output = stage.circuit.add(Projection{.name = "output",
                                              .source = c.forward.a[depth],
                                              .target = chain.loop.controller,
                                              .weights = 1.0,
                                              .transmits = Transmit::rate});
      continue;
    }
    const Factor s = readout_factor(network, parameters.transfer, c.chains[depth - l - 1], c.forward.a[l], l);
    stage.circuit.add(Projection{.name = fmt::format("s_{}", l),
                                 .source = s.population,
                                 .target = chain.loop.controller,
                                 .weights = -1.0,
                                 .transmits = s.transmits,
                                 .follows = s.follows});
  }
  if (parameters.plasticity) add_plasticity(stage.circuit, c, network, parameters);

  stage.derived.push_back({.name = "e",
                           .role = "output_error",
                           .like = stage.circuit.populations()[c.t],
                           .description = "output error t - y, zero while the target is off",
                           .value = [c](const DerivedSignal::Sample& at) {
                             const auto a = at.f.layout().view(at.state, c.forward.a.back()).column(at.column);
                             if (!at.phase.target) return arma::vec(a.size());
                             arma::mat y;
                             apply(*at.network.g.back(), arma::vec(a.data(), a.size()), y);
                             return arma::vec(at.activity.t.col(at.column) - y.col(0));
                           }});
  stage.load = [c](const Network& n, const Feedback& feedback, RightHandSide& f) {
    load_forward(c.forward, n, f);
    for (const Chain& chain : c.chains) load_chain(chain, n, feedback, f);
  };
  stage.begin = [](const Network&, const Activity& activity, const Credit&, RightHandSide& f) {
    f.set_columns(activity.x.n_cols);
  };
  stage.enter = [c](const Network& n, const Activity& activity, const Credit&, const Phase& phase, RightHandSide& f,
                    State& x) { enter_phase(c, n, activity, phase, f, x); };
  stage.read = [c, transfer = parameters.transfer](const Network& n, const RightHandSide& f, const State& x,
                                                   Activity& activity, Credit& credit) {
    read_activity(c.forward, n, f, x, activity);
    credit.resize(n.depth() + 1);
    credit.back() = activity.e;
    for (const Chain& chain : c.chains) {
      const std::size_t l = chain.options.bottom;
      read_credit(transfer, n, activity, l, f.layout().view(std::span<const double>(x), chain.delta[l]), credit);
    }
  };
  if (parameters.plasticity) {
    stage.learned = [c](RightHandSide& f, const State& x, Network& n) {
      f.take_weights(x);
      for (std::size_t l = 1; l <= n.depth(); ++l) {
        n.W[l] = f.weights(c.forward.W[l]);
        if (n.bias) n.b[l] = f.weights(c.forward.b[l]);
      }
    };
  }
  return stage;
}

}  // namespace

CreditModel concurrent_inversion_credit() {
  return {.name = "concurrent_inversion",
          .summary = "dynamic inversion with forward activity, errors and controllers as one system",
          .concurrent = true,
          .feedback = sequential_feedback,
          .stages = [](const Network& network, const LoopParameters& parameters) {
            return std::vector<Stage>{concurrent_stage(network, parameters)};
          }};
}

}  // namespace dynvert
