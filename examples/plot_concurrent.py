"""Draws one trial of examples/concurrent.toml: stimulus on, rates rise, target on, error, controller and credit signals
settle, weights move.

    python3 examples/plot_concurrent.py concurrent.h5 -o DIR [--model CDI_continuous] [--trial 10]
"""

import argparse
import pathlib
import sys

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"


def numbered(trace, prefix):
    """Datasets PREFIX + number, in ascending order."""
    return sorted((k for k in trace if k.startswith(prefix) and k[len(prefix) :].isdigit()), key=lambda k: int(k[len(prefix) :]))


def panels_of(trace, row):
    """(label, colour, values over time) of each panel."""
    for name in numbered(trace, "a_"):
        yield f"drive ${name}$", BLUE, trace[name][row]
    yield "error $e$", VERMILION, trace["e"][row]
    for name in reversed(numbered(trace, "u_")):
        yield f"controller ${name}$", ORANGE, trace[name][row]
    for name in reversed(numbered(trace, "delta_")):
        yield f"credit $\\{name}$", GREEN, trace[name][row]
    weights = numbered(trace, "W")
    if weights:
        moved = [np.linalg.norm(trace[w][row] - trace[w][row][0], axis=(1, 2)) for w in weights]
        yield "weights moved\n" + ", ".join(rf"$|\Delta W_{w[1:]}|$" for w in weights), "black", np.stack(moved, axis=1)


def shade(axes, time, on, colour, height, label=None):
    """A bar over the time in which something is on."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on, [0]])))
    for start, stop in edges.reshape(-1, 2):
        axes.axvspan(time[start], time[min(stop, len(time) - 1)], ymin=height, ymax=height + 0.4, color=colour, linewidth=0)
    axes.text(-0.01, height + 0.2, label, transform=axes.transAxes, ha="right", va="center", fontsize=8)


def draw(file, model, trial, path):
    trace = file["models"][model]["trace"]
    row = int(np.flatnonzero(trace["trial"][:] == trial)[0])
    time = trace["time"][:]
    panels = list(panels_of(trace, row))
    figure, all_axes = plt.subplots(
        len(panels) + 1, 1, figsize=(6.6, 1.1 * len(panels) + 1), sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": [0.35] + [1] * len(panels)},
    )
    bars = all_axes[0]
    bars.axis("off")
    shade(bars, time, trace["stimulus"][row], "0.3", 0.55, "stimulus")
    shade(bars, time, trace["target"][row], "0.6", 0.05, "target")
    bars.set_title(f"{model.replace('_', ' ')}, trial {trial}", loc="left", fontsize=10)
    switches = time[np.flatnonzero(np.diff(trace["stimulus"][row] + 2 * trace["target"][row])) + 1]
    for axes, (label, colour, values) in zip(all_axes[1:], panels):
        lines = axes.plot(time, values, linewidth=0.8, color=colour, alpha=0.75)
        if colour == "black":
            for line, style in zip(lines, ("-", "--", ":", "-.")):
                line.set_linestyle(style)
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9)
        for t in switches:
            axes.axvline(t, color="0.8", linewidth=0.7, zorder=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0)
        axes.tick_params(labelsize=8)
    all_axes[-1].set_xlabel("time (units of the time constants)")
    figure.savefig(path, dpi=160)


def main():
    parser = argparse.ArgumentParser(description="One trial of a concurrent model, from stimulus to weight change.")
    parser.add_argument("file")
    parser.add_argument("-o", "--output", default=".", help="folder for the picture")
    parser.add_argument("--model", default="CDI_continuous")
    parser.add_argument("--trial", type=int, default=10)
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = h5py.File(arguments.file)
    except OSError as error:
        sys.exit(f"plot: {arguments.file} cannot be opened as HDF5: {error}")
    with file:
        models = [name for name, group in file["models"].items() if "stimulus" in group.get("trace", {})]
        if arguments.model not in models:
            sys.exit(f"plot: no concurrent trials of {arguments.model}; there are some of: {', '.join(models)}")
        trials = file["models"][arguments.model]["trace/trial"][:].tolist()
        if arguments.trial not in trials:
            sys.exit(f"plot: trial {arguments.trial} of {arguments.model} was not recorded; recorded: {trials}")
        picture = folder / "concurrent.png"
        draw(file, arguments.model, arguments.trial, picture)
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
