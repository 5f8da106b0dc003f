/// Sequential dynamic inversion (Podlaski & Machens, NeurIPS 2020, arXiv 2007.05112). For l = L..2, one loop
/// after the other, from zero state:
///
///     tau_delta d(delta_{l-1})/dt = -delta_{l-1} + B_l u_l
///     tau_u     du_l/dt           = -alpha u_l + W_l f(delta_{l-1}) - s_l
///
/// s_L = e and s_l = delta_l as read out. Transfer: f(x) = x and the read-out is delta_{l-1}(T) .* g_{l-1}'(a_{l-1})
/// (linear); f = g_{l-1} and the read-out is delta_{l-1}(T) (nonlinear); f(x) = x / g_{l-1}'(a_{l-1}) and the read-out
/// is delta_{l-1}(T) (linearised).
///
/// | symbol    | shape         | meaning                                           | units |
/// |-----------|---------------|---------------------------------------------------|-------|
/// | delta_l   | n_l x columns | error population of layer l                       | 1     |
/// | u_l       | n_l x columns | controller of the loop that inverts W_l           | 1     |
/// | s_l       | n_l x columns | the signal to invert                              | 1     |
/// | W_l       | n_l x n_{l-1} | forward weights                                   | 1     |
/// | B_l       | n_{l-1} x n_l | feedback weights                                  | 1     |
/// | alpha     |               | leak of the controller                            | 1     |
/// | tau_delta |               | time constant of the error population             | time  |
/// | tau_u     |               | time constant of the controller                   | time  |
///
/// Steady state of the linear loop: delta = B (W B - alpha I)^-1 s = (B W - alpha I)^-1 B s; with B = -W' the damped
/// pseudo-inverse W'(W W' + alpha I)^-1 s. With alpha = 0 and n_l > n_{l-1} the matrix W B is singular and u has no
/// unique steady state.
///
/// The circuit lists u before delta: sequential Euler then takes u with the old delta, and delta with the new u, which
/// is the order of the paper's published results.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/credit/inversion_chain.hpp>

namespace dynvert {

CreditModel sequential_inversion_credit() {
  return {.name = "sequential_inversion",
          .summary = "dynamic inversion, one loop after the other from the output down",
          .feedback = sequential_feedback,
          .stages = [](const Network& network, const LoopParameters& parameters) {
            std::vector<Stage> stages;
            for (std::size_t l = network.depth(); l >= 2; --l) {
              stages.push_back(chain_stage(network, parameters, {.number = l, .bottom = l - 1, .top = l}));
            }
            return stages;
          }};
}

}  // namespace dynvert
