"""JAX by hand: RK4 in a `lax.scan` under `jit`.

`plain` is a `vmap` of X, Y [n, r] over the whole batch; `tuned` is the same on transposed factors and, on the CPU, in
blocks on all cores (jax_batch.py).
"""

from functools import cache, partial

from jax_batch import contestant, flow, over_batch, start
from protocol import Contestant, Run, serve


def make(device: str, words: list[str]) -> Contestant:
    jax = start(device)
    jnp = jax.numpy

    def rk4(field, z, size, steps):
        def moved(z, length, slope):
            return jax.tree.map(lambda a, b: a + length * b, z, slope)

        def step(z, _):
            k1 = field(*z)
            k2 = field(*moved(z, size / 2, k1))
            k3 = field(*moved(z, size / 2, k2))
            k4 = field(*moved(z, size, k3))
            total = jax.tree.map(lambda a, b, c, d: a + 2 * b + 2 * c + d, k1, k2, k3, k4)
            return moved(z, size / 6, total), None

        return jax.lax.scan(step, z, length=steps)[0]

    def as_written(sigma, x, y):
        """dX and dY of X and Y [n, r], sigma [n, 1]."""
        return sigma * y - x @ (y.T @ y), sigma * x - y @ (x.T @ x)

    @cache
    def plain(steps):
        def one(sigma, size, y0):
            return rk4(partial(as_written, sigma), (jnp.zeros_like(y0), y0), size, steps)

        return jax.jit(jax.vmap(one, in_axes=(None, None, 0)))

    @cache
    def tuned(steps):
        def one(sigma, size, y0):
            return rk4(partial(flow, sigma), (jnp.zeros_like(y0), y0), size, steps)

        return over_batch(one, device)

    variant = {"plain": plain, "tuned": tuned}[words[0]]

    def compiled(run: Run):
        return lambda sigma, y0: variant(run.steps)(sigma, jnp.float32(run.size), y0)

    return contestant(jax, {}, compiled, transposed=words[0] == "tuned")


if __name__ == "__main__":
    serve(make)
