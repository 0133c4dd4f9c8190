"""diffrax: the solver of that name, of which each trajectory has its own steps; RK4 of a fixed step, or an adaptive one.

Implicit solvers have no place here: at W4, Kvaerno3 with matrix-free GMRES (a dense Jacobian has 12,288^2 entries)
takes 57 steps and 8 s for each trajectory, forty times as long as Tsit5.

A `vmap` of adaptive trajectories goes on until the last of its block has ended, so that blocks are small on the CPU
(jax_batch.py).
"""

from functools import cache

from jax_batch import contestant, flow, over_batch, start
from protocol import Contestant, Run, serve


# Several times what is needed; in float32 a loose tolerance can leave a controller with steps that get nowhere.
MOST_STEPS = 10_000


def make(device: str, words: list[str]) -> Contestant:
    jax = start(device)
    import diffrax
    import numpy as np

    jnp = jax.numpy
    (name,) = words

    class RK4(diffrax.AbstractERK):
        """The classical method, which diffrax does not have; it estimates no errors."""

        tableau = diffrax.ButcherTableau(
            c=np.array([1 / 2, 1 / 2, 1.0]),
            a_lower=(np.array([1 / 2]), np.array([0.0, 1 / 2]), np.array([0.0, 0.0, 1.0])),
            b_sol=np.array([1 / 6, 1 / 3, 1 / 3, 1 / 6]),
            b_error=np.zeros(4),
        )
        interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

        def order(self, terms):
            return 4

    fixed = name == "RK4"
    solver = RK4() if fixed else getattr(diffrax, name)()

    @cache
    def batch(end, size):
        def one(sigma, accuracy, y0):
            rtol, atol = accuracy
            # Stability limits the steps: the coefficients that diffrax advises then.
            adaptive = diffrax.PIDController(rtol=rtol, atol=atol, pcoeff=0.4, icoeff=0.3)
            found = diffrax.diffeqsolve(
                diffrax.ODETerm(lambda t, z, args: flow(sigma, *z)),
                solver,
                t0=0.0,
                t1=end,
                dt0=size,
                y0=(jnp.zeros_like(y0), y0),
                stepsize_controller=diffrax.ConstantStepSize() if fixed else adaptive,
                saveat=diffrax.SaveAt(t1=True),
                adjoint=diffrax.ForwardMode(),
                max_steps=MOST_STEPS,
                throw=False,
            )
            return jax.tree.map(lambda a: a[0], found.ys)

        return over_batch(one, device)

    def compiled(run: Run):
        accuracy = (0.0, 0.0) if fixed else (jnp.float32(run.rtol), jnp.float32(run.atol))
        size = run.size if fixed else None
        return lambda sigma, y0: batch(run.end, size)(sigma, accuracy, y0)

    return contestant(jax, {"diffrax": diffrax.__version__}, compiled)


if __name__ == "__main__":
    serve(make)
