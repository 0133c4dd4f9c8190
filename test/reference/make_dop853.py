"""Writes dop853.json: two 40 x 25 linear-regression flows of rank 5 for the solver tests. E, H, A0 and B0 are
rounded to float32 first, so that a float32 solver starts from the very same numbers."""

import numpy as np

from flow import Lora, flat, solve, write

N, M, RANK = 40, 25, 5
S, KA, KB = 0.7, 1.3, 2.1
TIMES = [0.5, 1.0, 2.0, 4.0, 8.0]


def single(a):
    return a.astype(np.float32).astype(np.float64)


def case(name, e, h, a0, b0):
    lora = Lora(lambda w: (w - e) @ h, b0, a0, S, KA, KB)
    states = solve(lora.field, lora.start, TIMES)
    updates = [lora.update(y) for y in states]
    b, a = lora.split(states[-1])
    return {
        "name": name,
        "a0": flat(a0),
        "b0": flat(b0),
        "updates": [flat(w) for w in updates],
        "losses": [float(np.trace((w - e) @ h @ (w - e).T) / 2) for w in updates],
        "a": flat(a),
        "b": flat(b),
    }


if __name__ == "__main__":
    rng = np.random.default_rng(40_25)
    e = single(rng.normal(size=(N, M)) / np.sqrt(M))
    root = rng.normal(size=(M, M)) / np.sqrt(M)
    h = 0.5 * root @ root.T + 0.5 * np.eye(M)
    h = single((h + h.T) / 2)
    a0 = single(rng.normal(size=(RANK, M)) / np.sqrt(M))
    b0 = single(rng.normal(size=(N, RANK)) * 0.05)
    cases = [case("B0 zero", e, h, a0, np.zeros((N, RANK))), case("B0 small", e, h, a0, b0)]
    shared = {"n": N, "m": M, "rank": RANK, "s": S, "kA": KA, "kB": KB, "times": TIMES, "e": flat(e), "h": flat(h)}
    print("condition of H", np.linalg.cond(h))
    write("dop853.json", {**shared, "cases": cases})
