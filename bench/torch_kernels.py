"""The PyTorch side of kernels.py: the single kernels of kernels.cpp, as users of PyTorch call them.

It reads commands from its standard input, a line each, and answers each with a line:
  about                 version
  list                  the names of the rows, in JSON
  choices ROW           options that may make the row faster, out of
                          fused          the optimizer's fused implementation
                          channels_last  images have their channels in the last dimension
  options NAME...       "ok"; from now on rows are prepared with these options
  measure ROW CALLS     milliseconds per call, over CALLS calls that follow some to warm up
  check ROW FILE        writes inputs to FILE, calculates, and answers with the number of elements of the result y, its
                        2-norm, and the sum of w (y - 1)^2 with weights w that tell places apart
"""

import time
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as F

from torch_side import Server, write_tensors

WARM_UP_CALLS = 3
CHECKED_CALLS = 3


def indices_below(end, *shape):
    return lambda: torch.randint(end, shape)


@dataclass
class Row:
    name: str
    inputs: list  # shapes of random numbers in [-1, 1), or functions that make something else
    prepare: Callable  # of inputs and options: a function without arguments
    options: tuple = ()

    def choices(self):
        return self.options

    def make_inputs(self):
        torch.manual_seed(0)
        return [made() if callable(made) else 2 * torch.rand(made) - 1 for made in self.inputs]


def plain(name, inputs, f, options=()):
    """A function of the inputs, outside of the graph."""
    def prepare(inputs, options):
        if "channels_last" in options:
            inputs = [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]

        def call():
            with torch.no_grad():
                return f(*inputs)
        return call
    return Row(name, inputs, prepare, options)


def gradient(name, inputs, f, seeded, options=()):
    """The gradient, with respect to the first input, of a function of the inputs without the last; the last one is the
    gradient to start from, or there is a loss and none is needed."""
    def prepare(inputs, options):
        if "channels_last" in options:
            inputs = [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]
        inputs[0].requires_grad_()

        def call():
            if seeded:
                return torch.autograd.grad(f(*inputs[:-1]), inputs[0], inputs[-1])[0]
            return torch.autograd.grad(f(*inputs), inputs[0])[0]
        return call
    return Row(name, inputs, prepare, options)


def update(name, size, make):
    """An optimizer's step on one parameter, the first input; its gradient is the second."""
    def prepare(inputs, options):
        parameter = torch.nn.Parameter(inputs[0].clone())
        parameter.grad = inputs[1]
        optimizer = make([parameter], fused=True if "fused" in options else None)

        def call():
            optimizer.step()
            return parameter
        return call
    return Row(name, [(size,), (size,)], prepare, ("fused",))


def products():
    def product(mode, m, k, n):
        left, right = mode[0] == "t", mode[1] == "t"
        return plain(f"gemm {mode} {m}x{k}x{n}", [(k, m) if left else (m, k), (n, k) if right else (k, n)],
                     lambda a, b: (a.t() if left else a) @ (b.t() if right else b))

    yield from (product("nn", size, size, size) for size in (128, 512, 1024, 2048))
    yield product("nt", 128, 784, 256)
    yield product("nt", 128, 12512, 100)
    yield product("tn", 12512, 128, 100)
    yield product("nt", 2048, 128, 512)
    yield product("nt", 64, 9216, 128)


