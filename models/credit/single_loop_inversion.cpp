/// Single-loop dynamic inversion (Podlaski & Machens, NeurIPS 2020, arXiv 2007.05112). One controller at the output,
/// one feedback matrix to the first hidden layer, every hidden layer a population on the way:
///
///     tau_delta d(delta_1)/dt = -delta_1 + B u
///     tau_delta d(delta_l)/dt = -delta_l + W_l f(delta_{l-1})          l = 2..L-1
///     tau_u     du/dt         = -alpha u + W_L f(delta_{L-1}) - e
///
/// All credit signals are read from the one loop: delta_l(T), for the linear transfer times g_l'(a_l).
///
/// | symbol    | shape         | meaning                                   | units |
/// |-----------|---------------|-------------------------------------------|-------|
/// | delta_l   | n_l x columns | error population of layer l               | 1     |
/// | u         | n_L x columns | controller (u_L in files)                 | 1     |
/// | e         | n_L x columns | output error                              | 1     |
/// | W_l       | n_l x n_{l-1} | forward weights                           | 1     |
/// | B         | n_1 x n_L     | feedback weights                          | 1     |
/// | alpha     |               | leak of the controller                    | 1     |
/// | tau_delta, tau_u |        | time constants                            | time  |
///
/// Steady state with the linear transfer, W = W_L .. W_2: delta_1 = B (W B - alpha I)^-1 e, delta_l = W_l delta_{l-1}.
///
/// The circuit lists delta_1 .. delta_{L-1}, then u: the order of the paper's published results under sequential Euler.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/credit/inversion_chain.hpp>

namespace dynvert {

CreditModel single_loop_inversion_credit() {
  return {.name = "single_loop_inversion",
          .summary = "dynamic inversion by one loop from the output through all hidden layers",
          .feedback =
              [](std::size_t depth) {
                return std::vector<FeedbackPath>{{.number = depth, .name = "B", .bottom = 1, .top = depth}};
              },
          .stages =
              [](const Network& network, const LoopParameters& parameters) {
                const std::size_t depth = network.depth();
                return std::vector<Stage>{chain_stage(
                    network, parameters, {.number = depth, .bottom = 1, .top = depth, .controller_first = false})};
              }};
}

}  // namespace dynvert
