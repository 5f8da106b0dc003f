// A circuit that Python advances step by step, with its state as NumPy arrays that are the solver's own memory.

#include <dynvert/sim/experiment/circuit_simulation.hpp>
#include <dynvert/sim/platform/interruption.hpp>
#include <dynvert/sim/platform/reproducible.hpp>
#include <dynvert/sim/python/bindings.hpp>
#include <dynvert/sim/python/configuration.hpp>
#include <dynvert/sim/python/one_blas_thread.hpp>

#include <pybind11/complex.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <complex>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace dynvert::python {

namespace py = pybind11;
using py::literals::operator""_a;

namespace {

/// How often long work looks after Python.
constexpr std::chrono::milliseconds signal_interval{50};

struct SteppedCircuit {
  CircuitSimulation simulation;
  std::atomic_flag busy = ATOMIC_FLAG_INIT;

  SteppedCircuit(const Config& config, std::size_t columns) : simulation(config, columns) {}
};

/// One thread of Python at a time: the others go on while a circuit is advanced.
class Busy {
 public:
  explicit Busy(SteppedCircuit& circuit) : flag_(circuit.busy) {
    if (flag_.test_and_set()) throw std::runtime_error("the simulation is in use by another thread");
  }
  ~Busy() { flag_.clear(); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic_flag& flag_;
};

/// Work without the GIL, which Ctrl-C ends.
template <typename Work>
void without_gil(SteppedCircuit& circuit, const Work& work) {
  const Busy busy(circuit);
  const OneBlasThread one_thread;
  std::atomic<bool> stop = false;
  std::optional<py::error_already_set> raised;
  auto looked = std::chrono::steady_clock::now();
  const InterruptionScope scope(&stop, [&](double, double) {
    if (std::chrono::steady_clock::now() - looked < signal_interval) return;
    const py::gil_scoped_acquire acquired;
    if (PyErr_CheckSignals() != 0) {
      raised.emplace();
      stop = true;
    }
    looked = std::chrono::steady_clock::now();
  });
  try {
    const py::gil_scoped_release released;
    work();
  } catch (const Interrupted&) {
    throw py::error_already_set(*raised);
  }
}

/// The memory of a view as a NumPy array, units x columns. @param owner  lives for as long as the array
template <typename T>
py::array_t<double> array_of(const BasicMatrixView<T>& view, const py::object& owner) {
  const auto size = static_cast<py::ssize_t>(sizeof(double));
  return {std::vector<py::ssize_t>{static_cast<py::ssize_t>(view.units), static_cast<py::ssize_t>(view.columns)},
          std::vector<py::ssize_t>{size, size * static_cast<py::ssize_t>(view.stride)}, view.data, owner};
}

template <typename T>
py::array_t<T> copy_of(const arma::Mat<T>& matrix) {
  const auto size = static_cast<py::ssize_t>(sizeof(T)), rows = static_cast<py::ssize_t>(matrix.n_rows);
  return {std::vector<py::ssize_t>{rows, static_cast<py::ssize_t>(matrix.n_cols)},
          std::vector<py::ssize_t>{size, size * rows}, matrix.memptr()};
}

std::unique_ptr<SteppedCircuit> make_circuit(const std::string& path, const std::optional<std::string>& text,
                                             std::vector<std::string> sets, std::vector<std::string> unsets,
                                             std::optional<std::uint64_t> seed, std::optional<std::size_t> threads,
                                             std::size_t columns) {
  const ConfigArguments arguments{
      .path = path, .sets = std::move(sets), .unsets = std::move(unsets), .seed = seed, .threads = threads};
  const Config config = read_config(arguments, text);
  if (config.reproducible) require_reproducible_arithmetic();
  const OneBlasThread one_thread;
  return std::make_unique<SteppedCircuit>(config, columns);
}

py::object weights_of(const py::object& self, const std::string& name) {
  const CircuitSimulation& simulation = self.cast<SteppedCircuit&>().simulation;
  const ProjectionIndex k = simulation.projection(name);
  if (!simulation.has_matrix(k)) return py::float_(simulation.scale(k));
  py::array_t<double> array = array_of(simulation.weights(k), self);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

void set_weights(SteppedCircuit& self, const std::string& name, const py::object& values) {
  const Busy busy(self);
  CircuitSimulation& simulation = self.simulation;
  const ProjectionIndex k = simulation.projection(name);
  const auto array = py::array_t<double, py::array::f_style | py::array::forcecast>::ensure(values);
  if (!array) throw py::error_already_set();
  if (array.ndim() == 0) return simulation.set_scale(k, *array.data());
  if (array.ndim() != 2) {
    throw ValueError("projection \"" + name + "\"", "weights have " + std::to_string(array.ndim()) + " axes",
                     simulation.has_matrix(k) ? "a matrix, target units x source units" : "one number");
  }
  arma::mat matrix(static_cast<arma::uword>(array.shape(0)), static_cast<arma::uword>(array.shape(1)));
  std::copy_n(array.data(), matrix.n_elem, matrix.begin());
  simulation.set_weights(k, matrix);
}

py::dict steady_state_of(SteppedCircuit& self) {
  State state;
  without_gil(self, [&] { state = self.simulation.steady_state(); });
  py::dict result;
  for (PopulationIndex p = 0; p < self.simulation.populations().size(); ++p) {
    result[py::str(self.simulation.populations()[p].name)] = copy_of(to_matrix(self.simulation.view(state, p)));
  }
  return result;
}

template <typename Part>
std::vector<std::string> names_of(const std::vector<Part>& parts) {
  std::vector<std::string> names;
  for (const Part& part : parts) names.push_back(part.name);
  return names;
}

}  // namespace

void bind_circuits(py::module_& module) {
  using Self = SteppedCircuit;
  py::class_<Self>(module, "CircuitSimulation", "A user-defined circuit, step by step.")
      .def(py::init(&make_circuit), py::kw_only(), "path"_a, "text"_a, "sets"_a, "unsets"_a, "seed"_a, "threads"_a,
           "columns"_a)
      .def_property_readonly("populations", [](const Self& self) { return names_of(self.simulation.populations()); })
      .def_property_readonly("projections", [](const Self& self) { return names_of(self.simulation.projections()); })
      .def_property_readonly("units",
                             [](const Self& self) {
                               std::vector<std::size_t> units;
                               for (const Population& p : self.simulation.populations()) units.push_back(p.units);
                               return units;
                             })
      .def_property_readonly("columns", [](const Self& self) { return self.simulation.columns(); })
      .def_property_readonly("time", [](const Self& self) { return self.simulation.time(); })
      .def("state",
           [](const py::object& self, const std::string& name) {
             CircuitSimulation& simulation = self.cast<Self&>().simulation;
             return array_of(simulation.state(simulation.population(name)), self);
           })
      .def("input",
           [](const py::object& self, const std::string& name) {
             CircuitSimulation& simulation = self.cast<Self&>().simulation;
             return array_of(simulation.input(simulation.population(name)), self);
           })
      .def("weights", &weights_of)
      .def("set_weights", &set_weights)
      .def("advance",
           [](Self& self, double duration) { without_gil(self, [&] { self.simulation.advance(duration); }); })
      .def("reset",
           [](Self& self) {
             const Busy busy(self);
             self.simulation.reset();
           })
      .def("jacobian",
           [](Self& self, std::size_t column) {
             arma::mat jacobian;
             without_gil(self, [&] { jacobian = self.simulation.jacobian(column); });
             return copy_of(jacobian);
           })
      .def("spectrum",
           [](Self& self, std::size_t column) {
             arma::cx_vec spectrum;
             without_gil(self, [&] { spectrum = self.simulation.spectrum(column); });
             return py::array_t<std::complex<double>>(static_cast<py::ssize_t>(spectrum.n_elem), spectrum.memptr());
           })
      .def("steady_state", &steady_state_of);
}

}  // namespace dynvert::python
