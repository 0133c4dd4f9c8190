#!/usr/bin/env python3
"""A pair of checkpoints, all-MiniLM-L6-v2 before and after fine-tuning to sentiment, and what adapters of it are worth.

    python pair.py FOLDER train SEED       FOLDER/SEED/base, FOLDER/SEED/tuned, and both heads
    npx rankflow advise FOLDER/SEED/base FOLDER/SEED/tuned --budget 41472,82944,165888 --write FOLDER/SEED/adapters
    python pair.py FOLDER evaluate SEED    FOLDER/SEED/evaluation.json: the losses of every sentence
    python pair.py FOLDER show SEED...     them in a table

The budgets are the parameters of uniform rank 1, 2 and 4 over the encoder's 36 matrices. Sentences, cut to 32 tokens, with a
mean rating of at least 1 in size are of two classes, parted by the seed into 3,200 for training, 500 that choose the decay of
the probe, and 500 for the test. The head is a logistic probe of the base's embeddings, means of token vectors, of 1,600 of
those for training. Tuned: the 36 matrices, their biases, LayerNorms and the head, AdamW, 100 steps of 32, dropout on, every
sentence once. Adapters take the place of the change of the matrices alone: every row of the table but the base has biases,
LayerNorms and head of the tuned model. Needs torch, transformers, peft and safetensors.
"""

import argparse
import copy
import json
from pathlib import Path

import torch
from minilm import load
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModel

CLEAR = 1
BATCH, STEPS, LR = 32, 100, 1e-4
PROBED = 1600
PARTS = {"train": STEPS * BATCH, "choice": 500, "test": 500}
MOST_TOKENS = 32
UNIFORM = [1, 2, 4]
DECAYS = [3e-4, 1e-3, 3e-3, 1e-2]


def parts(rated, seed):
    """Texts and labels of each part."""
    clear = [(text, int(rating > 0)) for text, rating in rated if abs(rating) >= CLEAR]
    order = iter(torch.randperm(len(clear), generator=torch.Generator().manual_seed(seed)).tolist())
    return {part: [clear[next(order)] for _ in range(size)] for part, size in PARTS.items()}


def embeddings(model, tokenizer, texts):
    """The means of the token vectors of sentences [N, m]."""
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt")
    mask = tokens["attention_mask"][:, :, None]
    return (model(**tokens).last_hidden_state * mask).sum(1) / mask.sum(1)


@torch.no_grad()
def features(model, tokenizer, texts):
    """Embeddings [N, m] in eval mode, computed by sentences of like length."""
    model.eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = [embeddings(model, tokenizer, [texts[i] for i in order[at : at + 50]]) for at in range(0, len(order), 50)]
    return torch.cat(found)[torch.tensor(order).argsort()]


def labels_of(part):
    return torch.tensor([label for _, label in part])


def texts_of(part):
    return [text for text, _ in part]


def each_loss(vectors, head, labels):
    """Cross-entropy of each sentence, and whether the class is right."""
    logits = vectors @ head["weight"].T + head["bias"]
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    return losses, logits.argmax(1) == labels


def probe(vectors, labels, decay):
    """Logistic regression with a penalty decay/2 |w|^2, as a head of two outputs."""
    mean = vectors.double().mean(0)
    inputs = vectors.double() - mean
    w = torch.zeros(vectors.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=500, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(inputs @ w[:-1] + w[-1], labels.double())
        loss = loss + decay / 2 * w[:-1].square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    weight, bias = w[:-1].detach(), w[-1].detach() - w[:-1].detach() @ mean
    return {"weight": torch.stack([-weight / 2, weight / 2]).float(), "bias": torch.stack([-bias / 2, bias / 2]).float()}


def train(folder, seed, model, tokenizer, rated):
    of = parts(rated, seed)
    probed, choice = of["train"][:PROBED], of["choice"]
    inputs, others = (features(model, tokenizer, texts_of(part)) for part in (probed, choice))
    heads = [probe(inputs, labels_of(probed), decay) for decay in DECAYS]
    scores = [each_loss(others, head, labels_of(choice))[0].mean().item() for head in heads]
    head = heads[scores.index(min(scores))]
    print(f"probe: loss {min(scores):.4f} by decay {DECAYS[scores.index(min(scores))]} of the sentences that choose it")
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")

    model.requires_grad_(False).train()
    trained_head = {name: torch.nn.Parameter(value.clone()) for name, value in head.items()}
    encoder = model.encoder.requires_grad_(True)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *trained_head.values()], lr=LR)
    torch.manual_seed(seed)
    for step, batch in enumerate(torch.randperm(STEPS * BATCH).split(BATCH)):
        chosen = [of["train"][i] for i in batch]
        losses, _ = each_loss(embeddings(model, tokenizer, texts_of(chosen)), trained_head, labels_of(chosen))
        optimizer.zero_grad()
        losses.mean().backward()
        optimizer.step()
        if step % 10 == 9:
            print(f"step {step + 1}: loss {losses.mean().item():.3f}", flush=True)
    model.eval().save_pretrained(folder / "tuned")
    tuned = {name: value.detach() for name, value in trained_head.items()}
    save_file({f"{name}.{which}": t for which, h in (("base", head), ("tuned", tuned)) for name, t in h.items()}, folder / "heads.safetensors")
    for name, m, h in (("base", AutoModel.from_pretrained(folder / "base"), head), ("tuned", model, tuned)):
        losses, right = each_loss(features(m, tokenizer, texts_of(of["test"])), h, labels_of(of["test"]))
        print(f"{name}: test loss {losses.mean():.4f}, {100 * right.float().mean():.1f} % right", flush=True)


