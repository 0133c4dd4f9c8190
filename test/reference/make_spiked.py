"""Writes spiked.json: singular value decompositions of low-rank matrices in noise by NumPy, and quantiles of the
Marchenko-Pastur law by quadrature of its density (SciPy), for theory/spiked.test.ts."""

import json
from pathlib import Path

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

SIGMA = [2.5, 1.5, 1.0, 0.6]
DRAWS = 16


def quantile(beta, above):
    """The singular value above which a share lies: the density of squares, integrated in the singular value s."""
    low, high = abs(1 - np.sqrt(beta)), 1 + np.sqrt(beta)

    def density(s):
        inside = (high**2 - s**2) * (s**2 - low**2)
        return np.sqrt(max(inside, 0)) / (np.pi * s * min(beta, 1))

    share = lambda s: quad(density, s, high, epsabs=1e-13, epsrel=1e-13, limit=500)[0]
    return brentq(lambda s: share(s) - above, low, high, xtol=1e-14, rtol=1e-14)


def simulated(seed, n, m, tau, count=8):
    """Means over draws: the singular values, overlaps of the first four directions, and the risk by rank."""
    rng = np.random.default_rng(seed)
    target = np.zeros((n, m))
    target[range(len(SIGMA)), range(len(SIGMA))] = SIGMA
    values, left, right, risk, best = [], [], [], [], []
    for _ in range(DRAWS):
        u, y, vt = np.linalg.svd(target + tau * rng.normal(size=(n, m)) / np.sqrt(m), full_matrices=False)
        update, risks = np.zeros((n, m)), [np.sum(target**2)]
        for i in range(count):
            update += y[i] * np.outer(u[:, i], vt[i])
            risks.append(np.sum((update - target) ** 2))
        values.append(y[:count])
        left.append([u[i, i] ** 2 for i in range(len(SIGMA))])
        right.append([vt[i, i] ** 2 for i in range(len(SIGMA))])
        risk.append(risks)
        best.append(int(np.argmin(risks)))
    mean = lambda rows: np.mean(rows, axis=0).tolist()
    return {
        **{"n": n, "m": m, "tau": tau, "sigma": SIGMA, "draws": DRAWS},
        **{"values": mean(values), "left": mean(left), "right": mean(right), "risk": mean(risk)},
        "standardError": (np.std(risk, axis=0, ddof=1) / np.sqrt(DRAWS)).tolist(),
        "best": best,
    }


record = {
    "quantiles": [
        {"beta": beta, "above": above, "value": quantile(beta, above)}
        for beta in (0.1, 2 / 3, 1.0, 1.5, 8.0)
        for above in (1e-4, 0.01, 0.25, 0.5, 0.9, 0.999)
    ],
    "simulated": [simulated(9, 600, 900, 0.8), simulated(10, 900, 600, 0.4), simulated(11, 600, 600, 0.75)],
}
Path(__file__).with_name("spiked.json").write_text(json.dumps(record) + "\n")
