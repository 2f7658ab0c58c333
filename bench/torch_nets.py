"""The PyTorch side of compare.py, memory.py and curves.py: the nets of nets.cpp, as users of PyTorch write them.

It reads commands from its standard input, a line each, and answers each with a line:
  about                 version
  list                  the names of the rows, in JSON
  choices ROW           options that may make the row faster, out of
                          fused          the optimizer's fused implementation
                          channels_last  images have their channels in the last dimension
                        and, never among the choices, compile for torch.compile
  options NAME...       "ok"; from now on nets are built with these options
  measure ROW STEPS     milliseconds per step, over STEPS steps that follow some to warm up
  vary ROW STEPS        "ok" after so many steps with batches of changing size
  check ROW FILE        writes input, target and parameters of a net without dropout to FILE, trains it for three steps
                        and answers with the number of its parameters, the loss before, between and after the steps,
                        and the 2-norm of the last gradients
"""

import math
import sys
import time
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as F
from torch import nn

from torch_side import Server, write_tensors

WARM_UP_STEPS = 3
CHECKED_STEPS = 3
MOMENTUM = 0.9


class Chain(nn.Module):
    """Operations, tanh and + in turn, on tensors of so many rows and columns: what one costs beside its arithmetic."""

    def __init__(self, size, operations):
        super().__init__()
        # So small that no gradient vanishes on its way through all the tanh.
        self.x = nn.Parameter(0.2 / operations * torch.rand(size, size))
        self.operations = operations

    def forward(self, start):
        y = start
        for _ in range(0, self.operations, 2):
            y = torch.tanh(y + self.x)
        return y


@dataclass
class Row:
    name: str
    input: tuple  # the shape of a batch
    layers: Callable[[float], list]  # by the scale of all dropout probabilities
    optimizer: str = "sgd"
    lr: float = 0.01
    loss: str = "classes"  # cross-entropy with random classes; "reconstruction" of the input; "mean" of the output

    def choices(self):
        return ["fused", "channels_last"] if len(self.input) == 4 else ["fused"]


ROWS = [
    Row("mlp 784-256-128-10 b128 adam", (128, 784), optimizer="adam", lr=0.001, layers=lambda dropout: [
        nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 128), nn.Tanh(), nn.Linear(128, 10)]),
    Row("mlp 784-256-128-10 b128 sgd", (128, 784), lambda dropout: [
        nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 128), nn.Tanh(), nn.Linear(128, 10)]),
    Row("mlp 784-64-10 b1 sgd", (1, 784), lambda dropout: [
        nn.Linear(784, 64), nn.Sigmoid(), nn.Linear(64, 10)]),
    Row("conv1d 784 k3 c32 b128 adam", (128, 1, 784), optimizer="adam", lr=0.001, layers=lambda dropout: [
        nn.Conv1d(1, 32, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(12512, 100), nn.Tanh(), nn.Linear(100, 10)]),
    Row("conv1d deep c64 L256 b64", (64, 64, 256), lambda dropout: [
        nn.Conv1d(64, 64, 5, padding=2), nn.ReLU(), nn.Conv1d(64, 64, 5, padding=2), nn.ReLU(),
        nn.Conv1d(64, 128, 5, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(128 * 126, 10)]),
    Row("mnist cnn b64", (64, 1, 28, 28), lambda dropout: [
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25 * dropout),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5 * dropout), nn.Linear(128, 10)]),
    Row("lenet5 b128", (128, 1, 28, 28), lr=0.1, layers=lambda dropout: [
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)]),
    Row("cifar mlp 3072-256-10 b128", (128, 3072), lambda dropout: [
        nn.Linear(3072, 256), nn.ReLU(), nn.Linear(256, 10)]),
    Row("autoenc 784-256-64-256-784 b128", (128, 784), loss="reconstruction", lr=1.0, layers=lambda dropout: [
        nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 64), nn.Tanh(),
        nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 784), nn.Sigmoid()]),
    Row("small ops 16x16", (16, 16), loss="mean", lr=0.0, layers=lambda dropout: [Chain(16, 2000)]),
]


