"""Writes observables.json: observables of adapters by NumPy and SciPy, for observables.test.ts: ranks and angles from
dense decompositions of s B A, the Hessian of f in (B, A) as a whole matrix, intruders as PEFT's intruders.py counts."""

import json
from pathlib import Path

import numpy as np
from scipy.linalg import subspace_angles, svd

S = 0.7


def flat(a):
    return [float(value) for value in np.asarray(a).ravel()]


def covariance(rng, size):
    root = rng.normal(size=(size, size)) / np.sqrt(size)
    return root @ root.T / 2 + np.eye(size) / 2


def largest_hessian_eigenvalue(e, left, h, b, a, ka, kb):
    """d2f = <dD, S dD H> + 2 s <G, dB dA> with dD = s (dB A + B dA), in the metric of kA and kB."""
    (n, r), m = b.shape, a.shape[1]
    size = n * r + r * m
    directions = np.eye(size)
    d_b = directions[:, : n * r].reshape(size, n, r)
    d_a = directions[:, n * r :].reshape(size, r, m)
    d_d = S * (d_b @ a + b @ d_a)
    gradient = left @ (S * b @ a - e) @ h
    hessian = d_d.reshape(size, -1) @ (left @ d_d @ h).reshape(size, -1).T
    mixed = S * np.einsum("nm,inr,jrm->ij", gradient, d_b, d_a)
    hessian += mixed + mixed.T
    root = np.sqrt(np.concatenate([np.full(n * r, kb), np.full(r * m, ka)]))
    return float(np.linalg.eigvalsh(root[:, None] * hessian * root).max())


def case(seed, loss, n, m, r, ka, kb, size=1.0):
    rng = np.random.default_rng(seed)
    e = rng.normal(size=(n, m))
    left = covariance(rng, n) if loss == "kronecker-quadratic" else np.eye(n)
    h = np.eye(m) if loss == "frobenius" else covariance(rng, m)
    b, a = size * rng.normal(size=(n, r)), size * rng.normal(size=(r, m))
    u, _, vt = svd(e)
    sigma = svd(S * b @ a, compute_uv=False)[:r]
    p = sigma / sigma.sum()
    return {
        "loss": loss, "n": n, "m": m, "rank": r, "scale": S, "kA": ka, "kB": kb,
        "e": flat(e), "outputCovariance": flat(left), "covariance": flat(h), "a": flat(a), "b": flat(b),
        "stableRank": float((sigma**2).sum() / sigma.max() ** 2),
        "effectiveRank": float(np.exp(-(p * np.log(p)).sum())),
        "angleLeft": float(subspace_angles(b, u[:, :r]).max()),
        "angleRight": float(subspace_angles(a.T, vt[:r].T).max()),
        "sharpness": largest_hessian_eigenvalue(e, left, h, b, a, ka, kb),
    }  # fmt: skip


def intruders(seed, n, m, r, size):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, m)) @ np.diag(0.9 ** np.arange(m))
    b, a = size * rng.normal(size=(n, r)), rng.normal(size=(r, m))
    before, _, _ = svd(base, full_matrices=False)
    after, _, _ = svd(base + S * b @ a, full_matrices=False)
    similar = np.abs(after.T @ before).max(axis=1)
    # No cosine lies so near the threshold that rounding decides.
    assert np.abs(similar[:10] - 0.5).min() > 1e-6
    return {
        "n": n, "m": m, "rank": r, "scale": S, "base": flat(base), "a": flat(a), "b": flat(b),
        "intruders": int((similar[:10] < 0.5).sum()),
    }  # fmt: skip


CASES = [
    case(1, "frobenius", 7, 5, 2, 1.3, 2.1),
    case(2, "frobenius", 4, 9, 3, 1.0, 16.0, 1e-3),
    case(3, "linear-regression", 6, 7, 3, 1.3, 2.1),
    case(4, "kronecker-quadratic", 5, 6, 2, 2.0, 0.5),
    case(5, "linear-regression", 6, 4, 2, 0.0, 1.5),
    case(6, "frobenius", 6, 8, 2, 0.4, 0.0),
]
INTRUDERS = [intruders(seed, 24, 16, 3, size) for seed, size in [(1, 0.05), (2, 0.4), (3, 2.0)]]
INTRUDERS += [intruders(4, 9, 20, 4, 1.0)]

out = Path(__file__).parent / "observables.json"
out.write_text(json.dumps({"states": CASES, "intruders": INTRUDERS}) + "\n")
print([(c["loss"], c["sharpness"]) for c in CASES], [c["intruders"] for c in INTRUDERS])
