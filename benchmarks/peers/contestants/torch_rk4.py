"""PyTorch: batched RK4, whose step is compiled by `torch.compile`; on the CPU in blocks that stay in the caches."""

from protocol import Contestant, Run, serve
from torch_batch import contestant, flow, start

# State entries of a block on the CPU: 512 KiB of them.
BLOCK_ENTRIES = 2**17


def make(device: str, _words: list[str]) -> Contestant:
    torch, on = start(device)

    def step(sigma, x, y, size):
        a, b = flow(torch, sigma, x, y)
        c, d = flow(torch, sigma, x + size / 2 * a, y + size / 2 * b)
        e, f = flow(torch, sigma, x + size / 2 * c, y + size / 2 * d)
        g, h = flow(torch, sigma, x + size * e, y + size * f)
        return x + size / 6 * (a + 2 * c + 2 * e + g), y + size / 6 * (b + 2 * d + 2 * f + h)

    # On a GPU, calls of kernels are recorded once and replayed.
    compiled = torch.compile(step, dynamic=False, mode="reduce-overhead" if device == "gpu" else None)

    def block(sigma, y, size, steps):
        x = torch.zeros_like(y)
        for _ in range(steps):
            if device == "gpu":
                torch.compiler.cudagraph_mark_step_begin()
            x, y = compiled(sigma, x, y, size)
            if device == "gpu":
                x, y = x.clone(), y.clone()
        return x, y

    def advance(sigma, y0, run: Run):
        size = torch.tensor(run.size, device=on)
        entries = len(y0) if device == "gpu" else max(1, BLOCK_ENTRIES // (2 * run.n * run.rank))
        found = [block(sigma, each, size, run.steps) for each in y0.split(entries)]
        return tuple(torch.cat(each) for each in zip(*found))

    return contestant(torch, on, {}, advance)


if __name__ == "__main__":
    serve(make)
