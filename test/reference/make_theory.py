"""Writes theory.json: small LoRA flows solved in (A, B) by DOP853, and NumPy's own numbers, for the tests of theory."""

import numpy as np

from flow import Lora, first_time, flat, solve, write

TIMES = [0.05, 0.2, 0.5, 1.0, 2.0, 4.0]


def constants(rng):
    s, ka, kb = rng.uniform(0.5, 0.9), rng.uniform(1.2, 1.6), rng.uniform(1.7, 2.5)
    return float(s), float(ka), float(kb)


def record(lora, loss, times=TIMES, **more):
    updates = [lora.update(y) for y in solve(lora.field, lora.start, times)]
    return {
        "s": lora.s,
        "kA": lora.ka,
        "kB": lora.kb,
        "b0": flat(lora.b0),
        "a0": flat(lora.a0),
        "times": list(times),
        "updates": [flat(u) for u in updates],
        "losses": [float(loss(u)) for u in updates],
        **more,
    }


def late_pair(lora, size):
    """Two late times, and there a quantity that falls to zero (or to its end) exponentially."""
    first = abs(size(lora.start)) or 1.0
    times = [first_time(lora.field, lora.start, lambda y: abs(size(y)), first * f, 400.0) for f in (1e-7, 1e-9)]
    return {"times": times, "values": [float(size(y)) for y in solve(lora.field, lora.start, times)]}


def trace_case(seed, n, r, start):
    rng = np.random.default_rng(seed)
    s, ka, kb = constants(rng)
    w0 = rng.normal(size=(n, n)) / np.sqrt(n) + (-1) ** seed * 0.4 * np.eye(n)
    a0 = rng.normal(size=(r, n)) / np.sqrt(n)
    b0 = {
        "zero": lambda: np.zeros((n, r)),
        "random": lambda: rng.normal(size=(n, r)) * 0.5,
        "symmetric": lambda: np.sqrt(kb / ka) * a0.T,
        "antisymmetric": lambda: -np.sqrt(kb / ka) * a0.T,
    }[start]()
    lora = Lora(lambda u: np.trace(w0 + u) * np.eye(n), b0, a0, s, ka, kb)
    loss = lambda u: np.trace(w0 + u) ** 2 / 2
    if start in ("symmetric", "antisymmetric"):  # these end on saddles, which rounding leaves at late times
        return record(lora, loss, TIMES[:4], name=f"{n}x{n} rank {r} {start}", w0=flat(w0))
    late = late_pair(lora, lambda y: np.trace(w0 + lora.update(y)))
    return record(lora, loss, name=f"{n}x{n} rank {r} {start}", w0=flat(w0), late=late)


def full_trace(seed, n):
    rng = np.random.default_rng(seed)
    w0 = rng.normal(size=(n, n))
    field = lambda _, w: (-np.trace(w.reshape(n, n)) * np.eye(n)).ravel()
    end = [w.reshape(n, n) for w in solve(field, w0.ravel(), TIMES)]
    return {"w0": flat(w0), "times": TIMES, "updates": [flat(w - w0) for w in end]}


def frame_of(e):
    u, sigma, vt = np.linalg.svd(e, full_matrices=True)
    return {"e": flat(e), "u": flat(u), "v": flat(vt.T), "sigma": sigma.tolist()}, u, sigma, vt.T


def aligned_case(seed, n, m, modes, start):
    rng = np.random.default_rng(seed)
    s, ka, kb = constants(rng)
    e = rng.normal(size=(n, m)) * 0.8
    frame, u, sigma, v = frame_of(e)
    a = rng.uniform(0.4, 0.9, len(modes))
    b = rng.uniform(-0.3, 0.8, len(modes)) if start == "random" else np.zeros(len(modes))
    lora = Lora(lambda w: w - e, u[:, modes] * b, (v[:, modes] * a).T, s, ka, kb)
    late = [late_pair(lora, lambda y, i=i: u[:, i] @ (e - lora.update(y)) @ v[:, i]) for i in modes]
    loss = lambda w: np.sum((w - e) ** 2) / 2
    return record(lora, loss, name=f"{n}x{m} modes {modes} {start}", **frame, modes=modes, b=b.tolist(), a=a.tolist(), late=late)


