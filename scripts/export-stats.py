#!/usr/bin/env python3
"""Writes the statistics of named linear layers at the weights that a model has: what `rankflow advise --stats` reads.

    python scripts/export-stats.py SETUP.py stats.safetensors [--draws N] [--rank K]

Needs torch and safetensors. SETUP.py is yours, a module with

    model       torch.nn.Module, in eval mode: dropout would make every pass another one
    weights     names of its linear layers (torch.nn.Linear, or transformers' Conv1D), as model.named_modules() has them
    batches     a list of batches
    losses      losses(model, batch) -> [N], the loss of each sample of a batch
    sampled     sampled(model, batch) -> [N], the same against labels drawn from the model, anew at each call: classes
                from its softmax; for a squared error 1/2 |y - f(x)|^2 the output plus standard normal numbers
    mask        optional: mask(batch) -> [N, T], True for tokens that are not padding
    loss_floor  optional: the least value that the mean loss can have (default: 0)

The file (format rankflow-stats/1, float32) has of each weight NAME, [n, m] as torch.nn.Linear has it:

    NAME.G                      [n, m]  gradient of the mean loss over samples
    NAME.G.half0, NAME.G.half1  [n, m]  the same over every other sample: their cosine tells how far G can be trusted
    NAME.H                      [m, m]  mean over tokens of x x^T, x the layer's input
    NAME.S                      [n, n]  mean over samples of the sum over tokens of g g^T, g the gradient of a sample's
                                        loss by the layer's output, with labels drawn from the model (Fisher)

and in the metadata, as text: samples, tokens (of H), draws (times that labels were drawn for each sample; or `exact`),
loss (the mean), loss_floor, hvp, <G, Hess G> with the Hessian of the mean loss in all of these weights together, and along,
how far a quadratic holds: pairs P:Q for W0 - t G at six t, to the least value of the quadratic, P the fall of the loss by the
quadratic, t |G|^2 - t^2 hvp / 2, and Q the real one.
S needs 10 vectors and more for each of its dimensions: without --draws, labels are drawn as often as that takes. In the
place of halves a file may give their cosine in the metadata.

For large weights, --rank K writes the leading K directions of what has more of them:

    NAME.G.U [n, K], NAME.G.sigma [K], NAME.G.V [m, K]                   for G, U diag(sigma) V^T
    NAME.H.vectors [m, K], NAME.H.values [K], NAME.H.rest, a number      for H, and so for S: the leading eigenvectors and
        eigenvalues, and what is left of the trace, which is taken to be spread evenly over the other directions

and the cosine of the halves in their place; hvp and along are then along G as it is written. G, H and S are gathered whole and then
cut, by subspace iteration: beside the model there are at the most 2 n m + m^2 numbers of 8 bytes of each weight, then n^2.
"""

import argparse
import importlib.util
import itertools
import math

import torch
from safetensors.torch import save_file

FORMAT = "rankflow-stats/1"
VECTORS = 10
# Of subspace iteration: directions beside those that are kept (of moments twice as many), and products with the matrix and
# its transpose each.
BESIDE = 32
ITERATIONS = 4


class Calls:
    """Inputs and outputs of layers, kept while in use."""

    def __init__(self, layers):
        self.kept = {name: [] for name in layers}
        self.handles = [
            layer.register_forward_hook(self._keep(name)) for name, layer in layers.items()
        ]

    def _keep(self, name):
        def hook(_, inputs, output):
            self.kept[name].append((inputs[0], output))

        return hook

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for handle in self.handles:
            handle.remove()

    def take(self, name):
        calls, self.kept[name] = self.kept[name], []
        return calls


def rows(z, mask):
    """Vectors of real tokens [tokens, size], in float64."""
    z = z.detach()
    if mask is not None and z.dim() == 3:
        z = z[mask]
    return z.reshape(-1, z.shape[-1]).double()


def leading(a, rank):
    """U [n, rank], sigma [rank] and V [m, rank], the leading singular triples of A [n, m], or near them."""
    size = min(rank + BESIDE, *a.shape)
    return [part[..., :rank] for part in torch.svd_lowrank(a, q=size, niter=ITERATIONS)]


