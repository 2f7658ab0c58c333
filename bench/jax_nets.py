"""JAX's side of compare.py, for information: the rows "mlp 784-256-128-10 b128 ..", each step compiled as a whole.

Answers `about` and `measure ROW STEPS` as torch_nets.py does. The process stays on as many cores as it may have
threads, because JAX takes all it sees.
"""

import os
import sys
import time

THREADS = int(sys.argv[sys.argv.index("--threads") + 1])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])

import jax  # noqa: E402: after the process knows its cores
import jax.numpy as jnp  # noqa: E402

WARM_UP_STEPS = 3
SIZES = (784, 256, 128, 10)


def loss_of(parameters, x, labels):
    for layer, (weight, bias) in enumerate(parameters):
        x = (jnp.tanh(x) if layer else x) @ weight + bias
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1))


def sgd(_, p, g, v, __):
    v = 0.9 * v + g
    return p - 0.01 * v, v, v


def adam(t, p, g, m, v):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return p - 0.001 * m / (1 - 0.9**t) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def make_step(rule):
    def step(state, x, labels):
        t, p, m, v = state
        changed = jax.tree.map(lambda *of: rule(t, *of), p, jax.grad(loss_of)(p, x, labels), m, v)
        return t + 1, *(jax.tree.map(lambda _, of, i=i: of[i], p, changed) for i in range(3))

    return jax.jit(step, donate_argnums=0)


class Training:
    def __init__(self, row):
        keys = jax.random.split(jax.random.key(0), len(SIZES))
        parameters = [(jax.random.uniform(key, (n, m), minval=-(n**-0.5), maxval=n**-0.5), jnp.zeros(m))
                      for key, n, m in zip(keys, SIZES, SIZES[1:])]
        self.x = jax.random.uniform(keys[-1], (128, SIZES[0]), minval=-1)
        self.labels = jax.random.randint(keys[-1], (128,), 0, SIZES[-1])
        self.run = make_step(adam if row.endswith("adam") else sgd)
        zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)]
        self.state = (jnp.float32(1), parameters, *zeros)

    def measure(self, steps):
        """Milliseconds per step."""
        for _ in range(WARM_UP_STEPS):
            self.state = jax.block_until_ready(self.run(self.state, self.x, self.labels))
        start = time.perf_counter()
        for _ in range(steps):
            self.state = self.run(self.state, self.x, self.labels)
        jax.block_until_ready(self.state)
        return 1000 * (time.perf_counter() - start) / steps


def main():
    made = {}
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "about":
            print(f"JAX {jax.__version__}", flush=True)
        else:
            row, steps = rest.rsplit(" ", 1)
            if row not in made:
                made = {row: Training(row)}
            print(f"{made[row].measure(int(steps)):.6f}", flush=True)


if __name__ == "__main__":
    main()
