"""A run: the file that `dynvert simulate` writes (format dynvert-1)."""

from __future__ import annotations

import tomllib
from typing import Any, BinaryIO, Iterator, Optional

import h5py
import numpy as np
import xarray as xr

from .arrays import attributes, read_group
from .errors import FileError, RequestError
from .opened import OpenFile
from .opening import RUN_FORMAT, PathLike, reading
from .roles import annotate


def numbered(names: Any, prefix: str) -> list[str]:
    """Of the names, PREFIX + number ("angle_bp_1", "steps_2"), in ascending order of the number."""
    found = [str(n) for n in names if str(n).startswith(prefix) and str(n)[len(prefix) :].isdigit()]
    return sorted(found, key=lambda n: int(n[len(prefix) :]))


class Model:
    """One model of a run: /models/NAME. Its datasets are read from the file as they are used."""

    def __init__(self, run: "Run", name: str) -> None:
        self.run, self.name = run, name
        self._group: h5py.Group = run.file["models"][name]
        self.attrs: dict[str, Any] = attributes(self._group)
        #: the model's own table of the configuration, with every key that has a meaning
        self.config: dict[str, Any] = next((m for m in run.config.get("model", []) if m.get("name") == name), {})
        self._read: dict[str, xr.Dataset] = {}

    def _part(self, part: str) -> xr.Dataset:
        if part not in self._read:
            here = f"{self.run.path}:/models/{self.name}/{part}"
            with reading(here):
                found = self._group.get(part)
            if found is not None and not isinstance(found, h5py.Group):
                raise FileError(f"{here}: is not a group, the file is damaged")
            self._read[part] = xr.Dataset() if found is None else read_group(found, self.run.limits)
        return self._read[part]

    @property
    def learning(self) -> xr.Dataset:
        """Every trial: trial_error, angle_feedback_l, settling_time_l, ... over (trial); empty where there is none."""
        return self._part("learning")

    @property
    def eval(self) -> xr.Dataset:
        """Learning curves: train_loss, nse, ... over (evaluation), whose coordinate is the trials done by then."""
        return self._part("eval")

    @property
    def weights(self) -> xr.Dataset:
        """Snapshots over (snapshot), whose coordinate is the trials done by then: Wl (snapshot, n_l, n_{l-1}), bl, Bl."""
        return annotate(self._part("weights"), self.attrs)

    @property
    def trace(self) -> xr.Dataset:
        """Trajectories: delta_l, u_l, .. over (record, time, unit); `trial` says which trial a record is of."""
        part = annotate(self._part("trace"), self.attrs, self.weights)
        return part.set_coords("trial") if "trial" in part else part

    @property
    def grid(self) -> xr.Dataset:
        """Of an inversion experiment: what was set and measured in each trial, over (trial); else empty."""
        return self._part("grid")

    @property
    def rows(self) -> xr.Dataset:
        """What is known of every trial: learning, or of an experiment without learning its grid."""
        return self.learning if "trial" in self.learning.sizes else self.grid

    def parameter(self, name: str, trial: Optional[int] = None) -> float:
        """alpha, tau_u or tau_delta of a trial: the point of the grid where there is one, else the model's own."""
        if trial is not None and name in self.grid:
            return float(self.grid[name].isel(trial=trial).values)
        return float(self.attrs[name])

    @property
    def loss(self) -> str:
        """What train_loss and test_loss sum over the samples: "squared error" or "cross-entropy"."""
        # files of 0.1.0 do not say it
        entropy = self.run.config.get("network", {}).get("output") == "softmax"
        return str(self.eval.attrs.get("loss", "cross-entropy" if entropy else "squared error"))

    @property
    def recorded(self) -> list[int]:
        """The trials whose trajectories are in the file."""
        return [int(t) for t in self.trace["trial"].values] if "trial" in self.trace.coords else []

    @property
    def asked(self) -> list[int]:
        """Of the recorded trials, those that the configuration names; the others diverged or did not settle."""
        record = self.run.config.get("record", {})
        every = record.get("every", 0)
        named = set(record.get("trials", []))
        return [t for t in self.recorded if t in named or (every > 0 and t % every == 0)]

    def transient(self, trial: int) -> xr.Dataset:
        """The trajectories of one trial, over (time, unit). Raises RequestError where it was not recorded."""
        recorded = self.recorded
        if trial not in recorded:
            known = f"recorded: {_some(recorded)}" if recorded else "this model has no trajectories"
            raise RequestError(f"{self.run.path}: trial {trial} of {self.name} was not recorded; {known}")
        return self.trace.isel(record=recorded.index(trial))

    def snapshot_before(self, trial: int) -> Optional[int]:
        """Row of the weights with which the trial was run; None where no snapshot was taken just then."""
        if "snapshot" not in self.weights.coords:
            return None
        if "trial" in self.grid.sizes:
            return 0  # nothing is learned
        rows = np.flatnonzero(self.weights["snapshot"].values == trial)
        return int(rows[-1]) if len(rows) else None

    @property
    def label(self) -> str:
        """The name as it stands in a picture."""
        return self.name.replace("_", " ")


