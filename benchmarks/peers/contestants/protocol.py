"""What all contestants in Python share: problems as they are read, the clock, and the answers to what the contest asks.

A contestant reads a line of JSON, solves, and answers with a line. Only `solve` is timed: from starts that lie in host
memory, in the layout that the contestant likes best, to ends in host memory.
"""

import json
import os
import pathlib
import platform
import resource
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Iterator

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

# What is printed by libraries must not mix with answers.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def answer(told: dict[str, Any]) -> None:
    _answers.write(json.dumps(told) + "\n")


@dataclass(frozen=True)
class Run:
    """What is to be solved, and how accurately: by steps of a size, or to a tolerance."""

    n: int
    rank: int
    end: float
    step: float | None
    rtol: float | None
    trajectories: int

    @property
    def steps(self) -> int:
        assert self.step is not None
        return max(1, round(self.end / self.step))

    @property
    def size(self) -> float:
        """The step size that ends at the end time."""
        return self.end / self.steps

    @property
    def atol(self) -> float:
        """Beside rtol times an entry: a tenth of it, for entries have a root mean square of about that at these sizes."""
        assert self.rtol is not None
        return 0.1 * self.rtol


class Clock:
    """Seconds between host and device, which a contestant may tell apart."""

    def __init__(self) -> None:
        self.transfer: float | None = None

    @contextmanager
    def transferring(self) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.transfer = (self.transfer or 0.0) + time.perf_counter() - begun


class Absent(Exception):
    """What the contestant needs is not here; the message says what."""


@dataclass(frozen=True)
class Contestant:
    versions: dict[str, str]
    device: str
    # sigma [n] and y0 [trajectories, n, r] in the layout of the contestant; not timed
    arrange: Callable[[Any, Any], Any]
    # what was arranged, the run and the clock, to ends in host memory; timed
    solve: Callable[[Any, Run, Clock], Any]
    # X and Y of the first trajectories at their ends [count, 2, n, r]; not timed
    ends: Callable[[Any, int], Any]
    gpu_peak: Callable[[], int | None] = lambda: None


def serve(make: Callable[[str, list[str]], Contestant]) -> None:
    """Runs a contestant: `script FOLDER cpu|gpu [words]`; `make` gets the device and the words."""
    folder, device, *words = sys.argv[1:]
    try:
        import numpy as np

        contestant = make(device, words)
    except (ImportError, Absent) as error:
        answer({"absent": str(error)})
        return
    versions = {"python": platform.python_version(), **contestant.versions}
    answer({"versions": versions, "device": contestant.device})
    arranged, held = None, None
    for line in sys.stdin:
        told = json.loads(line)
        path = pathlib.Path(folder, told["problem"])
        run = Run(**told["run"])
        if held != (path, run.trajectories):
            arranged = None
            sigma = np.load(f"{path}-sigma.npy")
            starts = np.load(f"{path}-y0.npy", mmap_mode="r")[: run.trajectories]
            arranged, held = contestant.arrange(sigma, starts), (path, run.trajectories)
        clock = Clock()
        begun = time.perf_counter()
        found = contestant.solve(arranged, run, clock)
        seconds = time.perf_counter() - begun
        np.save(told["ends"], np.ascontiguousarray(contestant.ends(found, told["checked"])))
        answer(
            {
                "seconds": seconds,
                "transferSeconds": clock.transfer,
                "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                * (1 if sys.platform == "darwin" else 1024),
                "gpuPeakBytes": contestant.gpu_peak(),
            }
        )
