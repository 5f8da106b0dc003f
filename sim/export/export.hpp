#pragma once

/// What `dynvert export` makes of a file: tables of numbers (.csv), and structs for MATLAB and Octave (.mat, level 5).
/// Memory is bounded, however large the file.

#include <dynvert/sim/record/run_reader.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dynvert {

/// What to export. @throws ValueError in either function  a trial or a group that the model does not have
struct ExportSelection {
  std::vector<std::string> models;   ///< of the file
  bool whole_file = true;            ///< also what belongs to no model
  std::optional<std::size_t> trial;  ///< of the traces, this trial only
  std::string group;                 ///< .csv: the group that is the table; empty: the model's trials
};

/// Writes what is selected as a level-5 MAT-file (docs/analysis.md has its layout).
/// @param descriptor  an empty file
/// @param name        of the output, for messages
/// @throws IoError  a variable would have 2 GB or more, which level 5 cannot hold; the file cannot be written
void write_mat(const RunReader& file, const ExportSelection& selection, int descriptor, const std::string& name);

/// Writes one table of one model as RFC 4180 has it: a header line with names and units, numbers that read back as the
/// same double.
/// @return datasets of the group that do not fit the table and were left out, one line each
std::vector<std::string> write_csv(const RunReader& file, const ExportSelection& selection, int descriptor,
                                   const std::string& name);

/// The record of a trial in a model's traces. @throws ValueError  it was not recorded
[[nodiscard]] std::size_t find_record(const RunReader& file, const std::string& model, std::size_t trial);

}  // namespace dynvert
