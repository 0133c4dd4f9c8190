"""Runs scripts/export-stats.py on a small model and prints what its numbers should be, by autograd alone, as JSON.

The model has an attention of its own, a Conv1D, padding and two weights that are exported together. Expected values are
written out: per-sample gradients one at a time, the Hessian in full. Usage: python check_export_stats.py FOLDER
"""

import json
import subprocess
import sys
from pathlib import Path

import torch

SETUP = '''
import torch
from torch import nn

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


class Conv1D(nn.Module):
    """As transformers has it: weight [in, out]."""

    def __init__(self, n, m):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(m, n) / 2)

    def forward(self, x):
        return x @ self.weight


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.v = nn.Linear(4, 3, bias=False), nn.Linear(4, 3)
        self.c = Conv1D(2, 3)

    def forward(self, x, real):
        q, v = self.q(x), self.v(x)
        seen = real[:, None, :].expand(-1, x.shape[1], -1)
        z = nn.functional.scaled_dot_product_attention(q, v, torch.tanh(v), attn_mask=seen)
        return torch.tanh(self.c(z[:, 0]))


model = Model().eval()
weights = ["v", "c"]
real = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0]], dtype=torch.bool)
x, y = torch.randn(5, 3, 4), torch.randn(5, 2)
batches = [(x[:3], real[:3], y[:3]), (x[3:], real[3:], y[3:])]


def squares(model, batch, labels):
    return 0.5 * (labels - model(batch[0], batch[1])).square().sum(1)


def losses(model, batch):
    return squares(model, batch, batch[2])


def sampled(model, batch):
    out = model(batch[0], batch[1]).detach()
    return squares(model, batch, out + torch.randn_like(out))


def mask(batch):
    return batch[1]
'''

folder = Path(sys.argv[1])
(folder / "setup_of_model.py").write_text(SETUP)
script = Path(__file__).parent.parent.parent / "scripts/export-stats.py"
command = [sys.executable, script, folder / "setup_of_model.py", folder / "stats.safetensors"]
subprocess.run([*command, "--draws", "400"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([*command[:-1], folder / "cut.safetensors", "--draws", "100", "--rank", "2"], check=True, stdout=subprocess.DEVNULL)
counted = subprocess.run([*command[:-1], folder / "few.safetensors"], check=True, stdout=subprocess.PIPE)

sys.path.insert(0, str(folder))
import setup_of_model as setup  # noqa: E402

model, x, y, real = setup.model, setup.x, setup.y, setup.real
parameters = [model.v.weight, model.c.weight]
layers = {"v": model.v, "c": model.c}


def loss_of(i):
    return setup.losses(model, (x[i : i + 1], real[i : i + 1], y[i : i + 1]))[0]


mean_over = lambda some: sum(loss_of(i) for i in some) / len(some)
upright = lambda z, name: z.T if name == "c" else z
expected = {"loss": mean_over(range(5)).item()}
gradients = {
    part: torch.autograd.grad(mean_over(some), parameters)
    for part, some in [("G", range(5)), ("G.half0", [0, 2, 4]), ("G.half1", [1, 3])]
}
for part, values in gradients.items():
    for name, value in zip(layers, values):
        expected[f"{name}.{part}"] = upright(value, name).tolist()

# Inputs of the layers at real tokens: those of v are the model's own; c sees the first token's, of [N, 3].
kept = {}
hooks = [layer.register_forward_hook(lambda _, i, o, n=name: kept.update({n: (i[0], o)})) for name, layer in layers.items()]
model(x, real)
expected["v.H"] = (sum(torch.outer(t, t) for t in x[real]) / real.sum()).tolist()
seen = kept["c"][0].detach()
expected["c.H"] = (sum(torch.outer(t, t) for t in seen) / 5).tolist()

# With labels out + e, e ~ N(0, I), a sample's gradient by a layer's output is minus J^T e: S is the mean of sum_t J_t^T J_t.
for name in layers:
    total = 0
    for i in range(5):
        out = model(x[i : i + 1], real[i : i + 1])[0]
        at = kept[name][1]
        rows = [torch.autograd.grad(o, at, retain_graph=True)[0][0] for o in out]
        rows = [(r[real[i]] if name == "v" else r[None]) for r in rows]
        total = total + sum(torch.einsum("ti,tj->ij", r, r) for r in rows)
    expected[f"{name}.S"] = (total / 5).tolist()
for hook in hooks:
    hook.remove()

# <G, Hess G> from the Hessian in full, in both weights together.
sizes = [p.numel() for p in parameters]


def at(flat):
    v, c = flat.split(sizes)
    state = {"v.weight": v.view_as(parameters[0]), "c.weight": c.view_as(parameters[1])}
    out = torch.func.functional_call(model, state, (x, real))
    return 0.5 * (y - out).square().sum(1).mean()


with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
    hessian = torch.autograd.functional.hessian(at, torch.cat([p.detach().flatten() for p in parameters]))
g = torch.cat([z.flatten() for z in gradients["G"]])
expected["hvp"] = (g @ hessian @ g).item()
before = torch.cat([p.detach().flatten() for p in parameters])


def falls(g, curvature):
    slope = (g @ g).item()
    return [
        [t * slope - t * t * curvature / 2, expected["loss"] - at(before - t * g).item()]
        for t in (slope / curvature / 2**k for k in (5, 4, 3, 2, 1, 0))
    ]


expected["along"] = falls(g, expected["hvp"])


def cut_gradient(a):
    u, s, v = torch.linalg.svd(a, full_matrices=False)
    return u[:, :2] * s[:2] @ v[:2]


def cut_moment(a):
    if len(a) <= 2:
        return a
    values, vectors = torch.linalg.eigh(a)
    others = torch.cat([values[:-2].mean().expand(len(a) - 2), values[-2:]])
    return vectors * others @ vectors.T


# What --rank 2 keeps, spelled out: the moments of their two leading directions, and the mean of the others' eigenvalues.
cut = {}
for name in layers:
    for part, by in [("G", cut_gradient), ("H", cut_moment), ("S", cut_moment)]:
        cut[f"{name}.{part}"] = by(torch.tensor(expected[f"{name}.{part}"])).tolist()
g = torch.cat([upright(torch.tensor(cut[f"{name}.G"]), name).flatten() for name in layers])
cut["hvp"] = (g @ hessian @ g).item()
cut["along"] = falls(g, cut["hvp"])
print(json.dumps({"expected": expected, "cut": cut, "said": counted.stdout.decode()}))
