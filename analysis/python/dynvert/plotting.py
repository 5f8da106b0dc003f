"""Draws everything that a file supports."""

from __future__ import annotations

import pathlib
from typing import Callable, Iterator, Optional, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .errors import FileError, RequestError
from .figures.concurrent import concurrent_trial
from .figures.curves import learning_curves, measures, measures_of
from .figures.grid import grid_map, grid_of_transients
from .figures.maps import stability_map
from .figures.paper import figure_3, letters_of, supports_figure_3
from .figures.spectrum import spectrum
from .figures.transient import forward_transient, populations, transient
from .loops import loop_layout
from .opening import MAP_FORMAT, PathLike, format_of, open_file
from .roles import of_role
from .run import Model, Run, open_run
from .stability_map import StabilityMap, open_map
from .style import FORMATS, save

#: kinds of figures, as --only takes them, besides the measures that a run recorded ("angle_bp")
KINDS = ("figure_3", "learning_curves", "measures", "spectrum", "grid", "transient", "map")

Draw = Callable[[], Optional[Figure]]


def evenly(items: Sequence[int], most: int) -> list[int]:
    """At most so many of the items, the first and the last among them, evenly spread."""
    if most >= len(items):
        return list(items)
    if most <= 1:
        return list(items[:most])
    return [items[round(k * (len(items) - 1) / (most - 1))] for k in range(most)]


def _of_trial(model: Model, trial: int) -> Iterator[tuple[str, str, Draw]]:
    stem = f"transient_{model.name}_trial_{trial}"
    if of_role(model.trace, "switch"):
        yield "transient", stem, lambda: concurrent_trial(model, trial)
    elif loop_layout(model):
        yield "transient", stem, lambda: transient(model, trial)
    else:
        yield "transient", stem, lambda: populations(model, trial)
    yield "transient", f"forward_{model.name}_trial_{trial}", lambda: forward_transient(model, trial)


def of_run(run: Run, models: Sequence[str], trials: Sequence[int], most: int) -> Iterator[tuple[str, str, Draw]]:
    """(kind, name of the picture, how to draw it) of everything that a run may support.

    models: only these; empty: all. trials: only the transients of these; empty: of at most `most` recorded trials a model, of
    those that the configuration names before those that are in the file because they did not settle.
    Raises RequestError where a model or trial that was asked for is not there.
    """
    chosen = [run[name] for name in models] or list(run)
    if supports_figure_3(run):
        yield "figure_3", "figure_3", lambda: figure_3(run, letters_of(run))
    yield "learning_curves", "learning_curves", lambda: learning_curves(run)
    for measure in measures_of(run):
        yield measure, measure, lambda measure=measure: measures(run, measure)  # type: ignore[misc]
    for model in chosen:
        yield "spectrum", f"spectrum_{model.name}", lambda model=model: spectrum(model)  # type: ignore[misc]
        yield "grid", f"grid_{model.name}", lambda model=model: grid_of_transients(model)  # type: ignore[misc]
        yield "map", f"map_{model.name}", lambda model=model: grid_map(model)  # type: ignore[misc]
    for trial in trials:
        if not any(trial in model.recorded for model in chosen):
            chosen[0].transient(trial)  # says what was recorded
    for model in chosen:
        shown = [t for t in trials if models or t in model.recorded]
        for trial in shown if trials else evenly(sorted(model.asked or model.recorded), most):
            yield from _of_trial(model, trial)


def of_map(stability: StabilityMap, models: Sequence[str]) -> Iterator[tuple[str, str, Draw]]:
    """The same of a stability map."""
    for name in models or stability.models:
        data = stability[name]
        yield "map", f"map_{name}", lambda data=data, name=name: stability_map(data, name)  # type: ignore[misc]


def plot(
    path: PathLike,
    folder: PathLike = ".",
    *,
    models: Sequence[str] = (),
    trials: Sequence[int] = (),
    only: Sequence[str] = (),
    formats: Sequence[str] = FORMATS,
    most: int = 5,
    told: Callable[[str], None] = lambda message: None,
) -> list[pathlib.Path]:
    """Draws everything that a run or a stability map supports into a folder, and returns the pictures' paths.

    The pictures are FOLDER/NAME-FIGURE.FORMAT with the file's NAME; older ones of these names are replaced. Memory does not
    grow with the length of the run.

    models, trials: only these; empty: all models, and at most `most` recorded trials of each, evenly spread.
    only: kinds of figures (KINDS), or measures by their names. formats: of FORMATS. told: takes what a person should know, a line each.
    Raises FileError for a file that cannot be read or a folder that cannot be written, RequestError where a model, trial or
    figure that was asked for is not in the file.
    """
    for suffix in formats:
        if suffix not in FORMATS:
            raise RequestError(f"no format is called {suffix!r}; there are: {', '.join(FORMATS)}")
    wanted = set(only) or ({"transient"} if trials else set(KINDS))
    with open_file(path) as probe:
        is_map = format_of(probe) == MAP_FORMAT
    pictures: list[pathlib.Path] = []

    def draw_all(figures: Iterator[tuple[str, str, Draw]]) -> None:
        for kind, stem, draw in figures:
            if kind in wanted:
                pictures.extend(_draw(draw, pathlib.Path(folder), f"{pathlib.Path(path).stem}-{stem}", formats))

    if is_map:
        with open_map(path) as stability:
            _check_names(wanted, set())
            _make(pathlib.Path(folder))
            draw_all(of_map(stability, models))
    else:
        with open_run(path) as run:
            recorded = set(measures_of(run))
            _check_names(wanted, recorded)
            if "measures" in wanted:
                wanted |= recorded
            _make(pathlib.Path(folder))
            _tell(run, models, most if "transient" in wanted and not trials else None, told)
            draw_all(of_run(run, models, trials, most))
    if not pictures:
        raise RequestError(f"{path}: holds nothing to draw" + (f" of {', '.join(only)}" if only else ""))
    return pictures


def _check_names(wanted: set[str], measured: set[str]) -> None:
    for kind in sorted(wanted):
        if kind not in KINDS and kind not in measured:
            raise RequestError(f"no figure is called {kind!r}; there are: {', '.join((*KINDS, *sorted(measured)))}")


def _draw(draw: Draw, folder: pathlib.Path, stem: str, formats: Sequence[str]) -> list[pathlib.Path]:
    figure = draw()
    if figure is None:
        return []
    try:
        return save(figure, folder, stem, formats)
    finally:
        plt.close(figure)


def _make(folder: pathlib.Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: the folder cannot be created ({error.strerror})") from error


def _tell(run: Run, models: Sequence[str], most: Optional[int], told: Callable[[str], None]) -> None:
    """What a person should know of the pictures. most: of transients; None: those asked for."""
    if not run.complete:
        committed = run.attrs.get("trials_committed", 0)
        told(f"{run.path}: the run did not end (status {run.attrs.get('status', 'unknown')}); showing its {committed} trials")
    for model in [run[name] for name in models] or list(run):
        shown = len(evenly(model.asked or model.recorded, most)) if most is not None else len(model.recorded)
        if shown < len(model.recorded):
            told(f"{model.name}: showing {shown} of {len(model.recorded)} recorded trials; --trial N draws another")
