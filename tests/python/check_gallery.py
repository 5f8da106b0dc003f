"""examples/gallery/run.sh: keeps complete files, makes the others, draws every figure, and shows the numbers of the files.

Usage: check_gallery.py SOURCE DYNVERT RUN.h5      RUN.h5 is of linear_regression.toml
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

FIGURES = [
    "figure_1",
    "figure_3a_f",
    "figure_3g_k",
    "transient_fast",
    "transient_slow",
    "spectrum",
    "stability_map",
    "concurrent",
]


def check(condition, message):
    if not condition:
        sys.exit(f"check_gallery: {message}")


def gallery(source, program, folder, *options, code=0):
    command = [f"{source}/examples/gallery/run.sh", "-o", folder, *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "DYNVERT": program})
    check(done.returncode == code, f"exit code {done.returncode}: {done.stderr}")
    return done


def simulate(source, program, folder, name, *changes):
    """A short run of an example, in the place of the whole one."""
    command = [program, "simulate", f"{source}/examples/{name}.toml", "-o", f"{folder}/{name}.h5", "--quiet"]
    for change in changes:
        command += ["--set", change]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def table(page, name):
    """Rows of the table of a figure: model -> texts of the cells."""
    section = page[page.index(f'<section id="{name}">') :]
    rows = re.findall(r"<tr><th>(\w+)</th>(<td>.*?)</tr>", section[: section.index("</section>")])
    return {model: re.findall(r"<td>(.*?)</td>", cells) for model, cells in rows}


def expected_row(group):
    """The same cells from h5py and NumPy alone."""
    learning = group["learning"]
    numbers = [k.rsplit("_", 1)[1] for k in learning if k.startswith("converged_")]
    cells = [f"{group['eval/nse'][-1]:.3e}", "-", "-", "-"]
    if numbers:
        settled = np.all([learning[f"converged_{n}"][:] == 1 for n in numbers], axis=0)
        cells[1] = f"{100 * settled.mean():.1f} %"
    for place, prefix, form in ((2, "settling_time_", "{:.4g}"), (3, "angle_ndi_", "{:.3g}")):
        values = [learning[k][:] for k in learning if k.startswith(prefix)]
        if not values or np.all(np.isnan(values)):
            continue
        # a trial that did not settle counts as later than any other
        late = np.where(np.isnan(values), np.inf, values)
        cells[place] = form.format(np.median(late) if place == 2 else np.nanmedian(values))
    return cells


def main(source, program, run):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copy(run, folder / "linear_regression.h5")
        short = ("experiment.trials=60", "record.trials=[0, 10]", "record.weights_every=0", "record.evaluate_every=20")
        for example in ("figure_3b_normalised", "nonlinear_regression", "concurrent"):
            simulate(source, program, folder, example, *short)
        # one that was cut short is made again
        shutil.copy(run, folder / "figure_1_transients.h5")
        with h5py.File(folder / "figure_1_transients.h5", "r+") as file:
            file.attrs["complete"] = np.int64(0)
        kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.h5") if path.stem != "figure_1_transients"}

        done = gallery(source, program, name, "--", "--threads", "2")
        made = re.findall(r"^gallery: (.*)$", done.stderr, re.M)
        check(len(made) == 2, f"made {made}")
        check("figure_1_transients.toml" in made[0] and made[0].endswith("--threads 2"), made[0])
        check("inspect" in made[1] and "--map" in made[1], made[1])
        for path, time in kept.items():
            check((folder / path).stat().st_mtime_ns == time, f"{path} was made again")
        check(done.stdout.split() == [f"{name}/{f}.svg" for f in FIGURES] + [f"{name}/index.html"], done.stdout)

        page = (folder / "index.html").read_text(encoding="utf-8")
        links = set(re.findall(r'(?:href|src)="([^"#]+)"', page)) - {"https://arxiv.org/abs/2007.05112"}
        for link in links:
            check((folder / link).stat().st_size > 0, f"{link} is not there")
        check(links >= {f"{f}.{suffix}" for f in FIGURES for suffix in ("svg", "pdf", "png")}, "pictures are missing")
        for figure, file in (("figure_3a_f", "linear_regression"), ("figure_3g_k", "nonlinear_regression")):
            shown = table(page, figure)
            with h5py.File(folder / f"{file}.h5") as opened:
                check(set(shown) == set(opened["models"]), f"{figure}: models {sorted(shown)}")
                for model, cells in shown.items():
                    expected = expected_row(opened["models"][model])
                    check(cells == expected, f"{figure}, {model}: {cells}, expected {expected}")

        done = gallery(source, program, name)
        check(not re.search("^gallery: ", done.stderr, re.M), "complete files were made again")

    done = gallery(source, "no-such-program", name, code=2)
    check("there is no program no-such-program" in done.stderr, done.stderr)
    print(f"{len(FIGURES)} figures, two tables")


if __name__ == "__main__":
    main(*sys.argv[1:])
