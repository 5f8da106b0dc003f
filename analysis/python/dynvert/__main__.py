"""The command line: dynvert plot FILE.h5 -o DIR, or python3 -m dynvert plot.

Exit codes as the program's: 0 done; 2 usage, or what was asked for is not in the file; 4 input or output; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

from .errors import DynvertError


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description="Draws what dynvert writes.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    plot = commands.add_parser(
        "plot",
        help="draw everything that a file supports",
        description="Draws everything that a run (dynvert simulate) or a stability map (dynvert inspect --map) supports: "
        "learning curves, measures over the trials, spectra, transients, maps. Prints the file names. "
        "Existing files of the same names are replaced.",
    )
    plot.add_argument("file", metavar="FILE.h5")
    plot.add_argument("-o", "--output", default=".", metavar="DIR", help="folder for the figures; created if it is missing")
    plot.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME",
        help="spectra, transients and maps of this model only; may be repeated",
    )
    plot.add_argument(
        "--trial",
        action="append",
        default=[],
        type=int,
        metavar="N",
        help="the transients of this trial, and no other figures unless --only names them; may be repeated",
    )
    plot.add_argument(
        "--only",
        default="",
        metavar="FIGURE,..",
        help="only these figures: figure_3, learning_curves, measures or the name of one (angle_bp), spectrum, grid, transient, map",
    )
    plot.add_argument(
        "--formats", default="pdf,png,svg", metavar="FORMAT,..", help="file formats: pdf, png, svg (default: all)"
    )
    plot.add_argument(
        "--most", type=int, default=5, metavar="N", help="transients of at most so many recorded trials per model (default: 5)"
    )
    return parser


def main(arguments: Optional[Sequence[str]] = None, program: str = "python3 -m dynvert") -> int:
    """Runs the command line and returns the exit code. `program`: the name that it goes by."""
    options = _parser(program).parse_args(arguments)
    import matplotlib

    matplotlib.use("Agg")
    from .plotting import plot

    try:
        pictures = plot(
            options.file,
            options.output,
            models=options.model,
            trials=options.trial,
            only=[k for k in options.only.split(",") if k],
            formats=[f for f in options.formats.split(",") if f],
            most=options.most,
            told=lambda message: print(f"dynvert: {message}", file=sys.stderr),
        )
    except DynvertError as error:
        print(f"dynvert: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    for picture in pictures:
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
