"""NumPy: batched RK4 in place, in blocks of trajectories that stay in the caches, a thread for each core."""

import os

# Matrices are small: BLAS threads of its own would only wait for each other.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

from concurrent.futures import ThreadPoolExecutor

from protocol import CORES, Clock, Contestant, Run, serve

# State entries of a block: 256 KiB of them.
BLOCK_ENTRIES = 2**16


def make(_device, _words) -> Contestant:
    import numpy as np

    def flow(sigma, z, out, gram, product):
        """Into out: dZ of Z = (X, Y), [2, block, r, n]; gram is [2, block, r, r]."""
        np.matmul(z, z.swapaxes(-1, -2), out=gram)
        np.matmul(gram[::-1], z, out=product)
        np.multiply(sigma, z[::-1], out=out)
        np.subtract(out, product, out=out)

    def block(sigma, y0, run: Run):
        z = np.stack([np.zeros_like(y0), y0])
        slope, total, product, stage = (np.empty_like(z) for _ in range(4))
        gram = np.empty((*z.shape[:-1], run.rank), z.dtype)
        half, whole = np.float32(run.size / 2), np.float32(run.size)
        for _ in range(run.steps):
            flow(sigma, z, slope, gram, product)
            np.copyto(total, slope)
            for length, weight in ((half, 2), (half, 2), (whole, 1)):
                np.multiply(slope, length, out=stage)
                stage += z
                flow(sigma, stage, slope, gram, product)
                np.multiply(slope, np.float32(weight), out=product)
                total += product
            total *= np.float32(run.size / 6)
            z += total
        return z

    pool = ThreadPoolExecutor(CORES)

    def solve(arranged, run: Run, _clock: Clock):
        sigma, y0 = arranged
        most = max(1, BLOCK_ENTRIES // (2 * run.n * run.rank))
        size = min(most, -(-len(y0) // CORES))
        blocks = [y0[i : i + size] for i in range(0, len(y0), size)]
        return np.concatenate(list(pool.map(lambda each: block(sigma, each, run), blocks)), axis=1)

    return Contestant(
        versions={"numpy": np.__version__},
        device=f"{CORES} threads",
        arrange=lambda sigma, y0: (sigma.astype(np.float32), np.ascontiguousarray(y0.swapaxes(1, 2))),
        solve=solve,
        ends=lambda z, count: z[:, :count].transpose(1, 0, 3, 2),
    )


if __name__ == "__main__":
    serve(make)
