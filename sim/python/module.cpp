#include <dynvert/models/equations/source.hpp>
#include <dynvert/models/error.hpp>
#include <dynvert/sim/config/error.hpp>
#include <dynvert/sim/platform/build_info.hpp>
#include <dynvert/sim/platform/io_error.hpp>
#include <dynvert/sim/platform/reproducible.hpp>
#include <dynvert/sim/python/bindings.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace dynvert::python {

namespace py = pybind11;
using py::literals::operator""_a;

namespace {

/// Makes an exception of dynvert.errors the current one.
void raise(const char* type, const char* message, const py::dict& data) {
  const py::object made = py::module_::import("dynvert.errors").attr(type)(message, **data);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.ptr())), made.ptr());
}

/// 0 is no line.
py::object line(std::size_t number) {
  if (number == 0) return py::none();
  return py::int_(number);
}

/// What the command line calls --set, as it is called in Python.
std::string in_python(const std::string& file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names{
      {{"--set ", "set: "}, {"--unset ", "unset: "}, {"--seed ", "seed="}, {"--threads ", "threads="}}};
  for (const auto& [option, argument] : names) {
    if (file.starts_with(option)) return std::string(argument) + file.substr(option.size());
  }
  return file;
}

void raise_config_error(const ConfigError& error) {
  ConfigError::Data data = error.data();
  data.file = in_python(data.file);
  raise(
      "ConfigError", ConfigError(data).what(),
      py::dict("file"_a = data.file, "line"_a = line(data.line), "column"_a = line(data.column), "key"_a = data.key,
               "fault"_a = data.fault, "found"_a = data.found, "allowed"_a = data.allowed, "nearest"_a = data.nearest));
}

constexpr std::array<const char*, 9> fault_names{
    "none", "diverged", "not_finite", "step_limit", "no_steady_state", "singular", "not_stabilised", "update", "other"};

py::dict data_of(const NumericalError& error) {
  return py::dict("object"_a = error.object(), "fault"_a = error.fault(), "remedy"_a = error.remedy(),
                  "kind"_a = fault_names.at(static_cast<std::size_t>(error.kind())));
}

void raise_current(std::exception_ptr current) {
  try {
    std::rethrow_exception(current);
  } catch (const ConfigError& error) {
    raise_config_error(error);
  } catch (const equations::EquationError& error) {
    const auto& data = error.data();
    raise("EquationError", error.what(),
          py::dict("file"_a = data.file, "line"_a = line(data.line), "column"_a = line(data.column),
                   "equation"_a = data.equation, "fault"_a = data.fault, "allowed"_a = data.allowed,
                   "nearest"_a = data.nearest));
  } catch (const DivergenceError& error) {
    py::dict data = data_of(error);
    data["model"] = error.data().model;
    data["trial"] = error.data().trial;
    data["loop"] = error.data().loop;
    data["population"] = error.data().population;
    data["time"] = error.data().time;
    data["limit"] = error.data().limit;
    raise("DivergenceError", error.what(), data);
  } catch (const NumericalError& error) {
    raise("NumericalError", error.what(), data_of(error));
  } catch (const IoError& error) {
    raise("IoError", error.what(),
          py::dict("path"_a = error.path(), "fault"_a = error.fault(), "remedy"_a = error.remedy()));
  } catch (const ValueError& error) {
    raise("ValueError", error.what(),
          py::dict("object"_a = error.object(), "fault"_a = error.fault(), "allowed"_a = error.allowed()));
  } catch (const RestartNeeded& restart) {
    std::string environment;
    for (const auto& [name, value] : restart.environment) environment += name + "=" + value + " ";
    const ValueError error("experiment.reproducible", "needs another environment from the start of the process on",
                           environment + "python3 .., or false");
    raise("ValueError", error.what(),
          py::dict("object"_a = error.object(), "fault"_a = error.fault(), "allowed"_a = error.allowed()));
  }
}

}  // namespace

void translate_exceptions() {
  py::register_exception_translator([](std::exception_ptr current) {
    if (current) raise_current(std::move(current));
  });
}

}  // namespace dynvert::python

PYBIND11_MODULE(_dynvert, module) {
  module.doc() = "What the package dynvert needs of dynvert's libraries.";
  module.attr("version") = dynvert::version();
  module.attr("revision") = dynvert::source_revision();
  dynvert::python::translate_exceptions();
  dynvert::python::bind_runs(module);
  dynvert::python::bind_circuits(module);
}
