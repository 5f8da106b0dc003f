"""Figure 3 of Podlaski & Machens (NeurIPS 2020, arXiv 2007.05112), from runs of the regression examples."""

from __future__ import annotations

from typing import Callable, Optional

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import RequestError
from ..run import Run
from ..style import drawing
from .curves import all_lines, curve, measure_panel, measured, scale, what_of

#: the angles of figure 3, in the order of our panels, and their axes
_ANGLES = {
    "angle_feedback": "angle of $B$ to $-W'$ (degrees)",
    "angle_ndi": "angle to NDI (degrees)",
    "angle_pbp": "angle to PBP (degrees)",
    "angle_bp": "angle to BP (degrees)",
}


def letters_of(run: Run) -> str:
    """The letters of figure 3 that a run of the examples reproduces; "" for a run of something else.

    "acdef": linear regression; "ghijk": nonlinear regression. The linear one with normalised weight changes is figure 3b, which
    its learning curves show.
    """
    config = run.config
    shape = config.get("task", {}).get("kind"), config.get("network", {}).get("layers")
    if config.get("learning", {}).get("normalise_updates"):
        return ""
    return {("linear_teacher", (30, 20, 10)): "acdef", ("tanh_teacher", (30, 20, 10, 10)): "ghijk"}.get(
        (shape[0], tuple(shape[1] or ())), ""
    )


def _missing(run: Run) -> list[str]:
    return [measure for measure in _ANGLES if not measured(run, measure)]


def supports_figure_3(run: Run) -> bool:
    """Whether it is one of those runs, with learning curves and all angles."""
    return bool(letters_of(run)) and any("nse" in model.eval for model in run) and not _missing(run)


def _learning_curve(run: Run, title: str) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        curve(axes, run, "nse")
        axes.set_title(title)

    return draw


def _angle(run: Run, measure: str, name: str) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        measure_panel(axes, run, measure, name)
        scale([axes], measure)
        axes.set_ylabel(_ANGLES[measure])
        axes.set_title(what_of(measure, name))

    return draw


@drawing()
def figure_3(run: Run, letters: str, normalised: Optional[Run] = None) -> Figure:
    """Learning curves and angles of a regression: figure 3a-f (linear) or 3g-k (nonlinear).

    letters: of the quantities, in this order: the learning curve, that of the run with normalised weight changes where one is
    given, the angle of the feedback to -W', and those of the credit signals to NDI, pseudo-backpropagation and
    backpropagation. A quantity of two hidden layers takes two panels.
    Raises RequestError where a run has no normalised squared error or lacks an angle.
    """
    for each in (run, normalised or run):
        if not any("nse" in model.eval for model in each):
            raise RequestError(f"{each.path}: has no learning curves (nse), which figure 3 shows")
    missing = _missing(run)
    if missing:
        raise RequestError(f"{run.path}: figure 3 needs {', '.join(missing)}; name them in record.measures and run again")
    angles = {measure: measured(run, measure) for measure in _ANGLES}
    quantities: list[list[Callable[[Axes], None]]] = [[_learning_curve(run, "")]]
    if normalised is not None:
        quantities.append([_learning_curve(normalised, "normalised weight changes")])
    quantities += [[_angle(run, measure, name) for name in names] for measure, names in angles.items()]
    layers = max(len(panels) for panels in quantities)
    # every quantity has one place, the legend has the last
    places = len(quantities) + 1
    a_row = -(-places // 2) if layers == 1 else 2
    rows = -(-places // a_row)
    figure = plt.figure(figsize=(2.7 * layers * a_row, 2.6 * rows), layout="constrained")
    grid = figure.add_gridspec(rows, layers * a_row)
    drawn = []
    for place, (letter, panels) in enumerate(zip(letters, quantities)):
        row, first = place // a_row, place % a_row * layers
        for k, draw in enumerate(panels):
            span = slice(first, first + layers) if len(panels) == 1 else first + k
            axes = figure.add_subplot(grid[row, span])
            draw(axes)
            if k == 0:
                axes.text(-0.03, 1.05, letter, transform=axes.transAxes, ha="right", va="bottom", fontsize=11, weight="bold")
            drawn.append(axes)
    free = layers * a_row - len(quantities) % a_row * layers
    beside = figure.add_subplot(grid[rows - 1, -free:])
    beside.axis("off")
    beside.legend(*all_lines(run, drawn), loc="center", ncol=min(2, free))
    return figure
