"""Writes balanced.json: losses of the lambda-balanced flow in 1200 digits (mpmath), for balancedPath.test.ts.

Q(t) = e^{Ft} R0 [I + c^2 R0^T (int_0^t e^{2F tau} dtau) R0]^{-1} R0^T e^{Ft} as it stands, with F's own eigenvectors
found by mpmath: it cancels by up to e^{2 t (largest - smallest eigenvalue)}, which 1200 digits outlast at these times.
"""

import json
import sys
from pathlib import Path

import mpmath as mp
import numpy as np

mp.mp.dps = 1200
TIMES = [0, 1e-9, 0.1, 1, 5, 20, 60, 150]


def columns(seed, rows, r, length):
    if rows == r == 1:
        return np.array([[length]])
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(rows, r)))[0] * length


def losses(sigma, n, m, c, lam, x0, y0):
    e = mp.zeros(n, m)
    for i, s in enumerate(sigma):
        e[i, i] = mp.mpf(float(s))
    c, lam = mp.mpf(c), mp.mpf(lam)
    f = mp.zeros(n + m, n + m)
    f[:n, n:] = c * e
    f[n:, :n] = c * e.T
    for i in range(n + m):
        f[i, i] = (-1 if i < n else 1) * c * c * lam / 2
    values, vectors = mp.eigsy(f)
    r0 = vectors.T * mp.matrix(np.vstack([x0, y0]).tolist())
    tiny = mp.mpf(10) ** -1000
    found = []
    for t in map(mp.mpf, TIMES):
        growth = mp.diag([mp.exp(v * t) for v in values])
        integral = mp.diag([(mp.exp(2 * v * t) - 1) / (2 * v) if abs(v) > tiny else t for v in values])
        middle = mp.eye(r0.cols) + c * c * (r0.T * integral * r0)
        right = growth * r0
        q = vectors * (right * mp.inverse(middle) * right.T) * vectors.T
        left = e - c * q[:n, n:]
        found.append(float(sum(left[i, j] ** 2 for i in range(n) for j in range(m)) / 2))
    return found


def case(name, sigma, n, m, r, c, x, y, seed):
    """Columns of lengths x and y for X0 and Y0: lambda = y^2 - x^2."""
    x0 = columns(seed, n, r, x) if x else np.zeros((n, r))
    y0 = columns(seed + 100, m, r, y) if y else np.zeros((m, r))
    lam = y * y - x * x
    flat = lambda a: [float(v) for v in a.ravel()]
    print(name, file=sys.stderr)
    return {
        **{"name": name, "sigma": sigma, "n": n, "m": m, "r": r, "c": c, "lambda": lam},
        **{"x0": flat(x0), "y0": flat(y0), "times": TIMES, "losses": losses(sigma, n, m, c, lam, x0, y0)},
    }


if __name__ == "__main__":
    cases = [
        case("full rank, square, B0 = 0", [2, 1.1, 0.6], 3, 3, 3, 0.8, 0, 0.5, 1),
        case("full rank, tall, B0 = 0", [2, 1.1, 0.6], 5, 3, 3, 1.2, 0, 0.3, 2),
        case("full rank, wide, both", [2, 1.1, 0.6], 3, 5, 3, 0.9, 0.2, 0.6, 3),
        case("full rank, tall, A0 = 0", [2, 1.1, 0.6], 5, 3, 3, 1, 0.4, 0, 4),
        case("beyond the rank of E, B0 = 0", [2, 1.1, 0, 0], 5, 4, 3, 0.9, 0, 0.7, 5),
        case("beyond the rank of E, both", [2, 1.1, 0, 0], 4, 4, 3, 0.9, 0.5, 0.9, 6),
        case("rank of E", [2, 1.1, 0, 0], 4, 4, 2, 1, 0, 0.6, 7),
        case("below the rank of E", [2, 1.1, 0.6, 0.2], 4, 4, 2, 1.1, 0.3, 0.7, 8),
        case("repeated at the cut", [2, 1, 1, 1], 4, 5, 2, 1, 0, 0.6, 9),
        case("repeated, full rank", [1, 1, 1], 3, 3, 3, 0.7, 0, 0.6, 10),
        case("one column", [2, 1, 0], 3, 3, 1, 1, 0.3, 0.4, 11),
        case("one singular value", [1.5], 1, 1, 1, 1, 0.2, 1.7, 12),
        case("long columns", [2, 1.1], 2, 3, 2, 1, 0, 20, 13),
        case("short columns", [2, 1.1], 3, 2, 2, 1, 0, 1e-9, 14),
        case("lambda = 0", [2, 1.1, 0], 3, 3, 2, 1, 0.3, 0.3, 15),
    ]
    Path(__file__).with_name("balanced.json").write_text(json.dumps(cases, indent=1) + "\n")
