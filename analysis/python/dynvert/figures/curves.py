"""Curves over learning, all models in one picture: losses, and every measure that is taken each trial."""

from __future__ import annotations

import textwrap
from typing import Any, Optional, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..run import Model, Run, numbered
from ..series import medians, stretch_length, thin
from ..style import drawing, model_styles, with_markers

#: what a learning curve can show, and the name of its axis; LOSS: what the run's loss is
EVALUATIONS = {
    "nse": "normalised LOSS",
    "train_loss": "training LOSS (summed)",
    "test_loss": "test LOSS (summed)",
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
}

#: names of the axes of measures of /learning; others are called as the file calls them
_LABELS = {
    "angle_bp": "angle to backpropagation (degrees)",
    "angle_pbp": "angle to pseudo-backpropagation (degrees)",
    "angle_ndi": "angle to steady state, NDI (degrees)",
    "angle_feedback": "angle of feedback to $-W'$ (degrees)",
    "distance_bp": "distance from backpropagation (relative)",
    "distance_pbp": "distance from pseudo-backpropagation (relative)",
    "distance_ndi": "distance from steady state, NDI (relative)",
    "settling_time": "settling time (time constants)",
    "residual": "residual at the end (relative)",
    "angle_gradient": "angle of the change to gradient descent (degrees)",
    "ratio_gradient": "length of the change against gradient descent",
    "angle_gauss_newton": "angle of the change to Gauss-Newton (degrees)",
}
#: measures of matrices: their names end in that of the matrix, not in a number
_OF_MATRICES = ("angle_gradient", "ratio_gradient", "angle_gauss_newton")
_FLAGS = ("steps", "converged", "restabilised")


def _usable(model: Model, name: str) -> bool:
    """Whether a learning curve has numbers; nse has none before the run has ended."""
    return name in model.eval and bool(np.isfinite(model.eval[name].isel(evaluation=0).values))


def evaluation_label(run: Run, name: str) -> str:
    """The name of the axis of a learning curve."""
    losses = dict.fromkeys(model.loss for model in run if name in model.eval)
    return EVALUATIONS[name].replace("LOSS", " or ".join(losses) or "loss")


def shown_evaluations(run: Run) -> list[str]:
    """The learning curves of a run; of nse and train_loss, which are one curve on two scales, the first that is there."""
    names = [name for name in EVALUATIONS if any(_usable(model, name) for model in run)]
    return [n for n in names if not (n == "train_loss" and "nse" in names)]


def curve(axes: Axes, run: Run, name: str) -> None:
    """One learning curve of every model that has it."""
    styles = model_styles(run)
    models = [m for m in run if _usable(m, name)]
    for k, model in enumerate(models):
        rows, values = thin(model.eval[name], "evaluation")
        trials = model.eval["evaluation"].isel(evaluation=rows).values
        axes.plot(trials, values, label=model.label, **with_markers(styles[model.name], len(rows), k, len(models)))
    if "accuracy" not in name:
        axes.set_yscale("log")
    _trials(axes)
    axes.set_ylabel(evaluation_label(run, name))


def _trials(axes: Axes) -> None:
    axes.set_xlabel("trials")
    axes.xaxis.set_major_locator(MaxNLocator(5))


