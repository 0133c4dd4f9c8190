"""Evaluations of the flow and errors of diffrax's solvers, in float64: for benchmarks/workloads/evaluations.ts.

`diffrax_evaluations.py FOLDER` reads from the folder sigma.npy [n], starts.npy and ends.npy [starts, 2, n, r], and from
its input {"end": T, "rtols": [...], "solvers": [...]}; it prints [[evaluations, error], ...] for every solver, means over
starts (of errors geometric ones) at every tolerance.
"""

import json
import pathlib
import sys

import jax

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

import diffrax
import jax.numpy as jnp
import numpy as np

from jax_batch import flow
from protocol import answer

MOST_STEPS = 100_000


def run(solver, sigma, end):
    """Its ends and steps from X and Y [r, n], by diffrax's own controller and starting step."""

    @jax.jit
    def solve(x, y, rtol):
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, z, args: flow(sigma, *z)),
            solver,
            t0=0.0,
            t1=end,
            dt0=None,
            y0=(x, y),
            # Beside rtol times an entry a tenth of it, as in the contest (protocol.py).
            stepsize_controller=diffrax.PIDController(rtol=rtol, atol=0.1 * rtol),
            saveat=diffrax.SaveAt(t1=True),
            max_steps=MOST_STEPS,
            throw=False,
        )
        return [each[0] for each in found.ys], found.stats["num_steps"]

    return solve


def relative_error(x, y, ends):
    """Of X Y^T, from differences of factors [n, r]."""
    p = np.hstack([x - ends[0], ends[0]])
    q = np.hstack([y, y - ends[1]])
    size = np.sum((ends[0].T @ ends[0]) * (ends[1].T @ ends[1]))
    return np.sqrt(max(0.0, np.sum((p.T @ p) * (q.T @ q))) / size)


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    sigma, starts, ends = (np.load(folder / f"{name}.npy") for name in ("sigma", "starts", "ends"))
    asked = json.load(sys.stdin)
    told = {"version": diffrax.__version__}
    for name in asked["solvers"]:
        solver = getattr(diffrax, name)()
        tableau = solver.tableau
        stages = len(tableau.b_sol)
        # The slope at the start is of the step before; two are for the starting step.
        a_step, before = (stages - 1, 3) if tableau.fsal else (stages, 2)
        solve = run(solver, jnp.asarray(sigma), asked["end"])
        told[name] = []
        for rtol in asked["rtols"]:
            counts, errors = [], []
            for (x0, y0), end in zip(starts, ends):
                (x, y), steps = solve(x0.T, y0.T, rtol)
                counts.append(before + a_step * int(steps))
                errors.append(relative_error(np.asarray(x).T, np.asarray(y).T, end))
            told[name].append([float(np.mean(counts)), float(np.exp(np.mean(np.log(errors))))])
    answer(told)


if __name__ == "__main__":
    main()
