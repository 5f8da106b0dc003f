#pragma once

/// The model of credit assignment that a [[model]] names: a registered one, or its circuit file.

#include <dynvert/models/credit/credit.hpp>
#include <dynvert/models/program/described_circuit.hpp>
#include <dynvert/sim/config/config.hpp>

#include <memory>

namespace dynvert {

struct ModelCredit {
  CreditModel credit;
  std::shared_ptr<const DescribedCircuit> circuit = nullptr;  ///< of a circuit file
};

/// @throws EquationError, ValueError  a circuit that cannot be run
[[nodiscard]] ModelCredit credit_of(const Config& config, const ModelConfig& model);

/// Whether it learns in blocks of trials (sim/config/learning_blocks.hpp).
[[nodiscard]] bool learns_in_blocks(const Config& config, const ModelConfig& model);

}  // namespace dynvert
