"""Writes optimizers.json: adapters after steps of PyTorch's own optimizers, for optimizers.test.ts.

f = |W0 + s B A - M|^2 / 2 with W0 = 0, gradients by autograd, everything in float64 but `stock`. Learning rates of A and B
are kA and kB times the base. Weight decay that is decoupled shrinks either factor by lr mu a step (lr the base): PyTorch's
weight_decay is mu over the ratio there. Muon is torch.optim.Muon's algorithm without its cast to bfloat16, line by line;
`stock` is that optimizer itself, where this PyTorch has it. Schedules are transformers'. Minibatches of `samples` are those
of rankflow, by a Philox4x32-10 of this file's own.

    python make_optimizers.py [--print]    with torch and transformers; --print writes to standard output
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
N, M, R, STEPS = 9, 7, 3, 200
SCALE, RATIO_A, RATIO_B = 0.7, 1.3, 2.1


def newton_schulz(grad):
    """torch.optim._muon._zeropower_via_newtonschulz in the precision of its input."""
    a, b, c = 3.4445, -4.7750, 2.0315
    ortho = grad.T if grad.size(0) > grad.size(1) else grad
    ortho = ortho / ortho.norm().clamp(min=1e-7)
    for _ in range(5):
        gram = ortho @ ortho.T
        update = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        ortho = torch.addmm(ortho, update, ortho, beta=a)
    return ortho.T if grad.size(0) > grad.size(1) else ortho


class Muon(torch.optim.Optimizer):
    """torch.optim.Muon with nesterov=True and adjust_lr_fn='original'."""

    def __init__(self, groups, lr, weight_decay=0.0, momentum=0.95):
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for param in group["params"]:
                buffer = self.state[param].setdefault("momentum_buffer", torch.zeros_like(param.grad))
                buffer.lerp_(param.grad, 1 - group["momentum"])
                update = newton_schulz(param.grad.lerp(buffer, group["momentum"]))
                param.mul_(1 - group["lr"] * group["weight_decay"])
                param.add_(update, alpha=-group["lr"] * math.sqrt(max(1, param.size(0) / param.size(1))))


def inverse(optimizer, warmup):
    v = max(1, warmup)
    return LambdaLR(optimizer, lambda k: k / warmup if k < warmup else v / (k + v - warmup))


SCHEDULES = {
    "constant": lambda o, w: get_constant_schedule_with_warmup(o, num_warmup_steps=w),
    "linear": lambda o, w: get_linear_schedule_with_warmup(o, num_warmup_steps=w, num_training_steps=STEPS),
    "cosine": lambda o, w: get_cosine_schedule_with_warmup(o, num_warmup_steps=w, num_training_steps=STEPS),
    "inverse": inverse,
}

CASES = [
    {"method": "gd-simultaneous", "step": 0.01, "momentum": 0.9},
    {"method": "gd-simultaneous", "step": 0.01, "momentum": 0.9, "decay": 0.2},
    {"method": "gd-simultaneous", "step": 0.01, "momentum": 0.9, "coupledDecay": 0.2, "schedule": "linear", "warmup": 20},
    {"method": "gd-a-then-b", "step": 0.01, "momentum": 0.8, "coupledDecay": 0.1},
    {"method": "gd-b-then-a", "step": 0.01, "momentum": 0.8, "decay": 0.1, "schedule": "cosine"},
    {"method": "gd-simultaneous", "step": 0.05, "schedule": "cosine", "warmup": 30, "decay": 0.1, "coupledDecay": 0.2},
    {"method": "gd-a-then-b", "step": 0.05, "schedule": "inverse", "warmup": 25},
    {"method": "gd-simultaneous", "step": 0.05, "momentum": 0.5, "frozen": "A"},
    {"method": "adamw", "step": 0.01},
    {"method": "adamw", "step": 0.01, "decay": 0.5, "schedule": "cosine", "warmup": 10},
    {"method": "adamw", "step": 0.01, "coupledDecay": 0.3, "schedule": "constant", "warmup": 50},
    {"method": "adamw", "step": 0.01, "decay": 0.3, "schedule": "inverse", "frozen": "B"},
    {"method": "muon", "step": 0.005},
    {"method": "muon", "step": 0.01, "decay": 0.4, "schedule": "linear", "warmup": 10},
    {"method": "muon", "step": 0.003, "coupledDecay": 0.3, "momentum": 0.8, "schedule": "inverse", "warmup": 40},
]


def optimizers_of(case, params):
    """Optimizers of `params`: one, or in the order of an alternating update one for each."""
    lr, decay, coupled = case["step"], case.get("decay", 0), case.get("coupledDecay", 0)
    kind = case["method"]

    def group(param, decays):
        return {"params": [param], "lr": lr * ratios[param], "weight_decay": decays / ratios[param]}

    ratios = {param: ratio for param, ratio in params}
    if kind == "adamw" and coupled == 0:
        return [torch.optim.AdamW([group(p, decay) for p in ratios], lr=lr, foreach=False)]
    if kind == "adamw":
        return [torch.optim.Adam([{"params": [p], "lr": lr * k} for p, k in params], weight_decay=coupled, foreach=False)]
    if kind == "muon":
        return [Muon([group(p, decay) for p in ratios], lr=lr, momentum=case.get("momentum", 0.95))]
    groups = [{"params": [p], "lr": lr * k} for p, k in params]
    sgd = lambda of: torch.optim.SGD(of, lr=lr, momentum=case.get("momentum", 0), weight_decay=coupled, foreach=False)
    if kind == "gd-simultaneous":
        return [sgd(groups)]
    return [sgd([each]) for each in (groups if kind == "gd-a-then-b" else groups[::-1])]


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(second >> 32) ^ c[1] ^ k[0], second & 0xFFFFFFFF, (first >> 32) ^ c[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


MINIBATCHES = 9  # stream of src/numbers/philox.ts


def minibatch(seed, trial, step, size, count):
    """The first `size` swaps of a Fisher-Yates shuffle of 0, ..., count - 1."""
    order = list(range(count))
    for i in range(size):
        word = philox([i // 4, MINIBATCHES, step, trial], [seed & 0xFFFFFFFF, seed >> 32])[i % 4]
        j = i + math.floor((word + 0.5) * 2.0**-32 * (count - i))
        order[i], order[j] = order[j], order[i]
    return order[:size]


SAMPLES, BATCH, SEED, TRIAL = 12, 5, 2**33 + 17, 3
STOCHASTIC = [
    {"method": "gd-simultaneous", "step": 0.02},
    {"method": "gd-a-then-b", "step": 0.01, "momentum": 0.8, "coupledDecay": 0.1},
    {"method": "adamw", "step": 0.01, "decay": 0.3, "schedule": "cosine"},
    {"method": "muon", "step": 0.002},
]


def regression(inputs, residuals):
    """The mean loss over the minibatch of a step."""

    def loss(update, step):
        rows = minibatch(SEED, TRIAL, step, BATCH, SAMPLES)
        return (inputs[rows] @ update.T - residuals[rows]).square().sum() / (2 * BATCH)

    return loss


def run(case, a0, b0, loss_at, optimizers_of=optimizers_of):
    a, b = a0.clone(), b0.clone()
    ratios = {"A": (a, RATIO_A), "B": (b, RATIO_B)}
    params = [pair for name, pair in ratios.items() if name != case.get("frozen")]
    for param, _ in params:
        param.requires_grad_(True)
    optimizers = optimizers_of(case, params)
    schedules = [SCHEDULES[case.get("schedule", "constant")](each, case.get("warmup", 0)) for each in optimizers]
    coupled_muon = case.get("coupledDecay", 0) if case["method"] == "muon" else 0
    beside = case.get("decay", 0) if case["method"].startswith("gd") else 0
    for step in range(STEPS):
        for optimizer, schedule in zip(optimizers, schedules):
            optimizer.zero_grad()
            loss = loss_at(SCALE * b @ a, step)
            loss = loss + coupled_muon / 2 * (a.square().sum() + b.square().sum())
            loss.backward()
            own = [param for group in optimizer.param_groups for param in group["params"]]
            before = [param.detach().clone() for param in own]
            factor = schedule.lr_lambdas[0](schedule.last_epoch)
            optimizer.step()
            with torch.no_grad():
                # SGD has no decoupled decay: lr mu p is taken beside its step.
                for param, at in zip(own, before):
                    param.sub_(at, alpha=case["step"] * factor * beside)
            schedule.step()
    return a.detach(), b.detach()


def stock_muon(case, params):
    lr, decay = case["step"], case.get("decay", 0)
    groups = [{"params": [p], "lr": lr * k, "weight_decay": decay / k} for p, k in params]
    return [torch.optim.Muon(groups, lr=lr, momentum=0.95, nesterov=True)]


def main():
    random = np.random.default_rng(7)
    draw = lambda *shape: torch.from_numpy(random.standard_normal(shape))
    target, a0, b0 = draw(N, M), draw(R, M) / math.sqrt(M), 0.3 * draw(N, R)
    cases = []
    frobenius = lambda update, _: (update - target).square().sum() / 2
    for case in CASES:
        a, b = run(case, a0, b0, frobenius)
        made = {**case, "A": a.flatten().tolist(), "B": b.flatten().tolist()}
        if case["method"] == "muon" and "coupledDecay" not in case and hasattr(torch.optim, "Muon"):
            stock_a, stock_b = run(case, a0, b0, frobenius, stock_muon)
            made["stock"] = float((stock_b @ stock_a - b @ a).norm() / (b @ a).norm())
        cases.append(made)
    flat = lambda tensor: tensor.flatten().tolist()
    inputs = draw(SAMPLES, M)
    residuals = inputs @ target.T / 3 + 0.5 * draw(SAMPLES, N)
    stochastic = []
    for case in STOCHASTIC:
        a, b = run(case, a0, b0, regression(inputs, residuals))
        stochastic.append({**case, "batch": BATCH, "seed": SEED, "A": flat(a), "B": flat(b)})
    text = json.dumps(
        {
            **{"n": N, "m": M, "rank": R, "steps": STEPS, "scale": SCALE, "lrRatioA": RATIO_A, "lrRatioB": RATIO_B},
            **{"target": flat(target), "A0": flat(a0), "B0": flat(b0), "torch": torch.__version__, "cases": cases},
            **{"trial": TRIAL, "inputs": flat(inputs), "residuals": flat(residuals), "stochastic": stochastic},
        }
    )
    if "--print" in sys.argv:
        print(text)
    else:
        Path(__file__).with_name("optimizers.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
