"""SciPy: solve_ivp in float64, RK45 for the contest and, with the word `reference`, DOP853 to a tight tolerance."""

from protocol import Clock, Contestant, Run, serve


def make(_device, words) -> Contestant:
    import numpy as np
    import scipy
    from scipy.integrate import solve_ivp

    method = "DOP853" if "reference" in words else "RK45"

    def trajectory(sigma, y0, run: Run):
        """Z = (X, Y) [2, r, n] at the end, from X = 0 and Y = y0 [r, n]."""

        def flow(_t, flat):
            z = flat.reshape(2, run.rank, run.n)
            gram = z @ z.swapaxes(-1, -2)
            return (sigma * z[::-1] - gram[::-1] @ z).ravel()

        start = np.stack([np.zeros_like(y0), y0]).ravel()
        span = (0.0, run.end)
        found = solve_ivp(flow, span, start, method=method, t_eval=[run.end], rtol=run.rtol, atol=run.atol)
        if found.status != 0:
            raise RuntimeError(found.message)
        return found.y[:, -1].reshape(2, run.rank, run.n)

    def solve(arranged, run: Run, _clock: Clock):
        sigma, y0 = arranged
        return np.stack([trajectory(sigma, each, run) for each in y0])

    return Contestant(
        versions={"scipy": scipy.__version__, "numpy": np.__version__},
        device="one process",
        arrange=lambda sigma, y0: (sigma.astype(np.float64), y0.swapaxes(1, 2).astype(np.float64)),
        solve=solve,
        ends=lambda z, count: z[:count].swapaxes(2, 3),
    )


if __name__ == "__main__":
    serve(make)
