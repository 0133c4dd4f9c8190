"""What the contestants on PyTorch share: the device, and batches as they are laid out there, transposed [r, n]."""

import os

from protocol import CORES, Absent, Clock, Contestant, Run


def start(device: str):
    """PyTorch on all cores or the GPU; products of float32 matrices in float32."""
    # Threads that spin while they wait take the cores from each other wherever these are shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    if device == "gpu" and not torch.cuda.is_available():
        raise Absent("PyTorch sees no CUDA device")
    torch.set_num_threads(CORES)
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch, torch.device("cuda" if device == "gpu" else "cpu")


def flow(torch, sigma, x, y):
    """dX and dY of X and Y [batch, r, n], sigma [n]."""
    return (
        torch.baddbmm(sigma * y, y @ y.mT, x, alpha=-1),
        torch.baddbmm(sigma * x, x @ x.mT, y, alpha=-1),
    )


def contestant(torch, device, versions: dict[str, str], advance) -> Contestant:
    """`advance(sigma, y0, run)` gives X and Y [batch, r, n] at the end."""
    cuda = device.type == "cuda"

    def arrange(sigma, y0):
        host = torch.from_numpy(sigma.astype("float32")), torch.from_numpy(y0.swapaxes(1, 2).copy())
        return tuple(each.pin_memory() for each in host) if cuda else host

    def settled():
        if cuda:
            torch.cuda.synchronize()

    def solve(arranged, run: Run, clock: Clock):
        with torch.no_grad():
            with clock.transferring():
                sigma, y0 = (each.to(device) for each in arranged)
                settled()
            found = advance(sigma, y0, run)
            settled()
            with clock.transferring():
                return tuple(each.cpu() for each in found)

    return Contestant(
        {"torch": torch.__version__, **versions},
        torch.cuda.get_device_name() if cuda else f"{CORES} threads",
        arrange,
        solve,
        lambda found, count: torch.stack([each[:count] for each in found], dim=1).mT.numpy(),
        lambda: torch.cuda.max_memory_allocated() if cuda else None,
    )
