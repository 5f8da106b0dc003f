"""What can go wrong, each with the exit code of the program: 2 usage or configuration, 3 numbers, 4 input or output.

Those of the simulator carry their data as attributes; their message says it all in one line.
"""

from __future__ import annotations

import builtins
from typing import Any, Optional


class DynvertError(Exception):
    """One clear message for people: what, where, and what to do."""

    exit_code = 1

    def __init__(self, message: str = "", **data: Any) -> None:
        super().__init__(message)
        self.__dict__.update(data)


class RequestError(DynvertError):
    """Something was asked for that the file does not hold: a model, a trial, a kind of figure."""

    exit_code = 2


class FileError(DynvertError):
    """A file that cannot be read or written: missing, not ours, truncated, damaged, of another format."""

    exit_code = 4


class ConfigError(DynvertError):
    """A configuration is wrong. Attributes: where it is, what is wrong, and what is allowed."""

    exit_code = 2
    file: str  #: of the configuration; "<dict>" of a dict, or the argument ("set: model.DI.sovler=\"rk4\"")
    line: Optional[int]  #: 1-based; None where no line can be named
    column: Optional[int]  #: likewise
    key: str  #: dotted, a model by its name: "model.DI.solver"; "" for the file as a whole
    fault: str  #: what is wrong
    found: str  #: what was found, by itself
    allowed: str  #: what is allowed
    nearest: str  #: the known name that is nearest; "" where none is near


class EquationError(DynvertError):
    """The equations of a circuit are wrong."""

    exit_code = 2
    file: str
    line: Optional[int]  #: 1-based
    column: Optional[int]  #: likewise
    equation: str  #: the line of the text
    fault: str
    allowed: str
    nearest: str


class ValueError(DynvertError, builtins.ValueError):
    """A value is impossible: a shape, a sign, a name. Also Python's own ValueError."""

    exit_code = 2
    object: str  #: what the value belongs to
    fault: str  #: what is wrong with it
    allowed: str  #: what is allowed


class NumericalError(DynvertError, ArithmeticError):
    """The numbers failed: a singular system, feedback that cannot be stabilised, a step limit."""

    exit_code = 3
    object: str  #: the circuit, loop or matrix
    fault: str  #: what happened
    remedy: str  #: what may help
    #: "diverged", "not_finite", "step_limit", "no_steady_state", "singular", "not_stabilised", "update" or "other"
    kind: str


class DivergenceError(NumericalError):
    """A state is not finite, or beyond divergence_limit."""

    model: str
    trial: int  #: from 0
    loop: str  #: "loop 2": the loop that inverts W2
    population: str  #: that left the allowed range
    time: float  #: at which it did
    limit: float  #: divergence_limit


class IoError(FileError, OSError):
    """A file cannot be read or written by the simulator. Also Python's own OSError."""

    path: str  #: the file, where it matters with the object in it: "B.h5:/B2"
    fault: str  #: what is wrong
    remedy: str  #: what may help; "" where nothing sensible can be said


class SimulatorMissing(DynvertError, ImportError):
    """This copy of the package reads files and has no simulator."""
