"""What the contestants on JAX share: the flow, the device, and how a batch is laid over cores.

Factors are held transposed, [r, n]: on the CPU products of such matrices run at twice the rate. Batches on the CPU are
cut into a shard for each core and blocks that stay in the caches; a GPU takes the whole batch.
"""

import os

from protocol import CORES, Absent, Clock, Contestant, Run

# State entries of a block: 256 KiB of them.
BLOCK_ENTRIES = 2**16


def start(device: str):
    """JAX on that device, products of float32 matrices in float32."""
    if device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={CORES}"
    else:
        # Contestants share the GPU.
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    import jax

    if device == "gpu" and jax.default_backend() != "gpu":
        raise Absent("JAX sees no GPU")
    jax.config.update("jax_default_matmul_precision", "highest")
    return jax


def flow(sigma, x, y):
    """dX and dY of X and Y [r, n]."""
    return sigma * y - (y @ y.T) @ x, sigma * x - (x @ x.T) @ y


def over_batch(one, device: str):
    """The function of (sigma [n], accuracy, y0 [r, n]) over y0 [batch, r, n], compiled for all cores or the GPU."""
    import jax
    import numpy as np
    from jax.sharding import Mesh, PartitionSpec

    def all_of(sigma, accuracy, y0):
        return jax.vmap(lambda each: one(sigma, accuracy, each))(y0)

    def blocks_of(sigma, accuracy, y0):
        size = max(1, BLOCK_ENTRIES // (2 * y0.shape[1] * y0.shape[2]))
        if len(y0) <= size:
            return all_of(sigma, accuracy, y0)
        return jax.lax.map(lambda each: one(sigma, accuracy, each), y0, batch_size=size)

    if device == "gpu":
        return jax.jit(all_of)
    mesh = Mesh(np.array(jax.devices()), ("cores",))
    whole, shard = PartitionSpec(), PartitionSpec("cores")
    sharded = jax.jit(
        jax.shard_map(blocks_of, mesh=mesh, in_specs=(whole, whole, shard), out_specs=shard, check_vma=False)
    )
    alone = jax.jit(blocks_of)
    return lambda sigma, accuracy, y0: (alone if len(y0) % CORES else sharded)(sigma, accuracy, y0)


def contestant(jax, versions: dict[str, str], compiled, transposed=True) -> Contestant:
    """`compiled(run)` is a function of (sigma, y0) on the device that gives X and Y."""
    import numpy as np

    device = jax.devices()[0]

    def arrange(sigma, y0):
        y0 = np.ascontiguousarray(y0.swapaxes(1, 2) if transposed else y0)
        return (sigma if transposed else sigma[:, None]).astype(np.float32), y0

    def solve(arranged, run: Run, clock: Clock):
        with clock.transferring():
            moved = jax.block_until_ready(tuple(map(jax.numpy.asarray, arranged)))
        found = jax.block_until_ready(compiled(run)(*moved))
        with clock.transferring():
            return tuple(map(np.asarray, found))

    def ends(found, count):
        z = np.stack([each[:count] for each in found], axis=1)
        return z.swapaxes(2, 3) if transposed else z

    def gpu_peak():
        statistics = device.memory_stats() if device.platform == "gpu" else None
        return statistics and statistics.get("peak_bytes_in_use")

    words = f"{device.device_kind}" if device.platform == "gpu" else f"{CORES} CPU devices"
    own = {"jax": jax.__version__, **versions}
    return Contestant(own, words, arrange, solve, ends, gpu_peak)
