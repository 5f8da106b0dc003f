#include <dynvert/sim/config/build_network.hpp>
#include <dynvert/sim/config/model_credit.hpp>

namespace dynvert {

ModelCredit credit_of(const Config& config, const ModelConfig& model) {
  if (!model.description) return {credit_model(model.credit)};
  auto circuit = DescribedCircuit::make(*model.description, empty_network(config),
                                        {.eta = config.learning.rate,
                                         .lambda = config.learning.decay,
                                         .batch = static_cast<double>(config.learning.batch),
                                         .duration = model.dynamics.duration,
                                         .dt = model.dynamics.dt});
  CreditModel credit = circuit->credit();
  return {std::move(credit), std::move(circuit)};
}

}  // namespace dynvert
