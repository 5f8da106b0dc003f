"""Runs dynvert, and reads and draws what it writes.

    import dynvert

    with dynvert.simulate("my.toml", set={"model.DI.alpha": 0.1}) as run:    # in this process; docs/python.md
        run["DI"].eval["nse"]
    sim = dynvert.Simulation("circuit.toml")          # a circuit that your own code advances

    with dynvert.open_run("linear_regression.h5") as run:
        run.models                                    # names, in the order of the configuration
        run["DI"].eval["nse"]                         # xarray objects with named axes; read when they are used
        run["DI"].learning["settling_time_2"].sel(trial=500)
        run["DI"].transient(500)["delta_1"]           # (time, unit_1)

    dynvert.read_sweep("leaks")                       # pandas: the runs of a sweep, a row each

    dynvert.plot("linear_regression.h5", "pictures")  # everything the file supports; python3 -m dynvert plot does the same
"""

from typing import Any

from .errors import (
    ConfigError,
    DivergenceError,
    DynvertError,
    EquationError,
    FileError,
    IoError,
    NumericalError,
    RequestError,
    SimulatorMissing,
    ValueError,
)
from .loops import Loop, loops_at
from .roles import of_role
from .run import Model, Run, open_run
from .simulator import simulate
from .stability_map import StabilityMap, open_map
from .stepping import Simulation
from .summary import summary
from .sweep import read_sweep

# all but ValueError, which `from dynvert import *` would put in the place of Python's own
__all__ = [
    "ConfigError",
    "DivergenceError",
    "DynvertError",
    "EquationError",
    "FileError",
    "IoError",
    "Loop",
    "Model",
    "NumericalError",
    "RequestError",
    "Run",
    "Simulation",
    "SimulatorMissing",
    "StabilityMap",
    "loops_at",
    "of_role",
    "open_map",
    "open_run",
    "plot",
    "read_sweep",
    "simulate",
    "summary",
]


def plot(*arguments: Any, **options: Any) -> Any:
    """dynvert.plot.plot, loaded when it is first called: reading does not need matplotlib."""
    from .plotting import plot as draw

    return draw(*arguments, **options)
