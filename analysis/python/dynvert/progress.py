"""How far a run is: tqdm's bar where there is tqdm, else the program's own line, on standard error."""

from __future__ import annotations

import sys
import time
from typing import Any, Callable, Mapping, Protocol


class Progress(Protocol):
    def __call__(self, report: Mapping[str, Any]) -> None: ...
    def close(self) -> None: ...


class _Bar:
    def __init__(self, tqdm: Callable[..., Any], trials: int) -> None:
        self._bar = tqdm(total=trials, unit="trial", dynamic_ncols=True)
        self._begun = False

    def __call__(self, report: Mapping[str, Any]) -> None:
        if not self._begun:  # trials of an earlier run are not work of this one
            self._bar.initial = self._bar.n = self._bar.last_print_n = report["first"]
            self._begun = True
        if report["loss"]:
            values = sorted((value, model) for model, value in report["loss"])
            ends = values[:1] if len(values) == 1 else [values[0], values[-1]]
            self._bar.set_postfix({f"loss {model}": f"{value:.3g}" for value, model in ends}, refresh=False)
        self._bar.update(report["trials_done"] - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _Line:
    """One line that is rewritten on a terminal; elsewhere a line every ten seconds, and the last."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._next = 0.0 if self._terminal else time.monotonic() + 10
        self._open = False

    def __call__(self, report: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if now < self._next and report["trials_done"] < report["trials"]:
            return
        self._next = now + (0.2 if self._terminal else 10)
        print(f"\r{report['text']}\x1b[K" if self._terminal else report["text"], end="", file=sys.stderr, flush=True)
        self._open = self._terminal
        if not self._terminal:
            print(file=sys.stderr)

    def close(self) -> None:
        if self._open:
            print(file=sys.stderr)


def shown(trials: int) -> Progress:
    """To be called with each report of the simulator, and closed."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _Line()
    return _Bar(tqdm, trials)
