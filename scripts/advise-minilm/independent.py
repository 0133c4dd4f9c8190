#!/usr/bin/env python3
"""A training that a forecast has not seen: adapters of one weight of all-MiniLM-L6-v2, trained with PEFT.

    python independent.py FOLDER statistics     stats.safetensors and starts.safetensors (A0 of each rank; B0 = 0)
    python independent.py FOLDER sgd|adamw      sgd.json or adamw.json: the losses of each rank after every step

The task: the mean of the token vectors of a sentence cut to 8 tokens should be that of the whole sentence; f is the mean
over 96 sentences of half the squared distance. Every step is of all of them. Needs torch, transformers, peft and safetensors.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import torch
from minilm import export_statistics, load
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

LAYER = 4
WEIGHT = f"encoder.layer.{LAYER}.attention.self.value"
SEED = 2611
SENTENCES, TOKENS, AT_LEAST = 96, 8, 14
RANKS = [1, 2, 4, 8, 16, 32]
SCALE = 2
# Learning rate and steps, fixed before any was run, by forecasts from the statistics alone: of sgd a thirtieth of the largest
# stable rate of rank 32, 3.1e-3; of adamw one at which the forecast is told for tens of steps. In both ranks part early.
TRAININGS = {"sgd": (1e-4, 600), "adamw": (2e-4, 150)}


def outputs(model, hidden):
    """The mean of the token vectors, from those before the layer of the weight: those before are frozen."""
    for layer in model.encoder.layer[LAYER:]:
        hidden = layer(hidden)
    return hidden.mean(1)


def task(folder):
    """Model, the vectors of the cut sentences before the layer [96, 8, 384], and the means to be met [96, 384]."""
    model, tokenizer, rated = load(folder)
    model.requires_grad_(False)
    order = torch.randperm(len(rated), generator=torch.Generator().manual_seed(SEED))
    whole = (tokenizer(rated[i][0], return_tensors="pt") for i in order.tolist())
    chosen = [one for one, _ in zip((one for one in whole if one["input_ids"].shape[1] >= AT_LEAST), range(SENTENCES))]
    cut = torch.cat([torch.cat([ids[:, : TOKENS - 1], ids[:, -1:]], 1) for ids in (one["input_ids"] for one in chosen)])
    with torch.no_grad():
        targets = torch.cat([model(**one).last_hidden_state.mean(1) for one in chosen])
        hidden = model(input_ids=cut, output_hidden_states=True).hidden_states[LAYER]
        whole_model = model(input_ids=cut).last_hidden_state.mean(1)
        assert torch.allclose(outputs(model, hidden), whole_model, atol=1e-5)
    return model, hidden, targets


def half_squared(outputs, targets):
    return 0.5 * (outputs - targets).square().sum(1)


def adapted(model, rank):
    """PEFT's model with an adapter of a rank, at its default start."""
    torch.manual_seed(SEED + rank)
    config = LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=[WEIGHT], lora_dropout=0.0)
    return get_peft_model(copy.deepcopy(model), config)


def factor(peft, which):
    (found,) = [p for name, p in peft.named_parameters() if f"lora_{which}." in name]
    return found


def write_statistics(folder, model, hidden, targets):
    model.get_submodule(WEIGHT).weight.requires_grad_(True)

    def losses(model, batch):
        return half_squared(outputs(model, batch[0]), batch[1])

    def sampled(model, batch):
        found = outputs(model, batch[0])
        return half_squared(found, found.detach() + torch.randn_like(found))

    torch.manual_seed(SEED)
    tensors, metadata = export_statistics().statistics(model, [WEIGHT], [(hidden, targets)], losses, sampled)
    save_file(tensors, folder / "stats.safetensors", metadata)
    starts = {}
    for rank in RANKS:
        peft = adapted(model, rank)
        assert not factor(peft, "B").any()
        starts[f"A0.r{rank}"] = factor(peft, "A").detach().clone()
    save_file(starts, folder / "starts.safetensors")
    print(metadata)


def train(folder, name, model, hidden, targets):
    lr, steps = TRAININGS[name]
    record = {"optimizer": name, "lr": lr, "steps": steps, "scale": SCALE, "weight": WEIGHT, "losses": {}}
    for rank in RANKS:
        began, peft = time.process_time(), adapted(model, rank)
        trained = [factor(peft, "A"), factor(peft, "B")]
        optimizer = (
            torch.optim.SGD(trained, lr) if name == "sgd" else torch.optim.AdamW(trained, lr, weight_decay=0)
        )
        taken = []
        for step in range(steps + 1):
            loss = half_squared(outputs(peft.base_model.model, hidden), targets).mean()
            taken.append(loss.item())
            if step < steps:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        record["losses"][rank] = taken
        (folder / f"{name}.json").write_text(json.dumps(record))
        print(f"{name} rank {rank}: {taken[0]:.4f} to {taken[-1]:.4f}, {time.process_time() - began:.0f} s of CPU", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("part", choices=["statistics", *TRAININGS])
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    found = task(arguments.folder)
    if arguments.part == "statistics":
        write_statistics(arguments.folder, *found)
    else:
        train(arguments.folder, arguments.part, *found)


if __name__ == "__main__":
    main()