@drawing()
def learning_curves(run: Run) -> Optional[Figure]:
    """Loss, and accuracy where the task has one, over the trials."""
    names = shown_evaluations(run)
    if not names:
        return None
    figure, panels = plt.subplots(1, len(names), figsize=(4.6 * len(names) + 1.4, 3.8), squeeze=False, layout="constrained")
    for axes, name in zip(panels[0], names):
        curve(axes, run, name)
    panels[0][-1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def measured(run: Run, measure: str) -> list[str]:
    """measure_l of any model, in the order of l; of matrices in the order of the file."""
    names = dict.fromkeys(str(n) for model in run for n in model.learning.data_vars)
    if measure in _OF_MATRICES:
        return [n for n in names if n.startswith(f"{measure}_")]
    return numbered(names, f"{measure}_")


def measures_of(run: Run) -> list[str]:
    """Every measure that a run recorded in each trial, without the numbers of layers and loops."""
    names = dict.fromkeys(str(n) for model in run for n, v in model.learning.data_vars.items() if v.dims == ("trial",))
    stems: dict[str, None] = {}
    for name in names:
        stem, _, number = name.rpartition("_")
        matrix = [m for m in _OF_MATRICES if name.startswith(f"{m}_")]
        if matrix or number.isdigit():
            stems[matrix[0] if matrix else stem] = None
    return [stem for stem in stems if stem not in _FLAGS]


def label_of(run: Run, measure: str) -> str:
    """The name of the axis of a measure, with its units."""
    if measure in _LABELS:
        return _LABELS[measure]
    name = measured(run, measure)[0]
    units = next(m.learning[name].attrs.get("units", "1") for m in run if name in m.learning)
    return measure.replace("_", " ") + ("" if units == "1" else f" ({units})")


def trials_a_median(run: Run) -> int:
    """How many trials each point of the curves of a measure is the median of."""
    return max((stretch_length(m.learning.sizes["trial"]) for m in run if "trial" in m.learning.sizes), default=1)


def what_of(measure: str, name: str) -> str:
    """Of which layer, loop or matrix a column is: the title of its panel."""
    if measure in _OF_MATRICES:
        return name.removeprefix(f"{measure}_")
    l = name.rsplit("_", 1)[1]
    if measure.startswith(("angle_", "distance_")) and measure != "angle_feedback":
        return f"hidden layer {l}"
    return f"feedback of loop {l}" if measure == "angle_feedback" else f"loop {l}"


def measure_panel(axes: Axes, run: Run, measure: str, name: str) -> None:
    """Medians over hundredths of the trials of one measure, of every model that has it.

    A trial that did not settle counts as one that settles later than any other: where most do not, there is a gap.
    """
    missing = np.inf if measure == "settling_time" else np.nan
    styles = model_styles(run)
    models = [m for m in run if name in m.learning]
    for k, model in enumerate(models):
        trials, values = medians(model.learning[name], "trial", missing=missing)
        axes.plot(trials, values, label=model.label, **with_markers(styles[model.name], len(trials), k, len(models)))
    _trials(axes)


def scale(panels: Sequence[Axes], measure: str) -> None:
    """The vertical axes of panels that share one, once the curves are drawn."""
    axes = panels[0]
    lines = [np.asarray(line.get_ydata(), float) for each in panels for line in each.get_lines()]
    values = np.concatenate(lines) if lines else np.empty(0)
    values = values[np.isfinite(values)]
    if measure.startswith("angle_"):
        top = 180 if values.size and values.max() > 95 else 90
        axes.set_ylim(-0.04 * top, 1.04 * top)
        axes.set_yticks(np.arange(0, top + 1, top // 3))
        return
    sizes = np.abs(values[values != 0])
    # a measure that is often zero (an overshoot) does not go on a logarithmic axis
    decades = sizes.size > 0.9 * values.size and sizes.max() > 30 * sizes.min()
    if np.any(values < 0):
        if decades:
            axes.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(sizes.min())))
        for each in panels:
            each.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    elif decades:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)


def all_lines(run: Run, panels: Sequence[Axes]) -> tuple[list[Any], list[str]]:
    """Lines and labels of every model that any of the panels shows, in the order of the run: for one legend of them all."""
    found = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels())}
    labels = [model.label for model in run if model.label in found]
    return [found[label] for label in labels], labels


@drawing()
def measures(run: Run, measure: str) -> Optional[Figure]:
    """One measure over the trials, a panel for each layer, loop or matrix."""
    names = measured(run, measure)
    if not names:
        return None
    figure, panels = plt.subplots(
        1, len(names), figsize=(3.2 * len(names) + 1.8, 3.2), sharey=True, squeeze=False, layout="constrained"
    )
    for axes, name in zip(panels[0], names):
        measure_panel(axes, run, measure, name)
        axes.set_title(what_of(measure, name))
    scale(panels[0], measure)
    panels[0][0].set_ylabel(textwrap.fill(label_of(run, measure), 34))
    width = trials_a_median(run)
    if width > 1:
        panels[0][0].set_title(f"{what_of(measure, names[0])}; medians of {width} trials")
    handles, labels = all_lines(run, panels[0])
    panels[0][-1].legend(handles, labels, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure
