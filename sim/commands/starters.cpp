#include <dynvert/sim/commands/starters.hpp>

#include <array>

namespace dynvert {

namespace {

constexpr std::string_view classification_starter =
    R"(# Classification: which of ten digits is shown. The images are drawn by dynvert; for your own data see [task].

[experiment]
title = "Digits"
seed = 1
epochs = 2                      # passes over the training set; or trials = 2000

[task]
kind = "digits"                 # 16 x 16 pixels; your own: kind = "dataset", path = "data.h5", targets = "classes"
samples = 500
test_samples = 200

[network]
layers = [256, 50, 10]          # inputs, hidden layers, outputs: one output for each class
activation = "tanh"
output = "softmax"              # the loss is the cross-entropy
bias = true

[learning]
rate = 1e-3

[dynamics]                      # of the control loops: the defaults of all models
solver = "sequential_euler"
dt = 0.5
duration = 500.0

[record]
evaluate_every = 100            # trials between evaluations of loss and accuracy
measures = ["angle_bp"]         # angle to the credit of backpropagation, in every trial

[[model]]                       # for comparison
name = "BP"
credit = "backprop"

[[model]]
name = "DI"
credit = "sequential_inversion" # an inversion loop for each layer
alpha = 0.01                    # leak of the controllers: smaller is closer to the inverse, and slower
)";

constexpr std::string_view regression_starter = R"(# Regression: a network learns the map of a random linear teacher.

[experiment]
title = "Linear regression"
seed = 1
trials = 1000

[task]
kind = "linear_teacher"         # tanh_teacher is a nonlinear one; your own: kind = "dataset", path = "data.h5", targets = "values"
samples = 500

[network]
layers = [30, 20, 10]           # inputs, hidden layers, outputs
activation = "linear"           # of the hidden layers: tanh, relu, ..

[learning]
rate = 5e-3

[dynamics]                      # of the control loops: the defaults of all models
solver = "sequential_euler"
dt = 0.5
duration = 200.0

[record]
trials = [0, 999]               # record the trajectories of these trials
interval = 1.0                  # time between their samples
measures = ["angle_ndi", "settling_time", "spectral_abscissa"]    # in every trial

[[model]]                       # for comparison
name = "BP"
credit = "backprop"

[[model]]
name = "DI"
credit = "sequential_inversion" # an inversion loop for each layer
alpha = 0.01                    # leak of the controllers: smaller is closer to the inverse, and slower
)";

constexpr std::string_view inversion_starter =
    R"(# Inversion without learning: the loops of a network with random weights, over a grid of their leak and time constants.

[experiment]
title = "Inversions over a grid"
seed = 1

[network]
layers = [30, 20, 10]
activation = "linear"
init = { kind = "uniform", half_width = 0.5 }

[inversion]
samples = 5                     # random errors at each point of the grid
alpha = [1e-3, 1e-2, 1e-1]      # leak of the controllers
ratio = [0.1, 1.0, 10.0]        # tau_u / tau_delta

[dynamics]
solver = "dopri5"               # adaptive: oscillations that hardly decay are a matter of the loop, not of the step
dt = 0.1
duration = 100.0

[record]
interval = 1.0                  # time between the samples of the trajectories
measures = ["settling_time", "overshoot", "spectral_abscissa"]

[[model]]
name = "DI"
credit = "sequential_inversion"
)";

constexpr std::string_view circuit_starter =
    R"(# A circuit of your own: an excitatory and an inhibitory population with threshold-linear rates.

[experiment]
title = "An excitatory-inhibitory pair"
seed = 1
trials = 1                      # with noise in an input: several

[dynamics]
solver = "dopri5"               # adaptive; euler, rk4 and others have the fixed step dt
dt = 0.1                        # here the time between the samples of the trace
duration = 60.0

[[population]]
name = "E"
units = 1
tau = 1.0
rate = "relu"

[[population]]
name = "I"
tau = 1.5                       # slower inhibition lets the pair oscillate
rate = "relu"

[[projection]]                  # one to one; kind = "matrix" is written out, "uniform" is drawn, "file" is read
source = "E"
target = "E"
weight = 1.5

[[projection]]
source = "E"
target = "I"
weight = 2.0

[[projection]]
source = "I"
target = "E"
weight = -1.0

[[input]]
population = "E"
shape = "step"                  # or ramp, sine, noise
amplitude = 1.0
start = 10.0
)";

constexpr std::array<Starter, 4> all_starters{{
    {"classification", "images of ten digits, by backpropagation and by dynamic inversion", classification_starter},
    {"regression", "a linear teacher, by backpropagation and by dynamic inversion", regression_starter},
    {"inversion", "inversion loops over a grid of leak and time constants, without learning", inversion_starter},
    {"circuit", "two populations, three projections and an input", circuit_starter},
}};

}  // namespace

std::span<const Starter> configuration_starters() { return all_starters; }

}  // namespace dynvert
