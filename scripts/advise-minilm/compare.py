#!/usr/bin/env python3
"""A forecast against the losses of a training, as tables in Markdown.

    python compare.py FORECAST/forecast.json LOSSES.json [STEPS...]

Shares are of the progress of the rank that is ahead. Steps are the nearest that the forecast has (default: six, evenly).
"""

import json
import sys

forecast = json.load(open(sys.argv[1]))
measured = json.load(open(sys.argv[2]))
losses = {int(rank): values for rank, values in measured["losses"].items()}
steps, ranks = forecast["steps"], forecast["ranks"]
asked = [int(step) for step in sys.argv[3:]] or [steps[-1] * (i + 1) // 6 for i in range(6)]
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
    print()


def behind_at(rank):
    """Step at which a rank is behind the one ahead by a share of the first loss, between whole steps."""
    before = 0
    for step in range(len(losses[rank])):
        gap = (losses[rank][step] - min(losses[each["rank"]][step] for each in ranks)) / f0
        if gap >= BEHIND:
            return step - 1 + (BEHIND - before) / (gap - before)
        before = gap
    return None


def number(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


print(f"Shares of the progress: K-FAC, S = c I; measured ({forecast['limit']} after step {steps[-1]}; agreement on {forecast['agreeTo']})\n")
rows = []
for each in ranks:
    cells = []
    for i in chosen:
        told, true = each["shares"][i], share(each["rank"], steps[i])
        holds = told["low"] - 0.005 <= true <= told["high"] + 0.005
        cells.append(f"{told['kfac']:.2f}, {told['identity']:.2f}; {'' if holds else '**'}{true:.2f}{'' if holds else '**'}")
    rows.append([each["rank"], *cells])
table(["rank", *(f"step {steps[i]}" for i in chosen)], rows)

print("Worst over ranks, and losses: (predicted drop) / (measured drop) - 1, of the middle\n")
rows = []
by_loss = [each for each in ranks]
for name, value in [
    ("worst error of a share, K-FAC", lambda i: f"{max(abs(e['shares'][i]['kfac'] - share(e['rank'], steps[i])) for e in ranks):.3f}"),
    ("worst error of a share, S = c I", lambda i: f"{max(abs(e['shares'][i]['identity'] - share(e['rank'], steps[i])) for e in ranks):.3f}"),
    (
        "order of ranks",
        lambda i: "right"
        if sorted(ranks, key=lambda e: e["shares"][i]["middle"]) == sorted(ranks, key=lambda e: drop(e["rank"], steps[i]))
        else "wrong",
    ),
]:
    rows.append([name, *(value(i) for i in chosen)])
for each in ranks:
    cells = []
    for i in chosen:
        told = each["losses"][i]
        true = drop(each["rank"], steps[i])
        cells.append("-" if told is None else f"{100 * ((f0 - told['middle']) / true - 1):+.0f} %")
    rows.append([f"drop of rank {each['rank']}", *cells])
rows.append(["measured loss of the best", *(f"{f0 - max(drop(e['rank'], steps[i]) for e in ranks):.3f}" for i in chosen)])
table(["", *(f"step {steps[i]}" for i in chosen)], rows)

print(f"Step at which a rank is {100 * BEHIND:.0f} % of f(W0) behind\n")
table(
    ["rank", *(each["rank"] for each in ranks)],
    [
        ["told", *(f"{number(e['behindAt']['first'], 1)} to {number(e['behindAt']['last'], 1)}" for e in ranks)],
        ["measured", *(number(behind_at(e["rank"]), 1) for e in ranks)],
    ],
)
