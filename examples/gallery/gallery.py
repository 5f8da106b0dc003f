"""Runs the examples that reproduce figures of the paper, draws the figures, and writes an index page; see run.sh."""

from __future__ import annotations

import argparse
import html
import pathlib
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

import matplotlib

matplotlib.use("Agg")
import dynvert  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from dynvert.errors import DynvertError, FileError  # noqa: E402
from dynvert.figures.concurrent import concurrent_trial  # noqa: E402
from dynvert.figures.grid import figure_1  # noqa: E402
from dynvert.figures.maps import stability_map  # noqa: E402
from dynvert.figures.paper import figure_3  # noqa: E402
from dynvert.figures.spectrum import spectrum  # noqa: E402
from dynvert.figures.transient import transient  # noqa: E402
from dynvert.style import save  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent
SCREEN = 96  # pixels of a screen that an inch of a picture takes
MAP = "alpha=1e-4:1:log,ratio=0.1:10:log"

Files = dict[str, pathlib.Path]


@dataclass(frozen=True)
class Entry:
    """A figure of the page. draw: makes it from the files that `needs` names. table: of the models of the first of them."""

    name: str
    title: str
    caption: str
    needs: tuple[str, ...]
    draw: Callable[[Files], Optional[Figure]]
    table: bool = False


def _linear(files: Files) -> Figure:
    with dynvert.open_run(files["linear_regression"]) as run, dynvert.open_run(files["figure_3b_normalised"]) as normalised:
        return figure_3(run, "abcdef", normalised)


def _nonlinear(files: Files) -> Figure:
    with dynvert.open_run(files["nonlinear_regression"]) as run:
        return figure_3(run, "ghijk")


def _of_model(file: str, model: str, draw: Callable[[dynvert.Model], Optional[Figure]]) -> Callable[[Files], Optional[Figure]]:
    def drawn(files: Files) -> Optional[Figure]:
        with dynvert.open_run(files[file]) as run:
            return draw(run[model])

    return drawn


def _map(files: Files) -> Optional[Figure]:
    with dynvert.open_map(files["stability_map"]) as maps:
        return stability_map(maps["DI_2"], "DI_2")


def _transients(files: Files) -> Optional[Figure]:
    with dynvert.open_run(files["figure_1_transients"]) as run:
        return figure_1(run)


ENTRIES = (
    Entry(
        "figure_1",
        "Figure 1: transients of small loops",
        "The credit signal of a loop that inverts a step of error, for two leaks and three ratios of the time constants of "
        "controller and error population: linear and tanh, with feedback -W' and with random feedback. Triangles: steady "
        "states; dashed: from there on within 2 % of it.",
        ("figure_1_transients",),
        _transients,
    ),
    Entry(
        "figure_3a_f",
        "Figure 3a-f: linear regression",
        "Ten models of credit assignment learn the map of a random linear teacher (30-20-10). a: normalised squared error over "
        "the whole training set. b: the same where every weight change has the same norm. c: angle between the feedback B and "
        "-W'. d, e, f: angle of the hidden layer's credit signal to the settled loops (NDI), to pseudo-backpropagation and to "
        "backpropagation; medians over hundredths of the trials. Each DI curve (dynamics) lies on its NDI curve (steady state).",
        ("linear_regression", "figure_3b_normalised"),
        _linear,
        table=True,
    ),
    Entry(
        "figure_3g_k",
        "Figure 3g-k: nonlinear regression",
        "Thirteen models learn the map of a tanh network of their own shape (30-20-10-10). g: normalised squared error. h: angle "
        "of the feedback to -W', for the single loop (SDI) to the product of the weights of its path. i, j, k: angle of each "
        "hidden layer's credit signal to the settled loops, to pseudo-backpropagation and to backpropagation.",
        ("nonlinear_regression",),
        _nonlinear,
        table=True,
    ),
    Entry(
        "transient_fast",
        "One inversion in time",
        "Trial 500 of DI (leak 0.01): the controller u drives the credit signal until the forward weights map it onto the "
        "error. Triangles: the steady state, solved from the weights.",
        ("linear_regression",),
        _of_model("linear_regression", "DI", lambda model: transient(model, 500)),
    ),
    Entry(
        "transient_slow",
        "The same trial with a smaller leak",
        "Trial 500 of DI_2 (leak 0.001). Small singular values of W make slow directions, which a smaller leak does not damp.",
        ("linear_regression",),
        _of_model("linear_regression", "DI_2", lambda model: transient(model, 500)),
    ),
    Entry(
        "spectrum",
        "Spectrum of a loop with random feedback",
        "Eigenvalues of the loop of DI_3, whose random feedback was optimised until the loop was stable, at the start, in the "
        "middle and at the end of learning.",
        ("linear_regression",),
        _of_model("linear_regression", "DI_3", spectrum),
    ),
    Entry(
        "stability_map",
        "Stability over leak and time constants",
        "The loop of DI_2 with the weights at the end of learning, for other leaks and other ratios of the time constants of "
        "controller and error population. The star is the run.",
        ("stability_map",),
        _map,
    ),
    Entry(
        "concurrent",
        "Everything at once",
        "A trial in which forward activity, error, controller, credit signal and weights move together: stimulus on, target on, "
        "target off.",
        ("concurrent",),
        _of_model("concurrent", "CDI_continuous", lambda model: concurrent_trial(model, 10)),
    ),
)


