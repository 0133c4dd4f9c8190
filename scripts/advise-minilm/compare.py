#!/usr/bin/env python3
"""A forecast against the losses of a training, as tables in Markdown.

    python compare.py FORECAST/forecast.json LOSSES.json [STEPS...]

Shares of the progress of the rank that is ahead: by K-FAC, by S = c I; measured, with "out" where the band does not hold it
to rounding. Below: the largest errors over ranks, of a share and relative of the fall of the loss. Steps are the nearest that the
forecast has (default: four, evenly).
"""

import json
import sys

forecast = json.load(open(sys.argv[1]))
measured = json.load(open(sys.argv[2]))
losses = {int(rank): values for rank, values in measured["losses"].items()}
steps, ranks = forecast["steps"], forecast["ranks"]
asked = [int(step) for step in sys.argv[3:]] or [steps[-1] * (i + 1) // 4 for i in range(4)]
chosen = sorted({min(range(len(steps)), key=lambda i: abs(steps[i] - step)) for step in asked})
BEHIND = 0.05

f0 = next(iter(losses.values()))[0]
assert abs(f0 / forecast["statistics"]["loss"] - 1) < 1e-4, "of another model"


def drop(rank, step):
    return f0 - losses[rank][step]


def share(rank, step):
    return drop(rank, step) / max(drop(each["rank"], step) for each in ranks)


def table(head, rows):
    print("|" + "|".join(f" {cell} " for cell in head) + "|")
    print("|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|")
    for row in rows:
        print("|" + "|".join(f" {cell} " for cell in row) + "|")


def behind_at(rank):
    """Step at which a rank is behind the one ahead by a share of the first loss, between whole steps."""
    before = 0
    for step in range(len(losses[rank])):
        gap = (losses[rank][step] - min(losses[each["rank"]][step] for each in ranks)) / f0
        if gap >= BEHIND:
            return step - 1 + (BEHIND - before) / (gap - before)
        before = gap
    return None


def worst(value, i):
    return max(abs(value(each, i)) for each in ranks)


def error_of_drop(each, i):
    return (f0 - each["losses"][i]["middle"]) / drop(each["rank"], steps[i]) - 1


rows = []
for each in ranks:
    cells = []
    for i in chosen:
        told, true = each["shares"][i], share(each["rank"], steps[i])
        holds = told["low"] - 0.005 <= true <= told["high"] + 0.005
        cells.append(f"{told['kfac']:.2f}, {told['identity']:.2f}; {true:.2f}" + ("" if holds else " (out)"))
    first, last = each["behindAt"]["first"], each["behindAt"]["last"]
    told = "-" if first is None else f"{first:.1f} to {'later' if last is None else f'{last:.1f}'}"
    true = behind_at(each["rank"])
    rows.append([each["rank"], *cells, f"{told}; {'-' if true is None else f'{true:.1f}'}"])
error_of_share = lambda name: lambda each, i: each["shares"][i][name] - share(each["rank"], steps[i])
by_both = lambda i: ", ".join(f"{worst(error_of_share(name), i):.3f}" for name in ("kfac", "identity"))
is_right = lambda i: sorted(ranks, key=lambda e: e["shares"][i]["middle"]) == sorted(ranks, key=lambda e: drop(e["rank"], steps[i]))
order = "right" if all(is_right(i) for i in chosen) else "wrong"
rows.append([f"worst share (order {order})", *(by_both(i) for i in chosen), ""])
tells_losses = lambda i: all(each["losses"][i] for each in ranks)
rows.append(["worst fall, middle", *(f"{100 * worst(error_of_drop, i):.0f} %" if tells_losses(i) else "not told" for i in chosen), ""])
table(["rank", *(f"step {steps[i]}" for i in chosen), f"{100 * BEHIND:.0f} % behind at step"], rows)
