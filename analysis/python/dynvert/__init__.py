"""Reads and draws what dynvert writes.

    import dynvert

    with dynvert.open_run("linear_regression.h5") as run:
        run.models                                    # names, in the order of the configuration
        run["DI"].eval["nse"]                         # xarray objects with named axes; read when they are used
        run["DI"].learning["settling_time_2"].sel(trial=500)
        run["DI"].transient(500)["delta_1"]           # (time, unit_1)

    dynvert.read_sweep("leaks")                       # pandas: the runs of a sweep, a row each

    dynvert.plot("linear_regression.h5", "pictures")  # everything the file supports; python3 -m dynvert plot does the same
"""

from typing import Any

from .errors import DynvertError, FileError, RequestError
from .loops import Loop, loops_at
from .roles import of_role
from .run import Model, Run, open_run
from .stability_map import StabilityMap, open_map
from .summary import summary
from .sweep import read_sweep

__all__ = [
    "DynvertError",
    "FileError",
    "Loop",
    "Model",
    "RequestError",
    "Run",
    "StabilityMap",
    "loops_at",
    "of_role",
    "open_map",
    "open_run",
    "plot",
    "read_sweep",
    "summary",
]


def plot(*arguments: Any, **options: Any) -> Any:
    """dynvert.plot.plot, loaded when it is first called: reading does not need matplotlib."""
    from .plotting import plot as draw

    return draw(*arguments, **options)
