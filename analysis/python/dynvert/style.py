"""How every figure looks: colours, lines, type, and how it is saved.

Colours are Okabe and Ito's palette, told apart by colour-blind readers; dashes, widths and markers tell curves apart in grey.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from typing import Any, Iterator, Optional, Sequence

import matplotlib

from .errors import FileError
from .run import Model, Run

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY = "#888888"
FORMATS = ("pdf", "png", "svg")
TIME = "time (units of the time constants)"

_SETTINGS = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.xmargin": 0.01,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.3,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # text stays text: journals ask for it
    "svg.hashsalt": "dynvert",  # the same picture has the same bytes
    "path.simplify": True,
}

# Variants of one rule of credit, in the order of the file.
_COLOURS = (BLUE, VERMILION, PURPLE, GREEN, ORANGE, SKY, BLACK)
_MARKERS = ("", "s", "^", "o", "D", "v", "P")


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Within this, figures have the style; matplotlib's own settings come back after it. `@drawing()` does the same."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def _kind(model: Model) -> tuple[Any, bool]:
    """What makes models variants of each other: the rule of credit, and whether it is settled (NDI) or moves (DI)."""
    return model.attrs.get("credit"), model.attrs.get("solver") == "fixed_point"


def model_styles(run: Run) -> dict[str, dict[str, Any]]:
    """Line of each model, as arguments of Axes.plot: the rule of credit is the dash, the variant is colour and marker.

    Steady states are wide pale lines, so that the dynamics can be seen on top of them.
    """
    seen: dict[tuple[Any, bool], int] = {}
    styles = {}
    for model in run:
        kind = _kind(model)
        variant = seen[kind] = seen.get(kind, -1) + 1
        styles[model.name] = _line(kind, variant)
    return styles


def _line(kind: tuple[Any, bool], variant: int) -> dict[str, Any]:
    credit, settled = kind
    colour, marker = _COLOURS[variant % len(_COLOURS)], _MARKERS[variant % len(_MARKERS)]
    if credit == "backprop":
        return {"color": BLACK if variant == 0 else colour, "marker": marker}
    if credit == "feedback_alignment":
        return {"color": ORANGE, "linestyle": ("-", ":", "--", "-.")[variant % 4]}
    if credit == "pseudo_backprop":
        return {"color": GREEN, "linestyle": "-.", "marker": marker}
    if settled:
        return {"color": colour, "linewidth": 4.5, "alpha": 0.35, "solid_capstyle": "butt"}
    dashes = {
        "sequential_inversion": "--",
        "single_loop_inversion": (0, (1, 1.2)),
        "repeat_inversion": (0, (5, 1.5, 1, 1.5, 1, 1.5)),
        "concurrent_inversion": "-",
    }
    return {"color": colour, "marker": marker, "linestyle": dashes.get(str(credit), "-")}


def with_markers(style: dict[str, Any], points: int, number: int, of: int) -> dict[str, Any]:
    """The style with eight markers or so along a line of so many points, at other places for each of the lines."""
    every = max(1, points // 8)
    return {**style, "markevery": (int(every * (number + 0.5) / max(1, of)), every), "markersize": 4, "markeredgewidth": 0}


@drawing()
def save(figure: Any, folder: pathlib.Path, stem: str, formats: Sequence[str] = FORMATS) -> list[pathlib.Path]:
    """Writes FOLDER/STEM.FORMAT in each format, each whole or not at all. Returns the paths.

    Raises FileError where the folder cannot be written.
    """
    paths = []
    for suffix in formats:
        path = folder / f"{stem}.{suffix}"
        part = folder / f".{stem}.{os.getpid()}.{suffix}"
        undated: Optional[dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(suffix)
        try:
            figure.savefig(part, format=suffix, metadata=undated)
            os.replace(part, path)
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({error.strerror or error})") from error
        finally:
            part.unlink(missing_ok=True)
        paths.append(path)
    return paths