# Rows that differ in one number.
CURVES = [
    *(Row(f"mlp 784-256-128-10, batch {batch}", (batch, 784), ROWS[1].layers)
      for batch in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)),
    *(Row(f"mlp 16-wide, {depth} layers, batch 16", (16, 16), loss="mean", layers=lambda dropout, depth=depth: [
        layer for _ in range(depth) for layer in (nn.Linear(16, 16), nn.Tanh())])
      for depth in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
    *(Row(f"chain of {nodes} operations on 4x4", (4, 4), loss="mean", lr=0.0,
          layers=lambda dropout, nodes=nodes: [Chain(4, nodes)])
      for nodes in (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)),
]


class Training:
    """A net of a row with its optimizer and its one batch: random and fixed."""

    def __init__(self, row, options=(), dropout=1.0):
        torch.manual_seed(0)
        self.net = nn.Sequential(*row.layers(dropout))
        self.input = torch.zeros(row.input) if row.loss == "mean" else torch.rand(row.input)
        self.target = torch.randint(10, (row.input[0],)) if row.loss == "classes" else self.input
        if row.loss == "classes":
            self.input = 2 * self.input - 1
        if "channels_last" in options:
            self.net = self.net.to(memory_format=torch.channels_last)
            self.input = self.input.to(memory_format=torch.channels_last)
        if "compile" in options:
            self.net = torch.compile(self.net)
        fused = True if "fused" in options else None
        if row.optimizer == "adam":
            self.optimizer = torch.optim.Adam(self.net.parameters(), lr=row.lr, fused=fused)
        else:
            self.optimizer = torch.optim.SGD(self.net.parameters(), lr=row.lr, momentum=MOMENTUM, fused=fused)
        self.loss = {"classes": F.cross_entropy, "reconstruction": F.binary_cross_entropy,
                     "mean": lambda y, target: y.mean()}[row.loss]

    def step(self):
        self.optimizer.zero_grad()
        loss = self.loss(self.net(self.input), self.target)
        loss.backward()
        self.optimizer.step()
        return loss

    def measure(self, steps):
        for _ in range(WARM_UP_STEPS):
            self.step()
        start = time.perf_counter()
        for _ in range(steps):
            loss = self.step()
        seconds = time.perf_counter() - start
        if not math.isfinite(loss.item()):
            sys.exit(f"torch_nets: the loss became {loss.item()}")
        return 1000 * seconds / steps

    def vary(self, steps):
        """Trains with batches of changing size, up to the whole one."""
        input, target = self.input, self.target
        for i in range(steps):
            size = 1 + i * 37 % len(input)
            self.input, self.target = input[:size], target[:size]
            self.step()
        self.input, self.target = input, target

    def write(self, file):
        """Writes input, target and parameters."""
        write_tensors(file, [("input", self.input), ("target", self.target), *self.net.named_parameters()])

    def check(self):
        losses = [self.step().item() for _ in range(CHECKED_STEPS + 1)]
        squares = sum(p.grad.double().square().sum().item() for p in self.net.parameters())
        parameters = sum(p.numel() for p in self.net.parameters())
        return [parameters, *losses, math.sqrt(squares)]


def main():
    server = Server([*ROWS, *CURVES], Training)

    def check(rest):
        name, file = rest.rsplit(" ", 1)
        training = Training(server.rows[name], dropout=0.0)
        training.write(file)
        return " ".join(f"{value:.9g}" for value in training.check())

    def vary(rest):
        name, steps = rest.rsplit(" ", 1)
        server.item(name).vary(int(steps))
        return "ok"

    server.run(__doc__, {"check": check, "vary": vary})


if __name__ == "__main__":
    main()
