"""LAPACK's decompositions (SciPy, gesdd and gesvd, one thread): lapack.py FOLDER of .npy files; prints lines of JSON."""

import json
import os
import sys
import time
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import scipy.linalg  # noqa: E402

LONG_ENOUGH = 0.2
MOST_RUNS = 9


def defect(q):
    return float(np.linalg.norm(q.T @ q - np.eye(q.shape[1])) / np.sqrt(q.shape[1]))


def measured(a, driver):
    times = []
    while len(times) < MOST_RUNS and sum(times) < LONG_ENOUGH:
        start = time.perf_counter()
        u, s, vt = scipy.linalg.svd(a, full_matrices=False, lapack_driver=driver)
        times.append(time.perf_counter() - start)
    # To order 1, so that squares stay in range.
    exponent = int(np.frexp(np.abs(a).max())[1])
    scaled, sigma = np.ldexp(a, -exponent), np.ldexp(s, -exponent)
    rest = np.linalg.norm(scaled - (u * sigma) @ vt)
    return {
        "seconds": sorted(times)[len(times) // 2],
        "residual": float(rest / np.linalg.norm(scaled)) if rest else 0.0,
        "orthogonality": max(defect(u), defect(vt.T)),
    }


for file in sorted(Path(sys.argv[1]).glob("*.npy")):
    a = np.load(file)
    found = {driver: measured(a, driver) for driver in ("gesdd", "gesvd")}
    print(json.dumps({"file": file.stem, **found}), flush=True)