def convolution(layer, x, w, passes=("output",), stride=1, padding=0, groups=1):
    y = (x[0], w[0], *((x[i] + 2 * padding - w[i]) // stride + 1 for i in (2, 3)))

    def backward(dy, x, w, which):
        return torch.ops.aten.convolution_backward(
            dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups,
            [which == 0, which == 1, False])[which]

    options = ("channels_last",)
    if "output" in passes:
        yield plain(f"conv {layer}", [x, w], lambda x, w: F.conv2d(x, w, None, stride, padding, 1, groups), options)
    # Of what is left out of a pass only the shape matters.
    if "dx" in passes:
        empty_x = torch.empty(x)
        yield plain(f"conv {layer} dx", [y, w], lambda dy, w: backward(dy, empty_x, w, 0), options)
    if "dw" in passes:
        empty_w = torch.empty(w)
        yield plain(f"conv {layer} dw", [x, y], lambda x, dy: backward(dy, x, empty_w, 1), options)


def convolutions():
    yield from convolution("64->64 32x32 b32", (32, 64, 32, 32), (64, 64, 3, 3), ("output", "dx", "dw"), padding=1)
    yield from convolution("32->32 32x32 b128", (128, 32, 32, 32), (32, 32, 3, 3), padding=1)
    yield from convolution("32->64 16x16 b128", (128, 32, 16, 16), (64, 32, 3, 3), padding=1)
    yield from convolution("64->64 16x16 b128", (128, 64, 16, 16), (64, 64, 3, 3), padding=1)
    yield from convolution("32->64 26x26 valid b64", (64, 32, 26, 26), (64, 32, 3, 3))
    yield from convolution("16->16 32x32 b64", (64, 16, 32, 32), (16, 16, 3, 3), padding=1)
    yield from convolution("64->64 8x8 b64", (64, 64, 8, 8), (64, 64, 3, 3), padding=1)
    yield from convolution("3->32 32x32 b128", (128, 3, 32, 32), (32, 3, 3, 3), ("output", "dx"), padding=1)
    yield from convolution("12->12 16x16 b128", (128, 12, 16, 16), (12, 12, 3, 3), ("dw",), padding=1)
    yield from convolution("1->32 28x28 valid b64", (64, 1, 28, 28), (32, 1, 3, 3))
    yield from convolution("64->128 32x32 s2 b32", (32, 64, 32, 32), (128, 64, 3, 3), ("output", "dx"),
                           stride=2, padding=1)
    yield from convolution("1x1 64->64 32x32 b32", (32, 64, 32, 32), (64, 64, 1, 1))
    yield from convolution("1x1 2048->512 7x7 b32", (32, 2048, 7, 7), (512, 2048, 1, 1))
    yield from convolution("depthwise 64 32x32 b32", (32, 64, 32, 32), (64, 1, 3, 3), padding=1, groups=64)
    yield plain("conv1d 64->64 k5 L256 b64", [(64, 64, 256), (64, 64, 5)], lambda x, w: F.conv1d(x, w, padding=2))
    yield plain("conv1d 1->32 k3 L784 valid b128", [(128, 1, 784), (32, 1, 3)], F.conv1d)


def maps():
    for size, shape in (("100k", (100_000,)), ("10M", (10_000_000,))):
        yield plain(f"add {size}", [shape, shape], lambda x, y: x + y)
        yield plain(f"mul {size}", [shape, shape], lambda x, y: x * y)
        for f in (torch.exp, torch.tanh, F.gelu, torch.sigmoid, torch.relu):
            yield plain(f"{f.__name__} {size}", [shape], f)
    square = (1000, 1000)
    yield plain("sin 1M", [square], torch.sin)
    yield plain("softplus 1M", [square], F.softplus)
    yield plain("x > 0 1M", [square], lambda x: x > 0)
    yield plain("add row 1000x1000", [square, (1000,)], lambda x, y: x + y)
    yield plain("add column 1000x1000", [square, (1000, 1)], lambda x, y: x + y)
    yield plain("transposed copy 2048x2048", [(2048, 2048)], lambda x: x.t().contiguous())
    yield plain("cat 2 of 1M", [square, square], lambda x, y: torch.cat([x, y]))
    yield gradient("gelu forward+backward 1M", [square, square], F.gelu, True)


def reductions():
    for shape, name, dims in (((1000, 1000), "1000x1000", (0, 1, None)), ((1_000_000, 10), "1Mx10", (0, 1)),
                              ((128, 1000), "128x1000", (1,))):
        for dim in dims:
            over = f"{name} all" if dim is None else f"{name} dim {dim}"
            yield plain(f"sum {over}", [shape], lambda x, dim=dim: x.sum(dim))
            yield plain(f"mean {over}", [shape], lambda x, dim=dim: x.mean(dim))
            yield plain(f"var {over}", [shape], lambda x, dim=dim: x.var(dim))
            # amax is the faster one of its two: max over a dimension looks for the index, too.
            yield plain(f"max {over}", [shape], lambda x, dim=dim: x.max() if dim is None else x.amax(dim))
    yield plain("cumsum 1000x1000 dim 1", [(1000, 1000)], lambda x: x.cumsum(1))


def softmax_and_losses():
    yield plain("softmax 128x1000 dim 1", [(128, 1000)], lambda x: F.softmax(x, 1))
    yield plain("softmax 128x1000 dim 0", [(128, 1000)], lambda x: F.softmax(x, 0))
    yield plain("softmax 32x64x1024 dim 1", [(32, 64, 1024)], lambda x: F.softmax(x, 1))
    yield plain("log_softmax 128x1000 dim 1", [(128, 1000)], lambda x: F.log_softmax(x, 1))
    yield gradient("log_softmax forward+backward 128x1000", [(128, 1000)] * 2, lambda x: F.log_softmax(x, 1), True)
    for classes in (10, 1000):
        yield gradient(f"cross_entropy forward+backward 128x{classes}",
                       [(128, classes), indices_below(classes, 128)], F.cross_entropy, False)


def pooling_and_dropout():
    image, half, options = (128, 32, 32, 32), (128, 32, 16, 16), ("channels_last",)
    for name, f in (("max_pool", lambda x: F.max_pool2d(x, 2)),
                    ("max_pool 3x3 s2", lambda x: F.max_pool2d(x, 3, 2, 1)),
                    ("avg_pool", lambda x: F.avg_pool2d(x, 2))):
        yield plain(f"{name} 32x32x32 b128", [image], f, options)
        yield gradient(f"{name} forward+backward 32x32x32 b128", [image, half], f, True, options)
    yield plain("dropout 1M", [(1_000_000,)], lambda x: F.dropout(x, 0.5))


def updates_and_indexing():
    yield update("adam 1.25M", 1_250_000, torch.optim.Adam)
    yield update("sgd 1.25M", 1_250_000, lambda p, fused: torch.optim.SGD(p, lr=0.01, momentum=0.9, fused=fused))
    table, square, words = (10_000, 64), (1000, 1000), indices_below(10_000, 4096)
    yield plain("embedding 10000x64 of 4096", [table, words], lambda x, index: F.embedding(index, x))
    yield plain("embedding gradient 10000x64 of 4096", [table, words, (4096, 64)],
                lambda x, index, source: x.index_add(0, index, source))
    yield plain("gather 1000x1000 dim 1", [square, indices_below(1000, 1000, 100)],
                lambda x, index: x.gather(1, index))
    yield plain("gather 1000x1000 dim 0", [square, indices_below(1000, *square)], lambda x, index: x.gather(0, index))
    for dim in (0, 1):
        yield plain(f"scatter_add 1000x1000 dim {dim}", [square, indices_below(1000, *square), square],
                    lambda x, index, source, dim=dim: x.scatter_add(dim, index, source))


ROWS = [*products(), *convolutions(), *maps(), *reductions(), *softmax_and_losses(), *pooling_and_dropout(),
        *updates_and_indexing()]


class Kernel:
    def __init__(self, row, options):
        self.call = row.prepare(row.make_inputs(), options)

    def measure(self, calls):
        for _ in range(WARM_UP_CALLS):
            self.call()
        start = time.perf_counter()
        for _ in range(calls):
            self.call()
        return 1000 * (time.perf_counter() - start) / calls


def main():
    server = Server(ROWS, Kernel)

    def check(rest):
        name, file = rest.rsplit(" ", 1)
        inputs = server.rows[name].make_inputs()
        write_tensors(file, [(str(i), x) for i, x in enumerate(inputs)])
        call = server.rows[name].prepare(inputs, ())
        for _ in range(CHECKED_CALLS):
            y = call()
        y = y.detach().double().flatten()
        weights = (torch.arange(len(y)) % 97 + 1).double() / 97
        return f"{len(y)} {y.norm().item():.9g} {(weights * (y - 1).square()).sum().item():.9g}"

    server.run(__doc__, {"check": check})


if __name__ == "__main__":
    main()
