"""Runs configurations in this process."""

from __future__ import annotations

import contextlib
import os
import pathlib
import warnings
from typing import Any, Mapping, Optional, Sequence, Union

from . import progress as progress_of
from ._native import native
from .array_files import in_place_of_arrays
from .errors import IoError
from .opening import PathLike
from .run import Run, open_run
from .toml import to_toml, to_value

#: a path, or the tables of a configuration: {"experiment": {"trials": 500}, .., "model": [{"name": "DI", ..}]}
Configuration = Union[PathLike, Mapping[str, Any]]


def arguments(
    config: Configuration,
    set: Optional[Mapping[str, Any]],
    unset: Sequence[str],
    seed: Optional[int],
    threads: Optional[int],
) -> dict[str, Any]:
    """What the simulator is told of a configuration."""
    is_dict = isinstance(config, Mapping)
    return {
        "path": "" if is_dict else os.fspath(config),
        "text": to_toml(config) if is_dict else None,
        "sets": [f"{key}={to_value(value, key)}" for key, value in (set or {}).items()],
        "unsets": list(unset),
        "seed": seed,
        "threads": threads,
    }


def _command(config: Configuration, options: Mapping[str, Any]) -> str:
    """As it was asked for, for the file."""
    first = "{..}" if isinstance(config, Mapping) else repr(os.fspath(config))
    given = [f"{k}={'{..}' if isinstance(v, Mapping) else repr(v)}" for k, v in options.items() if v or v == 0]
    return f"dynvert.simulate({', '.join([first] + given)})"


def _available_memory() -> int:
    """Bytes that this process may still take: of the machine, and of its control group where that has a limit."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        amounts = dict(line.split(":", 1) for line in lines)
    free = int(amounts["MemAvailable"].split()[0]) * 1024
    group = pathlib.Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # no limit ("max"), or no such file
        free = min(free, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return free


def _check_memory(needed: int) -> None:
    available = _available_memory()
    if needed <= available:
        return
    fault = f"would take {needed / 1e9:.3g} GB, and {available / 1e9:.3g} GB of memory are available"
    remedy = 'output="NAME.h5", which keeps it on the disk'
    raise IoError(f"the run {fault}; {remedy}", path="memory", fault=fault, remedy=remedy)


def _run(prepared: Any, descriptor: Optional[int], shown: Optional[progress_of.Progress]) -> dict[str, Any]:
    try:
        end = prepared.run(descriptor, shown)
    finally:
        if shown is not None:
            shown.close()
    for note in (*end["notes"], *end["failed"]):
        warnings.warn(note, stacklevel=3)
    return end


def _raise_interruption(error: BaseException, end: Mapping[str, Any], trials: int, output: Optional[str]) -> None:
    where = f"; {output} holds them; to continue: dynvert.simulate({output!r}, resume=True)" if output else ""
    error.add_note(f"interrupted after {end['trials_done']} of {trials} trials{where}")
    raise error


def simulate(
    config: Configuration,
    *,
    set: Optional[Mapping[str, Any]] = None,
    unset: Sequence[str] = (),
    seed: Optional[int] = None,
    threads: Optional[int] = None,
    output: Optional[PathLike] = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = False,
) -> Run:
    """Runs a configuration in this process, as `dynvert simulate` does: the same numbers, bit for bit.

    config: the path of a TOML file, or its tables as a dict; with resume, also the file of a run that was stopped.
      In place of the name of a file of HDF5, a dict of arrays: {"task": {"kind": "dataset", "path": {"x": x, "t": t}, ..}, ..}.
    set: keys that are changed, dotted, a model by its name: {"model.DI.alpha": 0.1, "dynamics.solver": "rk4"}.
    unset: keys that are left out. seed, threads: in place of experiment.seed, experiment.threads.
    output: the file to write. None: it is kept in memory, for as long as the run is open.
    overwrite, resume: replace an output that exists, or continue it; without either it is an error.
    progress: tqdm's bar where there is tqdm, else the line of the program.

    Returns the run, open (as from open_run); a context manager. Its `failed` tells of trials that failed and were skipped.
    Other threads of Python go on meanwhile. Ctrl-C (KeyboardInterrupt) keeps what was done in the output, to be resumed.
    What people should know is a warning.

        >>> run = dynvert.simulate({
        ...     "experiment": {"trials": 50},
        ...     "task": {"kind": "linear_teacher", "samples": 50},
        ...     "network": {"layers": [4, 3, 2]},
        ...     "learning": {"rate": 5e-3},
        ...     "model": [{"name": "DI", "credit": "sequential_inversion"}],
        ... }, set={"model.DI.alpha": 0.1}, seed=3)
        >>> run["DI"].eval["train_loss"].dims
        ('evaluation',)

    Raises ConfigError, EquationError  the configuration is wrong
           ValueError                  what it asks for is impossible; the output is of another run than is resumed
           NumericalError              a trial diverged, feedback cannot be stabilised; the output holds the trials before
           IoError                     a file cannot be read or written; a run that is too large for the memory
           SimulatorMissing            the module was not built
    """
    simulator = native()
    path = None if output is None else os.fspath(output)
    if resume and path is None and isinstance(config, Mapping):
        raise TypeError("resume=True needs output=, the file to continue")
    if path is not None and not overwrite and not resume and os.path.lexists(path):
        fault, remedy = "exists already", "another output, resume=True to continue it, or overwrite=True to replace it"
        raise IoError(f"{path}: {fault}. Try: {remedy}", path=path, fault=fault, remedy=remedy)
    command = _command(config, {"set": set, "unset": unset, "seed": seed, "threads": threads})
    there = "resumed" if resume else "replaced" if overwrite else "refused"
    with in_place_of_arrays(config, set, path, there) as (config, set):
        prepared = simulator.PreparedRun(
            **arguments(config, set, unset, seed, threads),
            output=path or "",
            overwrite=overwrite,
            resume=resume,
            command=command,
        )
        trials = prepared.trials
        if path is None and resume:
            path = prepared.output
        shown = progress_of.shown(trials) if progress else None
        if path is not None:
            end = _run(prepared, None, shown)
            if end["error"] is not None:
                _raise_interruption(end["error"], end, trials, path)
            run = open_run(path)
        else:
            _check_memory(prepared.file_bytes())
            # a file in memory that has no name, and is gone when it is closed
            stream = open(os.memfd_create("dynvert", os.MFD_CLOEXEC), "rb", buffering=0)
            try:
                end = _run(prepared, stream.fileno(), shown)
                if end["error"] is not None:
                    _raise_interruption(end["error"], end, trials, None)
                run = Run("memory", stream)
            except BaseException:
                stream.close()
                raise
    run.failed = tuple(end["failed"])
    return run