class Gallery:
    """The files, the commands that made them, and the pictures of one folder."""

    def __init__(self, program: str, folder: pathlib.Path, options: Sequence[str]) -> None:
        self.program, self.folder, self.options = _short(pathlib.Path(program)), folder, list(options)
        self.files: Files = {}
        self.widths: dict[str, int] = {}

    def command(self, name: str) -> list[str]:
        """What makes a file, with the paths as a person would type them."""
        path = str(self.folder / f"{name}.h5")
        if name == "stability_map":
            return [self.program, "inspect", str(self.folder / "linear_regression.h5"), "--map", MAP, "-o", path, "--overwrite"]
        config = _short(EXAMPLES / f"{name}.toml")
        return [self.program, "simulate", config, "-o", path, "--overwrite", *self.options]

    def make(self, name: str) -> None:
        """Makes a file, unless a complete one is there. Raises CalledProcessError where the program fails."""
        if name in self.files:
            return
        if name == "stability_map":
            self.make("linear_regression")
        path = self.folder / f"{name}.h5"
        if not self._complete(path):
            print(f"gallery: {shlex.join(self.command(name))}", file=sys.stderr, flush=True)
            subprocess.run(self.command(name), check=True, stdout=sys.stderr)
        self.files[name] = path

    def _complete(self, path: pathlib.Path) -> bool:
        try:
            opener = dynvert.open_map if path.stem == "stability_map" else dynvert.open_run
            with opener(path) as opened:
                return bool(opened.attrs.get("complete") == 1)
        except FileError:
            return False

    def draw(self, entry: Entry) -> None:
        """The pictures of an entry."""
        for name in entry.needs:
            self.make(name)
        figure = entry.draw(self.files)
        if figure is None:
            raise FileError(f"{self.files[entry.needs[0]]}: does not hold what {entry.name} shows")
        save(figure, self.folder, entry.name)
        self.widths[entry.name] = round(figure.get_size_inches()[0] * SCREEN)
        plt.close(figure)
        print(self.folder / f"{entry.name}.svg", flush=True)

    def section(self, entry: Entry) -> str:
        """An entry as HTML."""
        text = html.escape
        links = ", ".join(f'<a href="{entry.name}.{f}">{f.upper()}</a>' for f in ("svg", "pdf", "png"))
        data = ", ".join(f'<a href="{name}.h5">{name}.h5</a>' for name in entry.needs)
        made = "\n".join(shlex.join(self.command(name)) for name in entry.needs)
        return f"""<section id="{entry.name}">
<h2>{text(entry.title)}</h2>
<a href="{entry.name}.svg"><img src="{entry.name}.png" width="{self.widths[entry.name]}" alt="{text(entry.title)}"></a>
<p>{text(entry.caption)}</p>
{self._table(entry) if entry.table else ""}<p class="files">Picture: {links}. Data: {data}, made by</p>
<pre>{text(made)}</pre>
</section>
"""

    def _table(self, entry: Entry) -> str:
        with dynvert.open_run(self.files[entry.needs[0]]) as run:
            summary = dynvert.summary(run)
        rows = []
        for k, name in enumerate(summary["model"].values):
            cells = [
                _cell(summary["final_nse"].values[k], "{:.3e}"),
                _cell(100 * summary["settled_fraction"].values[k], "{:.1f} %"),
                _cell(summary["median_settling_time"].values[k], "{:.4g}"),
                _cell(summary["median_angle_ndi"].values[k], "{:.3g}"),
            ]
            rows.append(f"<tr><th>{html.escape(str(name))}</th>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
        head = "".join(
            f"<th>{h}</th>"
            for h in ("model", "final error (NSE)", "settled trials", "median settling time", "median angle to NDI (degrees)")
        )
        return f"<table><tr>{head}</tr>\n" + "\n".join(rows) + "</table>\n"

    def write_page(self) -> pathlib.Path:
        """index.html, whole or not at all."""
        body = "".join(self.section(entry) for entry in ENTRIES)
        page, part = self.folder / "index.html", self.folder / ".index.html.part"
        part.write_text(PAGE.replace("BODY", body), encoding="utf-8")
        part.replace(page)
        return page


def _short(path: pathlib.Path) -> str:
    """The path from here, where it is below this folder."""
    here = pathlib.Path.cwd()
    if not path.is_relative_to(here):
        return str(path)
    below = str(path.relative_to(here))
    return below if "/" in below else f"./{below}"


def _cell(value: float, form: str) -> str:
    return form.format(value) if np.isfinite(value) else "-"


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dynvert: figures reproduced</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
img { max-width: 100%; height: auto; }
section { margin: 3rem 0; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { padding: 0.15rem 0.8rem 0.15rem 0; text-align: right; }
th:first-child { text-align: left; }
pre { background: #f4f4f4; padding: 0.6rem; overflow-x: auto; font-size: 0.85rem; }
.files { margin-bottom: 0; }
</style>
</head>
<body>
<h1>Figures reproduced by dynvert</h1>
<p>Figures of W. F. Podlaski and C. K. Machens, &ldquo;Biological credit assignment through dynamic inversion of feedforward
networks&rdquo;, NeurIPS 2020 (<a href="https://arxiv.org/abs/2007.05112">arXiv:2007.05112</a>), from runs of our own: samples and
weights are of the same distributions, not the same numbers.</p>
BODY</body>
</html>
"""


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before and after --."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.sh", description="Runs, draws and shows the figures of the paper.")
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", default="gallery", metavar="DIR", help="folder of the gallery")
    parser.usage = "run.sh [-o DIR] [-- OPTIONS OF dynvert simulate]"
    own, options = _split(sys.argv[1:])
    arguments = parser.parse_args(own)
    folder = pathlib.Path(arguments.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        gallery = Gallery(arguments.program, folder, options)
        for entry in ENTRIES:
            gallery.draw(entry)
        print(gallery.write_page())
    except DynvertError as error:
        print(f"gallery: {error}", file=sys.stderr)
        return error.exit_code
    except subprocess.CalledProcessError as error:
        print(f"gallery: {shlex.join(error.cmd)} failed (exit code {error.returncode})", file=sys.stderr)
        return int(error.returncode)
    except OSError as error:
        print(f"gallery: {error.filename}: {error.strerror}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
