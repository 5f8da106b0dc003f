#pragma once

/// The sections of the table. A new one is one file and one line in main.cpp.

#include "table.hpp"

namespace dynvert::benchmarks {

void add_inversions(Table& table);
void add_kernels(Table& table);
void add_steppers(Table& table);
void add_recording(Table& table);
void add_classification(Table& table);
void add_autoencoder(Table& table);
void add_experiments(Table& table);

}  // namespace dynvert::benchmarks
