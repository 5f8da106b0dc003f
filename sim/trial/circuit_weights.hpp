#pragma once

/// The matrices of a described circuit that are not its network's, as [weights.NAME] says. Each is drawn from a stream
/// of its own, so that no matrix depends on another's.
///
/// | kind       | M, rows x columns                                                                        |
/// |------------|------------------------------------------------------------------------------------------|
/// | feedback   | B as [feedback] has it (feedback_weights.hpp); also of B without a table                 |
/// | uniform    | U(-w, w)                                                                                 |
/// | normal     | N(0, s^2)                                                                                |
/// | orthogonal | orthonormal columns, or rows where there are fewer                                       |
/// | sparse     | N(0, s^2) with probability `density`, else 0                                             |
/// | matrix     | the numbers of the file                                                                  |
/// | file       | a dataset of an HDF5 file                                                                |
/// | formula    | f(i, j, n), i = 1..rows, j = 1..columns = n                                              |
/// | product    | of other matrices, as they are at the start                                              |
///
/// Each times `scale`. A matrix without a table that is neither the network's nor feedback is N(0, 1/columns).

#include <dynvert/models/program/described_circuit.hpp>
#include <dynvert/sim/config/config.hpp>

namespace dynvert {

/// @param network  with its own weights; its other matrices are set
/// @throws IoError  kinds feedback and file; ValueError  a matrix of another shape
void draw_circuit_weights(const Config& config, const ModelConfig& model, const DescribedCircuit& circuit,
                          Network& network);

}  // namespace dynvert