def _some(numbers: list[int], most: int = 10) -> str:
    text = ", ".join(str(n) for n in sorted(numbers)[:most])
    return text + (f", .. ({len(numbers)} in all)" if len(numbers) > most else "")


class Run(OpenFile):
    """An open run. A context manager; `run["DI"]` is a model, iteration gives them in the order of the configuration."""

    #: of dynvert.simulate: a sentence for each model of which trials failed and were skipped
    failed: tuple[str, ...] = ()

    def __init__(self, path: PathLike, stream: Optional[BinaryIO] = None) -> None:
        """Raises FileError where it is not a dynvert-1 file, is truncated, damaged, or being written. stream: see OpenFile."""
        super().__init__(path, RUN_FORMAT, stream)
        self._known: dict[str, Model] = {}

    def _read_names(self) -> None:
        try:
            self.config: dict[str, Any] = tomllib.loads(self.attrs["config"])
        except (KeyError, TypeError, tomllib.TOMLDecodeError) as error:
            raise FileError(f"{self.path}: its attribute config is missing or damaged") from error
        there = self._groups_in("models")
        ordered = [m["name"] for m in self.config.get("model", []) if m.get("name") in there]
        self.models = tuple(ordered + [name for name in there if name not in ordered])

    @property
    def complete(self) -> bool:
        """Whether the run ended as it should."""
        return self.attrs.get("complete") == 1

    @property
    def limits(self) -> dict[str, int]:
        """How much of an axis can be trusted: of `trial`, what was committed before the run was cut short."""
        committed = self.attrs.get("trials_committed")
        return {} if self.complete or not isinstance(committed, int) else {"trial": committed}

    @property
    def task(self) -> xr.Dataset:
        """x (sample, input), t (sample, output), order (trial); without x and t where the data are in another file."""
        found = self.file.get("task")
        return read_group(found, self.limits) if isinstance(found, h5py.Group) else xr.Dataset()

    def __getitem__(self, name: str) -> Model:
        if name not in self.models:
            raise RequestError(f"{self.path}: no model has the name {name!r}; there are: {', '.join(self.models)}")
        # one object a model: what it has read of the file's structure is read once
        if name not in self._known:
            self._known[name] = Model(self, name)
        return self._known[name]

    def __iter__(self) -> Iterator[Model]:
        return (self[name] for name in self.models)

    def __len__(self) -> int:
        return len(self.models)


def open_run(path: PathLike) -> Run:
    """Opens what `dynvert simulate` wrote.

    Nothing but names and attributes is read; numbers are when they are used, so a file may be larger than memory.
    Raises FileError where it is not a dynvert-1 file, is truncated, damaged, or being written.
    """
    return Run(path)
