"""Writes aligned.json: modes of the aligned flow in 900 digits (mpmath), for alignedPath.test.ts.

x' = c (sigma - c x y) y, y' = c (sigma - c x y) x by z+ and z- of the Riccati equation as they stand.
"""

import itertools
import json
from pathlib import Path

import mpmath as mp

mp.mp.dps = 900
# Exponents 2 c D t.
PROGRESS = ["1e-300", "1e-20", "1e-9", "0.1", "1", "5", "20", "60", "300", "600"]
SIGMA = [2.0, 1e-6, 1e-150, 1e100, 0.0]
STARTS = [(0.0, 0.5), (0.3, 0.7), (-0.2, 0.9), (0.0, 1e-12), (1e4, 1e-4), (1e-3, 2e3), (1.4142135, 1.4142136)]


def mode(sigma, c, x0, y0):
    s, c_, x, y = map(mp.mpf, (sigma, c, x0, y0))
    beta, gamma = c_ * (x - y) ** 2 / 4, c_ * (x + y) ** 2 / 4
    d = mp.sqrt(s**2 + 4 * beta * gamma)
    high, low = (s + d) / (2 * gamma), (s - d) / (2 * gamma)
    k = (1 - high) / (1 - low)
    rows = []
    for progress in PROGRESS:
        t = float(mp.mpf(progress) / (2 * c_ * d))
        if not 0 < t < 1e300:
            continue
        e = k * mp.exp(-2 * c_ * d * mp.mpf(t))
        z = (high - low * e) / (1 - e)
        product, residual = gamma * z - beta / z, s + beta / z - gamma * z
        if abs(residual) > 1e-300:
            rows.append([t, float(product), float(residual)])
    return {"sigma": sigma, "c": c, "x0": x0, "y0": y0, "rate": float(2 * c_ * d), "rows": rows}


if __name__ == "__main__":
    modes = [mode(s, 0.8, x, y) for s, (x, y) in itertools.product(SIGMA, STARTS) if s or x]
    Path(__file__).with_name("aligned.json").write_text(json.dumps(modes) + "\n")
