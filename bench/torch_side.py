"""What PyTorch's sides of compare.py and its relatives share: commands, and tensors that go to Ravel's side."""

import argparse
import ctypes
import json
import sys

import torch


def write_tensors(file, tensors):
    """Writes (name, tensor) pairs: for each a line "name type size..." and its elements in row-major order."""
    names = {torch.float32: "f32", torch.int64: "i64"}
    with open(file, "wb") as stream:
        for name, value in tensors:
            value = value.detach().contiguous()
            stream.write(" ".join([name, names[value.dtype], *map(str, value.shape)]).encode() + b"\n")
            stream.write(ctypes.string_at(value.data_ptr(), value.numel() * value.element_size()))


class Server:
    """Answers the commands that all sides know, a line each; `make(row, options)` builds what a row measures.

    Rows have a name and choices(), the options that may make them faster. What make() returns has measure(steps).
    """

    def __init__(self, rows, make):
        self.rows = {row.name: row for row in rows}
        self.make = make
        self.options = ()
        self.made, self.made_of = None, None

    def item(self, name):
        if self.made_of != (name, self.options):
            self.made = None  # frees the memory of the last row before the next one is built
            self.made, self.made_of = self.make(self.rows[name], self.options), (name, self.options)
        return self.made

    def about(self, _):
        return f"PyTorch {torch.__version__}"

    def list(self, _):
        return json.dumps(list(self.rows))

    def choices(self, name):
        return " ".join(self.rows[name].choices())

    def set_options(self, names):
        self.options = tuple(names.split())
        return "ok"

    def measure(self, rest):
        name, steps = rest.rsplit(" ", 1)
        return f"{self.item(name).measure(int(steps)):.6f}"

    def run(self, description, commands=None):
        """Obeys the standard input until it ends; `commands` are functions of what follows a command, by name."""
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--threads", type=int, default=1)
        torch.set_num_threads(parser.parse_args().threads)
        known = {"about": self.about, "list": self.list, "choices": self.choices, "options": self.set_options,
                 "measure": self.measure, **(commands or {})}
        for line in sys.stdin:
            command, _, rest = line.strip().partition(" ")
            if command not in known:
                sys.exit(f"there is no command '{command}'")
            print(known[command](rest), flush=True)
