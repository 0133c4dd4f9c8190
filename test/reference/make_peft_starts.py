"""Writes peft_starts.json: starts of PEFT on one layer each, for peftStarts.test.ts; and, in float64 by their formulas,
those that PEFT does not have. Needs NumPy, PyTorch and PEFT. With a path it writes there.

Gradients have rank 4 r and singular values a fifth apart, so that PEFT's randomized SVD is exact to rounding.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from peft import EvaConfig, LoraConfig, LoraGAConfig, get_peft_model
from peft.tuners.lora.eva import initialize_lora_eva_weights

RANK, ALPHA = 2, 3.0


def spectral(rng, n, m, sigma):
    u, _ = np.linalg.qr(rng.normal(size=(n, len(sigma))))
    v, _ = np.linalg.qr(rng.normal(size=(m, len(sigma))))
    return ((u * sigma) @ v.T).astype(np.float32)


class Model(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.layer.weight.data = torch.tensor(weight)

    def forward(self, x):
        return self.layer(x)


def flat(a):
    return [float(f"{value:.9g}") for value in np.asarray(a, dtype=np.float64).ravel()]


def peft(base, name, gradient=None, inputs=None):
    model = Model(base)
    more = {}
    if name == "lora_ga":
        more["lora_ga_config"] = LoraGAConfig()
        model.layer._peft_loraga_grad = torch.tensor(gradient)
    if name == "eva":
        more["eva_config"] = EvaConfig(rho=2.0)
    torch.manual_seed(0)
    config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["layer"], init_lora_weights=name, **more)
    wrapped = get_peft_model(model, config, low_cpu_mem_usage=False)
    if name == "eva":
        initialize_lora_eva_weights(
            wrapped,
            [torch.tensor(inputs)],
            forward_fn=lambda model, x: model(x),
            prepare_model_inputs_fn=None,
            prepare_layer_inputs_fn=None,
            show_progress_bar=False,
        )
    layer = wrapped.base_model.model.layer
    numbers = lambda parameter: parameter.detach().numpy()
    return {
        "a": flat(numbers(layer.lora_A["default"].weight)),
        "b": flat(numbers(layer.lora_B["default"].weight)),
        "frozen": flat(numbers(layer.base_layer.weight)),
        "trainsB": bool(layer.lora_B["default"].weight.requires_grad),
    }


def formulas(base, gradient):
    """LoRA-One (run_exp.py of its repository, gamma = 128) and LoRA-GA as published (its repository, gamma = 16)."""
    s, r, n = ALPHA / RANK, RANK, base.shape[0]
    u, sigma, vt = np.linalg.svd(-gradient.astype(np.float64), full_matrices=False)
    roots = np.sqrt(sigma[:r] / sigma[0]) / np.sqrt(128)
    stable = n**0.25 / np.sqrt(16)
    a, b = stable * vt[:r], stable * u[:, r : 2 * r]
    return {
        "lora-one": {"a": flat(roots[:, None] * vt[:r]), "b": flat(u[:, :r] * roots), "frozen": flat(base), "trainsB": True},
        "lora-ga-paper": {"a": flat(a), "b": flat(b), "frozen": flat(base - s * b @ a), "trainsB": True},
    }


def case(seed, n, m):
    rng = np.random.default_rng(seed)
    base = spectral(rng, n, m, np.linspace(2.0, 0.4, min(n, m)))
    gradient = spectral(rng, n, m, 1.8 * 0.8 ** np.arange(4 * RANK))
    starts = {name: peft(base, name) for name in ("pissa", "olora", "mica")}
    starts["lora-ga"] = peft(base, "lora_ga", gradient=gradient)
    record = {"n": n, "m": m, "rank": RANK, "scale": ALPHA / RANK, "base": flat(base), "gradient": flat(gradient)}
    if m <= 4 * RANK:
        # As many inputs as PEFT's randomized SVD keeps directions of, and no mean, which PEFT takes off.
        inputs = spectral(rng, 40, m, 3.0 * 0.8 ** np.arange(m))
        inputs -= inputs.mean(axis=0)
        starts["eva"] = peft(base, "eva", inputs=inputs)
        record["covariance"] = flat(inputs.astype(np.float64).T @ inputs / len(inputs))
    return {**record, "starts": {**starts, **formulas(base, gradient)}}


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "peft_starts.json"
    out.write_text(json.dumps([case(1, 12, 8), case(2, 9, 20)]) + "\n")
