"""Writes svd.json: matrices and their singular values by LAPACK (SciPy, gesvd), for svd.test.ts."""

import json
from pathlib import Path

import numpy as np
import scipy.linalg

rng = np.random.default_rng(16)


def spectral(n, m, sigma):
    u, _ = np.linalg.qr(rng.normal(size=(n, len(sigma))))
    v, _ = np.linalg.qr(rng.normal(size=(m, len(sigma))))
    return (u * sigma) @ v.T


MATRICES = {
    "gaussian": rng.normal(size=(9, 7)),
    "wide": rng.normal(size=(5, 11)),
    "rank two": spectral(8, 8, np.array([3.0, 2.0])),
    "repeated": spectral(7, 9, np.array([2.0, 2, 2, 1, 1, 1, 1])),
    "graded": spectral(12, 12, 10.0 ** np.linspace(0, -22, 12)),
    "hilbert": scipy.linalg.hilbert(10),
    "kahan": np.triu([[0.8**i * (1 if i == j else -0.6) for j in range(12)] for i in range(12)]),
    "tiles": np.kron([[0, 1], [1, 0]], np.ones((4, 4))),
    "row": rng.normal(size=(1, 6)),
    "tiny": 1e-200 * rng.normal(size=(4, 6)),
}

records = [
    {
        "name": name,
        "rows": a.shape[0],
        "cols": a.shape[1],
        "data": a.ravel().tolist(),
        "sigma": scipy.linalg.svd(a, compute_uv=False, lapack_driver="gesvd").tolist(),
    }
    for name, a in MATRICES.items()
]
Path(__file__).with_name("svd.json").write_text(json.dumps(records) + "\n")