def balanced_case(seed, n, m, r, lam):
    """X0^T X0 - Y0^T Y0 = -lam I; "zero" means B0 = 0 and lam = 0.6."""
    rng = np.random.default_rng(seed)
    s, ka, kb = constants(rng)
    e = rng.normal(size=(n, m)) * 0.8
    frame, u, sigma, v = frame_of(e)
    orthonormal = lambda rows: np.linalg.qr(rng.normal(size=(rows, r)))[0]
    if lam == "zero":
        lam = 0.6
        x, y = np.zeros((n, r)), np.sqrt(lam) * orthonormal(m)
    else:
        small, rows = (n, m) if lam >= 0 else (m, n)
        p = rng.normal(size=(small, r)) * 0.4
        q = orthonormal(rows) @ np.linalg.cholesky(p.T @ p + abs(lam) * np.eye(r)).T
        x, y = (p, q) if lam >= 0 else (q, p)
    lora = Lora(lambda w: w - e, np.sqrt(kb) * x, np.sqrt(ka) * y.T, s, ka, kb)
    best = (u[:, :r] * sigma[:r]) @ v[:, :r].T
    late = late_pair(lora, lambda state: np.linalg.norm(lora.update(state) - best))
    loss = lambda w: np.sum((w - e) ** 2) / 2
    times = [*TIMES, 60.0]
    return record(lora, loss, times, name=f"{n}x{m} rank {r} lambda {lam}", **frame, **{"lambda": lam}, late=late)


def regression_case(seed, n, m, r):
    rng = np.random.default_rng(seed)
    s, ka, kb = constants(rng)
    e = rng.normal(size=(n, m)) * 0.8
    root = rng.normal(size=(m, m)) / np.sqrt(m)
    h = root @ root.T + 0.3 * np.eye(m)
    h = (h + h.T) / 2
    lora = Lora(lambda w: (w - e) @ h, np.zeros((n, r)), rng.normal(size=(r, m)) / np.sqrt(m), s, ka, kb)
    loss = lambda w: np.trace((w - e) @ h @ (w - e).T) / 2
    full = [w.reshape(n, m) for w in solve(lambda _, w: (-(w.reshape(n, m) - e) @ h).ravel(), np.zeros(n * m), TIMES)]
    values, vectors = np.linalg.eigh(h)
    half = (vectors * np.sqrt(values)) @ vectors.T
    u, sigma, vt = np.linalg.svd(e @ half)
    best = (u[:, :r] * sigma[:r]) @ vt[:r] @ np.linalg.inv(half)
    return record(
        lora,
        loss,
        [400.0],
        name=f"{n}x{m} rank {r}",
        e=flat(e),
        h=flat(h),
        sigma=sigma.tolist(),
        optimum={"loss": float(loss(best)), "update": flat(best)},
        full={"times": TIMES, "updates": [flat(w) for w in full], "losses": [float(loss(w)) for w in full]},
    )


def truncation(seed, n, m):
    w = np.random.default_rng(seed).normal(size=(n, m))
    u, sigma, vt = np.linalg.svd(w, full_matrices=False)
    errors = [w - (u[:, :r] * sigma[:r]) @ vt[:r] for r in range(min(n, m) + 1)]
    return {
        "sigma": sigma.tolist(),
        "losses": [float(np.sum(d**2) / 2) for d in errors],
        "relativeErrors": [float(np.linalg.norm(d) / np.linalg.norm(w)) for d in errors],
    }


def gaussian_gap(seed, n, r, draws=200_000):
    """Mean, over draws of A0, of the squared distance of LoRA's end from full fine-tuning's, at tr W0 = 1."""
    a = np.random.default_rng(seed).normal(size=(draws, r, n))
    end = -np.einsum("dri,drj->dij", a, a) / np.sum(a**2, axis=(1, 2))[:, None, None]
    squares = np.sum((end + np.eye(n) / n) ** 2, axis=(1, 2))
    return {"n": n, "r": r, "mean": float(squares.mean()), "standardError": float(squares.std() / np.sqrt(draws))}


if __name__ == "__main__":
    write(
        "theory.json",
        {
            "trace": [
                trace_case(1, 3, 1, "zero"),
                trace_case(2, 6, 3, "zero"),
                trace_case(3, 5, 2, "random"),
                trace_case(4, 8, 4, "random"),
                trace_case(6, 4, 2, "symmetric"),
                trace_case(7, 4, 2, "antisymmetric"),
            ],
            "traceFull": full_trace(8, 4),
            "aligned": [
                aligned_case(11, 5, 3, [0, 1], "zero"),
                aligned_case(12, 4, 7, [0, 1, 2], "random"),
                aligned_case(13, 6, 6, [0, 2], "zero"),
            ],
            "balanced": [
                balanced_case(21, 5, 3, 2, "zero"),
                balanced_case(22, 4, 7, 3, 0.5),
                balanced_case(23, 6, 6, 4, "zero"),
                balanced_case(24, 8, 5, 1, 0.3),
                balanced_case(25, 5, 8, 2, -0.4),
                balanced_case(26, 6, 4, 2, 0.0),
                balanced_case(27, 3, 6, 3, 0.5),
            ],
            "regression": [
                regression_case(31, 5, 4, 2),
                regression_case(32, 4, 6, 3),
                regression_case(33, 8, 8, 1),
            ],
            "truncation": [truncation(41, 6, 4), truncation(42, 5, 8)],
            "gaussianGap": [gaussian_gap(51, 3, 2), gaussian_gap(52, 6, 2), gaussian_gap(53, 8, 5)],
        },
    )
