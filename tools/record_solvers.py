"""Prints sdk/conform/solvers.yaml: each rule by its formula, in float64, one weight at a time, without dlrun.

    python3 tools/record_solvers.py > sdk/conform/solvers.yaml

Every parameter is a sum of few powers of two, so that float32 holds it exactly.
"""

from math import sqrt

START = [0.5, -0.25, 0.75, 0.0, -1.0]
RATES = [0.125, 0.0625, 0.0625, 0.03125]
GRADIENTS = [[0.5, -0.25, 1.0, 0.0, -2.0], [-0.125, 0.5, 0.75, 0.0, 1.5], [0.25, 0.25, -1.0, 0.0625, 0.5], [1.0, -0.75, 0.0, -0.5, -0.25]]

HEAD = """\
# Cases of solvers, with updates as they were recorded. Made by tools/record_solvers.py; change that.
#
# By type: `case` names it; `fields` is the SolverParameter in prototxt, but for its type; `start` is a parameter, whose history
# is zeros; `updates` are its iterations from 0: `rate` and `gradient` go in, `param` and each tensor of `history` come out. A case
# without them gets every check that needs no numbers, as does a solver that has no case.
"""


def sgd(w, h, g, rate, t, momentum):
    h[0] = momentum * h[0] + rate * g
    return w - h[0]


def nesterov(w, h, g, rate, t, momentum):
    before = h[0]
    h[0] = momentum * before + rate * g
    return w - ((1 + momentum) * h[0] - momentum * before)


def adagrad(w, h, g, rate, t, delta):
    h[0] += g * g
    return w - rate * g / (sqrt(h[0]) + delta)


def rmsprop(w, h, g, rate, t, rms_decay, delta):
    h[0] = rms_decay * h[0] + (1 - rms_decay) * g * g
    return w - rate * g / (sqrt(h[0]) + delta)


def adadelta(w, h, g, rate, t, momentum, delta):
    h[0] = momentum * h[0] + (1 - momentum) * g * g
    step = g * sqrt((h[1] + delta) / (h[0] + delta))
    h[1] = momentum * h[1] + (1 - momentum) * step * step
    return w - rate * step


def adam(w, h, g, rate, t, momentum, momentum2, delta):
    h[0] = momentum * h[0] + (1 - momentum) * g
    h[1] = momentum2 * h[1] + (1 - momentum2) * g * g
    correction = sqrt(1 - momentum2 ** (t + 1)) / (1 - momentum ** (t + 1))
    return w - rate * correction * h[0] / (sqrt(h[1]) + delta)


CASES = [
    ("SGD", sgd, 1, {"momentum": 0.875}),
    ("SGD", sgd, 1, {"momentum": 0}),
    ("Nesterov", nesterov, 1, {"momentum": 0.875}),
    ("AdaGrad", adagrad, 1, {"delta": 2**-10}),
    ("RMSProp", rmsprop, 1, {"rms_decay": 0.75, "delta": 2**-10}),
    ("AdaDelta", adadelta, 2, {"momentum": 0.9375, "delta": 2**-10}),
    ("Adam", adam, 2, {"momentum": 0.875, "momentum2": 0.96875, "delta": 2**-10}),
]


def numbers(values):
    return "[" + ", ".join(repr(value) for value in values) + "]"


def main():
    print(HEAD, end="")
    last = None
    for name, rule, n_history, parameters in CASES:
        if name != last:
            print(f"\n{name}:")
        last = name
        fields = " ".join(f"{field}: {value}" for field, value in parameters.items())
        print(f"  - case: '{fields}'\n    fields: \"{fields}\"\n    start: {numbers(START)}\n    updates:")
        weights = list(START)
        history = [[0.0] * n_history for _ in START]
        for t, (rate, gradient) in enumerate(zip(RATES, GRADIENTS)):
            weights = [rule(w, h, g, rate, t, **parameters) for w, h, g in zip(weights, history, gradient)]
            tensors = ", ".join(numbers(h[i] for h in history) for i in range(n_history))
            print(f"      - rate: {rate}\n        gradient: {numbers(gradient)}\n        param: {numbers(weights)}\n        history: [{tensors}]")


main()
