"""Draws what linear_regression.toml, nonlinear_regression.toml and figure_3b_normalised.toml give: learning curves
(figure 3a, b, g of Podlaski & Machens 2020), the angles between credit signals and backpropagation's, and one inversion
transient.

    python3 examples/plot_regression.py linear_regression.h5 -o DIR [--model DI] [--trial 500]
"""

import argparse
import pathlib
import sys

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

# Okabe & Ito's palette: told apart by colour-blind readers. Widths and dashes tell the curves apart in grey.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = "#000000 #E69F00 #56B4E9 #009E73 #0072B2 #D55E00 #CC79A7".split()
VARIANTS = {"": BLUE, "_2": VERMILION, "_3": PURPLE}


def style(name, number):
    """Steady states (NDI) as wide pale lines, the dynamics (DI) as dashes of the same colour on top of them."""
    family = name.rstrip("_0123456789")
    variant = VARIANTS.get(name[len(family) :], SKY)
    styles = {
        "BP": dict(color=BLACK),
        "FA": dict(color=ORANGE, linestyle="-" if name == "FA" else ":"),
        "PBP": dict(color=GREEN, linestyle="-."),
        "NDI": dict(color=variant, linewidth=4.5, alpha=0.35),
        "DI": dict(color=variant, linestyle="--"),
        "SDI": dict(color=variant, linestyle=":"),
    }
    other = dict(color=[BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK][number % 7], linestyle=["-", "--", ":", "-."][number // 7 % 4])
    return {"linewidth": 1.5} | styles.get(family, other)


def learning_curves(file, path):
    figure, axes = plt.subplots(figsize=(7, 4.2), constrained_layout=True)
    for k, (name, group) in enumerate(file["models"].items()):
        axes.semilogy(
            group["eval/evaluation"][:],
            group["eval/nse"][:],
            label=name.replace("_", " "),
            **style(name, k),
        )
    axes.set_xlabel("trials")
    axes.set_ylabel("normalised squared error")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0)
    axes.legend(frameon=False, ncol=1, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=3)
    figure.savefig(path, dpi=160)


def angles(file, path):
    """Angle of each hidden layer's credit signal to backpropagation's, medians over a hundredth of the trials."""
    layers = [k for k in file["models"][next(iter(file["models"]))]["learning"] if k.startswith("angle_bp_")]
    if not layers:
        return False
    figure, panels = plt.subplots(1, len(layers), figsize=(3.5 * len(layers) + 2, 3.6), sharey=True, squeeze=False, layout="constrained")
    for axes, layer in zip(panels[0], layers):
        for k, (name, group) in enumerate(file["models"].items()):
            values = group["learning"][layer][:]
            width = max(1, len(values) // 100)
            medians = np.nanmedian(values[: len(values) // width * width].reshape(-1, width), axis=1)
            axes.plot((np.arange(len(medians)) + 0.5) * width, medians, label=name.replace("_", " "), **style(name, k))
        axes.set_title(f"hidden layer {layer.rsplit('_', 1)[1]}", loc="left", fontsize=10)
        axes.set_xlabel("trials")
        axes.set_ylim(-4, 94)
        axes.set_yticks([0, 30, 60, 90])
        axes.margins(x=0)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("angle to backpropagation (degrees)")
    panels[0][-1].legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=3, fontsize=8)
    figure.savefig(path, dpi=160)
    return True


def top_loop(file, model):
    """Number of the loop that the output error drives."""
    return max(int(k[2:]) for k in file["models"][model]["trace"] if k.startswith("s_"))


def steady_state(file, model, trial, s):
    """(B W - alpha I)^-1 B s of the linear loop, from the snapshot of the weights of just this trial; else None."""
    weights = file["models"][model]["weights"]
    found = np.flatnonzero(weights["snapshot"][:] == trial)
    if len(found) == 0:
        return None
    top = top_loop(file, model)
    if f"B{top}" not in weights or file["models"][model].attrs["transfer"] != "linear":
        return None
    W, B = weights[f"W{top}"][found[-1]], weights[f"B{top}"][found[-1]]
    return np.linalg.solve(B @ W - file["models"][model].attrs["alpha"] * np.eye(len(B)), B @ s)


def transient(file, model, trial, path):
    group = file["models"][model]["trace"]
    row = int(np.flatnonzero(group["trial"][:] == trial)[0])
    loop = top_loop(file, model)
    layer = loop - 1
    time, delta, u = group["time"][:], group[f"delta_{layer}"][row], group[f"u_{loop}"][row]
    settling = group["settling_time"][row]
    steady = steady_state(file, model, trial, group[f"s_{loop}"][row])
    figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(6.4, 6.4), sharex=True, constrained_layout=True)
    for axes, values, label in ((top, delta, rf"error population $\delta_{layer}$"), (middle, u, f"controller $u_{loop}$")):
        axes.plot(time, values, linewidth=0.8, color=BLUE, alpha=0.7)
        axes.axhline(0, color="0.7", linewidth=0.6, zorder=0)
        axes.set_ylabel(label)
    target, what = (steady, "its steady state") if steady is not None else (delta[-1], "its value at the end")
    if steady is not None:
        top.plot(np.full(len(steady), time[-1]), steady, "<", color=VERMILION, markersize=4, clip_on=False)
    distance = np.linalg.norm(delta - target, axis=1) / np.linalg.norm(target)
    bottom.semilogy(time, np.where(distance > 0, distance, np.nan), color=BLACK, linewidth=1.2)
    bottom.set_ylabel(f"relative distance of\n$\\delta_{layer}$ from {what}")
    bottom.set_xlabel("time (units of the time constants)")
    if np.isfinite(settling):
        for axes in (top, middle, bottom):
            axes.axvline(settling, color=VERMILION, linestyle="--", linewidth=1)
        bottom.annotate(
            f"within 2 % from t = {settling:g} on", (settling, 1), xycoords=("data", "axes fraction"), xytext=(6, -4),
            textcoords="offset points", va="top", color=VERMILION,
        )
    for axes in (top, middle, bottom):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0)
    top.set_title(f"{model.replace('_', ' ')}, trial {trial}: inversion of the output error", loc="left", fontsize=10)
    figure.savefig(path, dpi=160)


def main():
    parser = argparse.ArgumentParser(description="Learning curves and one inversion transient of a dynvert file.")
    parser.add_argument("file")
    parser.add_argument("-o", "--output", default=".", help="folder for the pictures")
    parser.add_argument("--model", default="DI")
    parser.add_argument("--trial", type=int, help="a recorded trial; by default the one in the middle")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        file = h5py.File(arguments.file)
    except OSError as error:
        sys.exit(f"plot: {arguments.file} cannot be opened as HDF5: {error}")
    with file:
        if file.attrs.get("Conventions") != "dynvert-1":
            sys.exit(f"plot: {arguments.file} is not a dynvert-1 file")
        pictures = [folder / f"{pathlib.Path(arguments.file).stem}.png"]
        learning_curves(file, pictures[0])
        if angles(file, folder / "angles.png"):
            pictures.append(folder / "angles.png")
        models = [name for name, group in file["models"].items() if "trace" in group]
        if arguments.model not in models:
            sys.exit(f"plot: no trajectories of {arguments.model}; there are some of: {', '.join(models)}")
        trials = file["models"][arguments.model]["trace/trial"][:].tolist()
        if arguments.trial is None:
            arguments.trial = sorted(trials)[len(trials) // 2]
        if arguments.trial not in trials:
            sys.exit(f"plot: trial {arguments.trial} of {arguments.model} was not recorded; recorded: {trials}")
        pictures.append(folder / "transient.png")
        transient(file, arguments.model, arguments.trial, pictures[-1])
    print("pictures: " + ", ".join(str(p) for p in pictures))


if __name__ == "__main__":
    main()
