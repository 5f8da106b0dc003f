#pragma once

/// The parts of the Python module `dynvert._dynvert`. It is what the package needs of the libraries and no more: names,
/// defaults, documentation and everything that is Python's own is in analysis/python/dynvert.

#include <pybind11/pybind11.h>

namespace dynvert::python {

/// Every exception of dynvert becomes the one of the same name in dynvert.errors, with its data as attributes.
void translate_exceptions();

/// LoadedRun: a configuration that has been read, to be run into a file.
void bind_runs(pybind11::module_& module);

/// CircuitSimulation.
void bind_circuits(pybind11::module_& module);

}  // namespace dynvert::python
