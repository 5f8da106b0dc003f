/// Repeat-loop dynamic inversion (Podlaski & Machens, NeurIPS 2020, arXiv 2007.05112). Each hidden layer l has its own
/// feedback matrix B_l from the output, and its own run of the loop through the layers above it:
///
///     tau_delta d(delta_l)/dt = -delta_l + B_l u_l
///     tau_delta d(delta_m)/dt = -delta_m + W_m f(delta_{m-1})          m = l+1..L-1
///     tau_u     du_l/dt       = -alpha u_l + W_L f(delta_{L-1}) - e
///
/// The credit signal of layer l is delta_l(T) of its own run, for the linear transfer times g_l'(a_l).
///
/// | symbol    | shape         | meaning                                                        | units |
/// |-----------|---------------|----------------------------------------------------------------|-------|
/// | delta_m   | n_m x columns | error population of layer m in the run for layer l             | 1     |
/// | u_l       | n_L x columns | controller of the run for layer l                              | 1     |
/// | e         | n_L x columns | output error                                                   | 1     |
/// | W_m       | n_m x n_{m-1} | forward weights                                                | 1     |
/// | B_l       | n_l x n_L     | feedback weights, l = 1..L-1                                   | 1     |
/// | alpha     |               | leak of the controllers                                        | 1     |
/// | tau_delta, tau_u |        | time constants                                                 | time  |
///
/// Steady state with the linear transfer, W = W_L .. W_{l+1}: delta_l = B_l (W B_l - alpha I)^-1 e.
///
/// Departures: none known; the runs are independent, so their order (from the top layer down) has no effect. In files
/// the populations on the way are delta_m_run_l, since delta_m is that of its own run.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/credit/inversion_chain.hpp>

#include <fmt/format.h>

namespace dynvert {

CreditModel repeat_inversion_credit() {
  return {.name = "repeat_inversion",
          .summary = "dynamic inversion by a loop from the output for each hidden layer",
          .feedback =
              [](std::size_t depth) {
                std::vector<FeedbackPath> paths;
                for (std::size_t l = 1; l < depth; ++l) {
                  paths.push_back({.number = l, .name = fmt::format("B{}", l), .bottom = l, .top = depth});
                }
                return paths;
              },
          .stages =
              [](const Network& network, const LoopParameters& parameters) {
                std::vector<Stage> stages;
                for (std::size_t l = network.depth() - 1; l >= 1; --l) {
                  // only the bottom of a run is a credit signal
                  stages.push_back(chain_stage(network, parameters,
                                               {.number = l,
                                                .bottom = l,
                                                .top = network.depth(),
                                                .controller_first = false,
                                                .reads_all = false,
                                                .suffix = fmt::format("_run_{}", l)}));
                }
                return stages;
              }};
}

}  // namespace dynvert
