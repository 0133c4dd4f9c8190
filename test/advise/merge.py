#!/usr/bin/env python3
"""Loads an adapter with PEFT on a model whose modules are those of a checkpoint, merges it, and writes the weights.

Usage: python merge.py BASE.safetensors ADAPTER_FOLDER OUT.safetensors [NAME_OF_CONV1D ...]
"""

import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

base, adapter, out, *conv1d = sys.argv[1:]


def module_of(name, weight):
    if name in conv1d:
        return Conv1D(weight.shape[1], weight.shape[0])
    if weight.ndim == 4:
        return torch.nn.Conv2d(weight.shape[1], weight.shape[0], tuple(weight.shape[2:]), bias=False)
    return torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)


class Model(torch.nn.Module):
    def forward(self, x):
        return x


model = Model()
weights = {name: weight.float() for name, weight in load_file(base).items() if weight.ndim in (2, 4)}
for name, weight in weights.items():
    *parents, last, _ = name.split(".")
    parent = model
    for part in parents:
        if not hasattr(parent, part):
            parent.add_module(part, Model())
        parent = getattr(parent, part)
    parent.add_module(last, module_of(name.removesuffix(".weight"), weight))
missing = model.load_state_dict(weights, strict=False)
assert not missing.unexpected_keys, missing
loaded = PeftModel.from_pretrained(model, adapter, autocast_adapter_dtype=False)
absent = [name for name, p in loaded.named_parameters() if "lora_B" in name and not p.abs().sum() > 0]
assert not absent, f"not loaded: {absent}"
merged = loaded.merge_and_unload()
save_file({name: merged.state_dict()[name].contiguous() for name in weights}, out)
