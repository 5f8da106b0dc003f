"""How every figure looks: colours, lines, type, and how it is saved.

Colours are Okabe and Ito's palette, told apart by colour-blind readers; dashes, widths and markers tell curves apart in grey.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
from typing import Any, Iterator, Optional, Sequence

import matplotlib
from matplotlib.colors import to_rgba

from .errors import FileError
from .loops import loop_layout
from .run import Run

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


# The rules of credit assignment of a file, in its order: without control loops the colour tells them apart, too.
_WITHOUT_LOOPS: tuple[dict[str, Any], ...] = (
    {"color": BLACK, "linestyle": "-"},
    {"color": ORANGE, "linestyle": "-", "linewidth": 0.9},
    {"color": GREEN, "linestyle": "-."},
    {"color": SKY, "linestyle": (0, (7, 2))},
)
_WITH_LOOPS = ("--", (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5, 1, 1.5)), (0, (3, 1, 1, 1)))


def model_styles(run: Run) -> dict[str, dict[str, Any]]:
    """Line of each model, as arguments of Axes.plot: the rule of credit is the dash, the variant is colour and marker.

    Steady states are wide pale lines, so that the dynamics can be seen on top of them.
    """
    rules: dict[bool, list[Any]] = {True: [], False: []}
    seen: dict[Any, int] = {}
    styles = {}
    for model in run:
        looped, settled = bool(loop_layout(model)), model.attrs.get("solver") == "fixed_point"
        credit = model.attrs.get("credit")
        if not settled and credit not in rules[looped]:
            rules[looped].append(credit)
        # steady states have no dashes: all of them are told apart by colour
        key = (None if settled else credit, settled)
        variant = seen[key] = seen.get(key, -1) + 1
        styles[model.name] = _settled(variant) if settled else _line(looped, rules[looped].index(credit), variant)
    return styles


def _variant(variant: int) -> dict[str, Any]:
    return {"color": _COLOURS[variant % len(_COLOURS)], "marker": _MARKERS[variant % len(_MARKERS)]}


def _settled(variant: int) -> dict[str, Any]:
    colour, marker = _variant(variant).values()
    wide = {"color": to_rgba(colour, 0.35), "linewidth": 4.5, "solid_capstyle": "butt"}
    return {**wide, "marker": marker, "markerfacecolor": "white", "markeredgecolor": colour, "markeredgewidth": 0.6}


def _line(looped: bool, rule: int, variant: int) -> dict[str, Any]:
    if looped:
        return {**_variant(variant), "linestyle": _WITH_LOOPS[rule % len(_WITH_LOOPS)]}
    line = _WITHOUT_LOOPS[rule % len(_WITHOUT_LOOPS)]
    return {**_variant(variant), **line} if variant == 0 else {**line, **_variant(variant)}


def with_markers(style: dict[str, Any], points: int, number: int, of: int) -> dict[str, Any]:
    """The style with eight markers or so along a line of so many points, at other places for each of the lines."""
    every = max(1, points // 8)
    place = int(every * (number + 0.5) / max(1, of)), every
    return {"markersize": 4, "markeredgewidth": 0, **style, "markevery": place}


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
