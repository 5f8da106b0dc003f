"""A user-defined circuit that your own code advances: closed loops, optimisers, notebooks."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from ._native import native
from .array_files import in_place_of_arrays
from .simulator import Configuration, arguments

Array = npt.NDArray[np.float64]


class Simulation:
    """The circuit of a configuration with [[population]] tables, step by step.

    config, set, unset, seed, threads: as of dynvert.simulate. columns: trials that run side by side; column c begins as
    trial c of the configuration does. Solver, step and inputs are the configuration's; advances that add up to a trial
    give the states of that trial.

        >>> sim = dynvert.Simulation({
        ...     "experiment": {"trials": 1},
        ...     "dynamics": {"solver": "rk4", "dt": 0.1, "duration": 10.0},
        ...     "population": [{"name": "u", "units": 2, "tau": 2.0}],
        ... })
        >>> sim.input("u")[:] = 1.0                        # stays until it is set again
        >>> sim.advance(2.0)
        >>> u = sim["u"]                                   # units x columns: the simulator's own memory
        >>> print(sim.time, u.round(3).ravel())            # 1 - exp(-2/2)
        2.0 [0.632 0.632]
        >>> u[0] = 5.0                                     # and so it can be set
        >>> sim.advance(2.0)
        >>> print(u.round(3).ravel())
        [2.472 0.865]

    One thread at a time; others of Python go on while it advances. Ctrl-C ends a long advance.

    Raises ConfigError, EquationError, IoError, SimulatorMissing  as dynvert.simulate
           ValueError  the configuration has no [[population]] tables; its solver takes no steps in time
    """

    def __init__(
        self,
        config: Configuration,
        *,
        set: Optional[Mapping[str, Any]] = None,
        unset: Sequence[str] = (),
        seed: Optional[int] = None,
        threads: Optional[int] = None,
        columns: int = 1,
    ) -> None:
        simulator = native()
        with in_place_of_arrays(config, set, None, "refused") as (config, set):  # read at once
            self._core = simulator.CircuitSimulation(**arguments(config, set, unset, seed, threads), columns=columns)
        #: names, in the order of the configuration
        self.populations: tuple[str, ...] = tuple(self._core.populations)
        self.projections: tuple[str, ...] = tuple(self._core.projections)
        #: units of each population
        self.units: dict[str, int] = dict(zip(self.populations, self._core.units))
        #: the variables of each population in the rows and columns of the Jacobian
        self.variables: dict[str, slice] = {}
        begin = 0
        for name, units in self.units.items():
            self.variables[name] = slice(begin, begin + units)
            begin += units

    @property
    def columns(self) -> int:
        """Trials that run side by side."""
        return int(self._core.columns)

    @property
    def time(self) -> float:
        """Time since the beginning, in the unit of the time constants."""
        return float(self._core.time)

    def __getitem__(self, population: str) -> Array:
        """The state, units x columns: the simulator's own memory, the same for as long as the simulation lives.

        What is written into it is the state from which the next advance goes on.
        Raises ValueError where there is no such population.
        """
        return self._core.state(population)

    def __setitem__(self, population: str, values: npt.ArrayLike) -> None:
        self._core.state(population)[...] = values

    def input(self, population: str) -> Array:
        """What you add to the population's inputs of the configuration, units x columns: the simulator's own memory.

        Zero at first; what is written into it stays until it is written again.
        Raises ValueError where there is no such population.
        """
        return self._core.input(population)

    def weights(self, projection: str) -> Union[Array, float]:
        """The matrix of a projection, target units x source units: the simulator's own memory, to be read.

        Of a one-to-one projection its number. Raises ValueError where there is no such projection.
        """
        return self._core.weights(projection)

    def set_weights(self, projection: str, values: npt.ArrayLike) -> None:
        """Changes the matrix of a projection, or the number of a one-to-one projection.

        Raises ValueError for another shape, and for values that are not finite.
        """
        self._core.set_weights(projection, values)

    def advance(self, duration: float) -> None:
        """Advances time and state, in the unit of the time constants; solvers with a fixed step by whole steps.

        Raises ValueError       a duration that is not positive or no whole number of steps
               DivergenceError  a column has left the allowed range; time and state are as they were before the call
               NumericalError   a step limit; likewise
               KeyboardInterrupt  likewise
        """
        self._core.advance(duration)

    def reset(self) -> None:
        """Back to time 0 and the initial state. Weights and `input` stay."""
        self._core.reset()

    def jacobian(self, column: int = 0) -> Array:
        """d(dx/dt)/dx of a column at its present state, 1/time: variables x variables, in the order of `variables`."""
        return self._core.jacobian(column)

    def spectrum(self, column: int = 0) -> npt.NDArray[np.complex128]:
        """The eigenvalues of `jacobian`, 1/time, in no particular order. Raises NumericalError where it is not finite."""
        return self._core.spectrum(column)

    def steady_state(self) -> dict[str, Array]:
        """The steady state under the present inputs, by population, units x columns; found from the present state, which stays.

        Raises NumericalError where there is none or none was found, ValueError where an input is changing.
        """
        return self._core.steady_state()

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} ({units})" for name, units in self.units.items())
        return f"<dynvert.Simulation at time {self.time:g}: {parts}; {self.columns} columns>"
