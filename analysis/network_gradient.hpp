#pragma once

/// What the changes of a feedforward network's weights are compared with, from one forward pass: the exact gradient of
/// its loss, and the Gauss-Newton step of minimum norm (Meulemans, Carzaniga, Suykens, Sacramento & Grewe, NeurIPS
/// 2020). Both are d_l h_{l-1}', summed over the columns of the batch, and for biases d_l.
///
/// | direction    | d of all layers                                                                          |
/// |--------------|------------------------------------------------------------------------------------------|
/// | -gradient    | d_L = (t - y) .* g_L'(a_L), or t - y sum(t) of a softmax output; d_{l-1} = W_l' d_l .*   |
/// |              | g_{l-1}'(a_{l-1})                                                                        |
/// | Gauss-Newton | (d_1; ..; d_L) = J^+ (t - y), J = dy/d(a_1; ..; a_L), column by column                   |
///
/// The loss is that of circuit_gradient.hpp: 1/2 |t - y|^2, or the cross-entropy of a softmax output. Credit models
/// take d_L = t - y whatever the output's rate function is, so that where it is neither linear nor a softmax they are
/// at an angle to the gradient.

#include <dynvert/models/network/network.hpp>

namespace dynvert {

/// d of each layer, n_l x batch, index l = 1..L.
[[nodiscard]] Credit descent_of_network(const Network& network, const Activity& activity);
[[nodiscard]] Credit gauss_newton_of_network(const Network& network, const Activity& activity);

}  // namespace dynvert