def truncated(change, rank):
    """The best approximation of a rank."""
    u, sigma, vt = torch.linalg.svd(change, full_matrices=False)
    return (u[:, :rank] * sigma[:rank]) @ vt[:rank]


def evaluate(folder, seed, tokenizer, rated):
    test = parts(rated, seed)["test"]
    base, tuned = (AutoModel.from_pretrained(folder / name) for name in ("base", "tuned"))
    heads = load_file(folder / "heads.safetensors")
    head_of = lambda which: {name: heads[f"{name}.{which}"] for name in ("weight", "bias")}
    matrices = [name for name, w in base.encoder.named_parameters() if w.ndim == 2]
    assert len(matrices) == 36
    weights = lambda model: {name: model.encoder.get_parameter(name).detach() for name in matrices}
    before, after = weights(base), weights(tuned)
    changes = {name: after[name] - before[name] for name in matrices}
    norm = sum(change.double().square().sum() for change in changes.values()).sqrt()

    def merged(adapter):
        loaded = PeftModel.from_pretrained(copy.deepcopy(base), adapter).merge_and_unload()
        return {name: w - before[name] for name, w in weights(loaded).items()}

    def measure(change):
        """Losses of the tuned model with another change of its matrices, and the relative error of that change."""
        model = copy.deepcopy(tuned)
        with torch.no_grad():
            for name in matrices:
                model.encoder.get_parameter(name).copy_(before[name] + change[name])
        error = sum((changes[name] - change[name]).double().square().sum() for name in matrices).sqrt() / norm
        losses, right = each_loss(features(model, tokenizer, texts_of(test)), head_of("tuned"), labels_of(test))
        return {"error": error.item(), "losses": losses.tolist(), "right": right.tolist()}

    base_losses, base_right = each_loss(features(base, tokenizer, texts_of(test)), head_of("base"), labels_of(test))
    found = {
        "base": {"error": None, "losses": base_losses.tolist(), "right": base_right.tolist()},
        "tuned": measure(changes),
        "no change of matrices": measure({name: torch.zeros_like(w) for name, w in before.items()}),
    }
    for rank in UNIFORM:
        budget = rank * sum(sum(w.shape) for w in before.values())
        found[f"uniform {rank}"] = measure({name: truncated(changes[name], rank) for name in matrices})
        found[f"advised {budget}"] = measure(merged(folder / "adapters" / str(budget)))
    (folder / "evaluation.json").write_text(json.dumps(found))


def show(folder, seeds):
    """A table in Markdown; gains over uniform ranks with the standard error of the paired difference over sentences."""
    print("|  |" + "".join(f" error | loss, seed {seed} | less than uniform |" for seed in seeds))
    print("| --- |" + " ---: | ---: | ---: |" * len(seeds))
    found = [json.loads((folder / str(seed) / "evaluation.json").read_text()) for seed in seeds]
    uniform = [None] * len(seeds)
    for name in found[0]:
        cells = []
        for i, of_seed in enumerate(found):
            error, losses = of_seed[name]["error"], torch.tensor(of_seed[name]["losses"])
            gain = "-"
            if name.startswith("uniform"):
                uniform[i] = losses
            elif name.startswith("advised"):
                gap = uniform[i] - losses
                gain = f"{gap.mean():.4f} ± {gap.std() / len(gap) ** 0.5:.4f}"
            cells += ["-" if error is None else f"{error:.3f}", f"{losses.mean():.4f}", gain]
        print(f"| {name} |" + "".join(f" {cell} |" for cell in cells))
    share = lambda of_seed, name: 1 - mean_gap(of_seed, name, "tuned") / mean_gap(of_seed, "no change of matrices", "tuned")
    print("\nOf what the matrices take off the loss is kept:", end="")
    for name in (name for name in found[0] if name.startswith(("uniform", "advised"))):
        print(f" {name}: {', '.join(f'{100 * share(of_seed, name):.0f} %' for of_seed in found)};", end="")
    print()


def mean_gap(of_seed, name, other):
    return (torch.tensor(of_seed[name]["losses"]) - torch.tensor(of_seed[other]["losses"])).mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("part", choices=["train", "evaluate", "show"])
    parser.add_argument("seeds", type=int, nargs="+", metavar="SEED")
    arguments = parser.parse_args()
    if arguments.part == "show":
        return show(arguments.folder, arguments.seeds)
    model, tokenizer, rated = load(arguments.folder)
    for seed in arguments.seeds:
        folder = arguments.folder / str(seed)
        if arguments.part == "train":
            train(folder, seed, copy.deepcopy(model), tokenizer, rated)
        else:
            evaluate(folder, seed, tokenizer, rated)


if __name__ == "__main__":
    main()
