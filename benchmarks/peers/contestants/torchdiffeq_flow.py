"""torchdiffeq: `odeint` by the method of that name on the whole batch, which shares its steps; the flow is compiled."""

from importlib.metadata import version

from protocol import Contestant, Run, serve
from torch_batch import contestant, flow, start

# Several times what is needed; in float32 a loose tolerance can leave a controller with steps that get nowhere.
MOST_STEPS = 5_000


def make(device: str, words: list[str]) -> Contestant:
    torch, on = start(device)
    from torchdiffeq import odeint

    (method,) = words

    @torch.compile(dynamic=False)
    def field(sigma, z):
        """dZ of Z = (X, Y) [2, batch, r, n]."""
        return torch.stack(flow(torch, sigma, z[0], z[1]))

    def advance(sigma, y0, run: Run):
        z0 = torch.stack([torch.zeros_like(y0), y0])
        span = torch.tensor([0.0, run.end], device=on, dtype=torch.float64)
        if run.rtol is None:
            how = {"options": {"step_size": run.size}}
        else:
            how = {"rtol": run.rtol, "atol": run.atol, "options": {"max_num_steps": MOST_STEPS}}
        try:
            found = odeint(lambda t, z: field(sigma, z), z0, span, method=method, **how)[-1]
        except AssertionError:
            # It got nowhere: no end.
            found = torch.full_like(z0, torch.nan)
        return found[0], found[1]

    return contestant(torch, on, {"torchdiffeq": version("torchdiffeq")}, advance)


if __name__ == "__main__":
    serve(make)
