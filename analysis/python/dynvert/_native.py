"""The simulator: the module that CMake builds beside this package, where pybind11 is."""

from __future__ import annotations

from types import ModuleType

from .errors import SimulatorMissing


def native() -> ModuleType:
    """The module _dynvert. Raises SimulatorMissing where it was not built, or not for this Python."""
    try:
        from . import _dynvert
    except ImportError as error:
        raise SimulatorMissing(
            f"the package dynvert in {_folder()} reads files and cannot simulate ({error}). For that: apt install pybind11-dev "
            "python3-dev; cmake --preset release -DDYNVERT_PYTHON_MODULE=ON; cmake --build --preset release; "
            "and PYTHONPATH=build/python"
        ) from error
    return _dynvert


def _folder() -> str:
    import pathlib

    return str(pathlib.Path(__file__).parent)
