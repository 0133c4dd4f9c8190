"""Reference solutions of the LoRA gradient flow in float64: the plain equations with a dense gradient, nothing shared
with rankflow. Needs NumPy and SciPy. Imported by make_theory.py and make_dop853.py."""

import json
import pathlib

import numpy as np
from scipy.integrate import solve_ivp

HERE = pathlib.Path(__file__).parent


def solve(field, start, times, rtol=1e-13, atol=1e-14):
    """States at the (increasing) times, by DOP853 ending a step at each: no interpolation."""
    states, now, y = [], 0.0, start
    for t in times:
        y = solve_ivp(field, (now, t), y, method="DOP853", rtol=rtol, atol=atol).y[:, -1] if t > now else y
        now = t
        states.append(y)
    return states


def first_time(field, start, size, level, horizon):
    """First time at which size(state) falls to level."""

    def crossing(_, y):
        return np.log(size(y)) - np.log(level)

    crossing.terminal = True
    return float(solve_ivp(field, (0, horizon), start, method="DOP853", rtol=1e-10, atol=1e-13, events=crossing).t[-1])


class Lora:
    """dB/dt = -kB s G A^T, dA/dt = -kA s B^T G, with G = gradient(s B A) as a function of the update."""

    def __init__(self, gradient, b0, a0, s, ka, kb):
        self.gradient, self.b0, self.a0, self.s, self.ka, self.kb = gradient, b0, a0, s, ka, kb
        self.start = np.concatenate([b0.ravel(), a0.ravel()])

    def split(self, state):
        cut = self.b0.size
        return state[:cut].reshape(self.b0.shape), state[cut:].reshape(self.a0.shape)

    def update(self, state):
        b, a = self.split(state)
        return self.s * b @ a

    def field(self, _, state):
        b, a = self.split(state)
        g = self.gradient(self.s * b @ a)
        return np.concatenate([(-self.kb * self.s * g @ a.T).ravel(), (-self.ka * self.s * b.T @ g).ravel()])


def flat(a):
    """A matrix as it is read by the tests: rows, cols and row-major data."""
    a = np.asarray(a, dtype=np.float64)
    return {"rows": a.shape[0], "cols": a.shape[1], "data": a.ravel().tolist()}


def write(name, content):
    """JSON of floats that read back to the same bits. Format it with prettier afterwards."""
    path = HERE / name
    path.write_text(json.dumps(content) + "\n")
    print(path.name, path.stat().st_size, "bytes")