def leading_moment(a, rank):
    """The leading eigenvectors [m, rank] and eigenvalues [rank] of a second moment A, or near them, and the rest of its trace."""
    basis = leading(a, min(rank + BESIDE, len(a)))[0]
    values, vectors = torch.linalg.eigh(basis.T @ a @ basis)
    values, vectors = values[-rank:].flip(0).clamp(min=0), (basis @ vectors)[:, -rank:].flip(1)
    return vectors, values, (a.trace() - values.sum()).clamp(min=0)


def gradient_tensors(name, a, rank):
    """Tensors of G [n, m], by its leading directions where it has more than rank, and G as it is written."""
    if rank is None or rank >= min(a.shape):
        return {name: a}, a
    u, sigma, v = leading(a, rank)
    return {f"{name}.U": u, f"{name}.sigma": sigma, f"{name}.V": v}, u * sigma @ v.T


def moment_tensors(name, a, rank):
    """Tensors of a second moment, by its leading directions where it has more than rank."""
    if rank is None or rank >= len(a):
        return {name: a}
    vectors, values, rest = leading_moment(a, rank)
    return {f"{name}.vectors": vectors, f"{name}.values": values, f"{name}.rest": rest}


def statistics(model, weights, batches, losses, sampled, mask=None, loss_floor=0.0, draws=None, rank=None):
    """Tensors and metadata of the file, by name."""
    layers = {name: model.get_submodule(name) for name in weights}
    parameters = [layer.weight for layer in layers.values()]
    is_transposed = [type(layer).__name__ == "Conv1D" for layer in layers.values()]
    mask = mask or (lambda _: None)
    zeros = lambda: [torch.zeros_like(w, dtype=torch.float64) for w in parameters]
    halves, total, samples = [zeros(), zeros()], 0.0, 0
    sides = [tuple(reversed(w.shape)) if t else tuple(w.shape) for w, t in zip(parameters, is_transposed)]
    square = lambda size, w: torch.zeros(size, size, dtype=torch.float64, device=w.device)
    inputs = [square(m, w) for (_, m), w in zip(sides, parameters)]
    tokens = [0] * len(parameters)

    with Calls(layers) as calls:
        for batch in batches:
            each = losses(model, batch)
            if each.dim() != 1:
                raise ValueError(f"losses(model, batch) has shape {list(each.shape)}: one number for each sample, [N]")
            parity = (torch.arange(len(each), device=each.device) + samples) % 2
            for half in (0, 1):
                chosen = each[parity == half]
                if len(chosen) > 0:
                    gradients = torch.autograd.grad(chosen.sum(), parameters, retain_graph=True)
                    for own, gradient in zip(halves[half], gradients):
                        own += gradient
            for i, name in enumerate(layers):
                for x, _ in calls.take(name):
                    x = rows(x, mask(batch))
                    inputs[i] += x.T @ x
                    tokens[i] += len(x)
            total += each.detach().double().sum().item()
            samples += len(each)
        if samples < 2:
            raise ValueError(f"{samples} samples: at least 2")

        upright = lambda i, z: z.T if is_transposed[i] else z
        counts = [(samples + 1) // 2, samples // 2]
        tensors, written, products = {}, [], torch.zeros(3, dtype=torch.float64)
        for i, name in enumerate(layers):
            a, b = (halves[half][i] / counts[half] for half in (0, 1))
            products += torch.stack([(a * b).sum(), (a * a).sum(), (b * b).sum()]).cpu()
            whole = upright(i, (halves[0][i] + halves[1][i]) / samples)
            of_gradient, direction = gradient_tensors(f"{name}.G", whole, rank)
            tensors |= of_gradient
            written.append(upright(i, direction))
            if rank is None:
                tensors |= {f"{name}.G.half0": upright(i, a), f"{name}.G.half1": upright(i, b)}
            halves[0][i] = halves[1][i] = None
            tensors |= moment_tensors(f"{name}.H", inputs[i] / tokens[i], rank)
            inputs[i] = None
        both, first, second = products.tolist()

        outputs = [square(n, w) for (n, _), w in zip(sides, parameters)]
        draws = draws or math.ceil(VECTORS * max(n for n, _ in sides) / samples)
        for _ in range(draws):
            for batch in batches:
                each = sampled(model, batch)
                taken = [calls.take(name) for name in layers]
                flat = [y for of_layer in taken for _, y in of_layer]
                # Passes that labels alone were drawn from have no part in the loss.
                gradients = iter(torch.autograd.grad(each.sum(), flat, allow_unused=True))
                for i, of_layer in enumerate(taken):
                    for gradient in itertools.islice(gradients, len(of_layer)):
                        if gradient is not None:
                            g = rows(gradient, mask(batch))
                            outputs[i] += g.T @ g

    curvature = along(written, parameters, model, batches, losses) / samples
    falls = falls_along(written, curvature, parameters, model, batches, losses, total / samples)
    for i, name in enumerate(layers):
        tensors |= moment_tensors(f"{name}.S", outputs[i] / (samples * draws), rank)
        outputs[i] = None
    metadata = {
        "format": FORMAT,
        "samples": samples,
        "tokens": max(tokens),
        "draws": draws,
        "loss": total / samples,
        "loss_floor": float(loss_floor),
        "hvp": curvature,
        "along": ", ".join(f"{predicted}:{real}" for predicted, real in falls),
    }
    if rank is not None:
        metadata["cosine"] = both / math.sqrt(first * second)
    tensors = {name: tensor.float().contiguous().cpu() for name, tensor in tensors.items()}
    return tensors, {key: str(value) for key, value in metadata.items()}


def along(gradient, parameters, model, batches, losses):
    """<G, Hess G> of the sum of the losses. Attention is computed plainly: its fast kernels have no second derivative."""
    directions = [g.to(w.dtype) for g, w in zip(gradient, parameters)]
    result = 0.0
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for batch in batches:
            slopes = torch.autograd.grad(losses(model, batch).sum(), parameters, create_graph=True)
            slope = sum((s * d).sum() for s, d in zip(slopes, directions))
            products = torch.autograd.grad(slope, parameters)
            result += sum((p.double() * g).sum().item() for p, g in zip(products, gradient))
    return result


@torch.no_grad()
def falls_along(gradient, curvature, parameters, model, batches, losses, loss):
    """Falls of the mean loss along minus the gradient, by the quadratic and in truth: doubling steps to its least value."""
    slope = sum(g.square().sum().item() for g in gradient)
    if curvature <= 0 or slope == 0:
        return []
    before, falls = [w.clone() for w in parameters], []
    for share in (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1):
        t, samples, total = share * slope / curvature, 0, 0.0
        for w, w0, g in zip(parameters, before, gradient):
            w.copy_(w0 - t * g)
        for batch in batches:
            each = losses(model, batch)
            samples, total = samples + len(each), total + each.double().sum().item()
        falls.append((t * slope - t**2 * curvature / 2, loss - total / samples))
    for w, w0 in zip(parameters, before):
        w.copy_(w0)
    return falls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setup")
    parser.add_argument("output")
    parser.add_argument("--draws", type=int)
    parser.add_argument("--rank", type=int)
    arguments = parser.parse_args()
    if arguments.draws is not None and arguments.draws < 1:
        parser.error("--draws: at least 1")
    if arguments.rank is not None and arguments.rank < 1:
        parser.error("--rank: at least 1")
    spec = importlib.util.spec_from_file_location("setup", arguments.setup)
    setup = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(setup)
    if setup.model.training:
        parser.error(f"{arguments.setup}: the model is in training mode: call model.eval()")
    tensors, metadata = statistics(
        setup.model,
        setup.weights,
        setup.batches,
        setup.losses,
        setup.sampled,
        getattr(setup, "mask", None),
        getattr(setup, "loss_floor", 0.0),
        arguments.draws,
        arguments.rank,
    )
    save_file(tensors, arguments.output, metadata)
    print(f"{arguments.output}: {len(setup.weights)} weights, {metadata['samples']} samples, {metadata['draws']} draws")


if __name__ == "__main__":
    main()
