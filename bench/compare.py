#!/usr/bin/env python3
"""Runs the same nets in PyTorch and in Ravel, in turn, and compares their times; see bench/README.md."""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
STEPS = 15             # in a round, at least ...
ROUND_SECONDS = 0.4    # ... and as many as take so long
TRIALS = 2             # of each option of PyTorch; the better one counts
ATTEMPTS = 3           # to measure a row quietly
QUIET_SPREAD = 1.15    # slowest by fastest round
TOLERANCE = 1e-5       # of --check, relative
# After parallel work the threads of libgomp (PyTorch's) and oneTBB (Ravel's) wait actively for some milliseconds, which
# would slow down the other side. OMP_WAIT_POLICY=passive would end that, and make PyTorch slower; a pause does not.
PAUSE_SECONDS = 0.1
# Blocks up to 32 MiB (the most that glibc allows here) come from a heap that is never given back: no page faults.
TUNED_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_TOP_PAD_": str(2**26)}
SMALL_OPS, SMALL_OPS_COUNT = "small ops 16x16", 2000
NO_TORCH = """compare: {python} offers no PyTorch ({reason}). Two commands make a virtual environment that has it:
  python3 -m venv torch-venv
  torch-venv/bin/pip install torch==2.13.0
Then: ./run bench compare --python torch-venv/bin/python"""


def fail(message):
    sys.exit(f"compare: {message}")


class Side:
    """A process that answers commands, a line each."""

    def __init__(self, command, variables=None):
        hidden = ("OMP_", "GOMP_", "KMP_", "MKL_", "MALLOC_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        environment.update(variables or {})
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command):
        try:
            print(command, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            fail(f"{Path(self.process.args[-3]).name} ended during '{command}'; what it said stands above")
        return answer.strip()

    def measure(self, row, steps):
        """Milliseconds per step."""
        time.sleep(PAUSE_SECONDS)
        return float(self.ask(f"measure {row} {steps}"))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Sides:
    """Ravel, and PyTorch with its default malloc and with a tuned one, all with the same number of threads."""

    def __init__(self, nets, python, threads):
        torch = [python, str(FOLDER / "torch_nets.py"), "--threads", str(threads)]
        variables = {"OMP_NUM_THREADS": str(threads)}
        self.ravel = Side([nets, "--threads", str(threads)])
        self.torch = Side(torch, variables)
        self.tuned_torch = Side(torch, {**variables, **TUNED_MALLOC})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for side in (self.ravel, self.torch, self.tuned_torch):
            side.close()


def steps_for(side, row, arguments):
    """How many steps make a round."""
    if arguments.steps:
        return arguments.steps
    return max(STEPS, math.ceil(1000 * ROUND_SECONDS / side.measure(row, 3)))


def best_torch(sides, row, arguments):
    """Tries what a user of PyTorch may try, one thing after the other, and keeps what makes the row faster.

    Returns the side to ask, the number of steps of a round, and the names of what was kept.
    """
    sides.torch.ask("options")  # none
    steps = steps_for(sides.torch, row, arguments)

    def trial(side, options):
        side.ask(" ".join(["options", *options]))
        return min(side.measure(row, steps) for _ in range(TRIALS))

    kept, fastest = [], trial(sides.torch, [])
    for option in sides.torch.ask(f"choices {row}").split():
        milliseconds = trial(sides.torch, [*kept, option])
        if milliseconds < fastest:
            kept, fastest = [*kept, option], milliseconds
    sides.torch.ask(" ".join(["options", *kept]))
    if trial(sides.tuned_torch, kept) < fastest:
        return sides.tuned_torch, steps, [*kept, "tuned malloc"]
    return sides.torch, steps, kept


def spread(rounds):
    return max(rounds) / min(rounds)


def measure_rounds(torch, torch_steps, ravel, ravel_steps, row, arguments):
    """Milliseconds per step of PyTorch and of Ravel in each round; the calmest of up to ATTEMPTS attempts."""
    attempts = []
    while len(attempts) < ATTEMPTS:
        torch_ms, ravel_ms = [], []
        for _ in range(arguments.rounds):
            torch_ms.append(torch.measure(row, torch_steps))
            ravel_ms.append(ravel.measure(row, ravel_steps))
        attempts.append((max(spread(torch_ms), spread(ravel_ms)), torch_ms, ravel_ms))
        if attempts[-1][0] <= QUIET_SPREAD:
            break
    return min(attempts), len(attempts)


def measure_row(sides, row, threads, arguments):
    torch, torch_steps, options = best_torch(sides, row, arguments)
    ravel_steps = steps_for(sides.ravel, row, arguments)
    (widest, torch_rounds, ravel_rounds), attempts = measure_rounds(
        torch, torch_steps, sides.ravel, ravel_steps, row, arguments)
    torch_ms, ravel_ms = statistics.median(torch_rounds), statistics.median(ravel_rounds)
    ratios = [theirs / ours for theirs, ours in zip(torch_rounds, ravel_rounds)]
    result = {
        "name": row, "threads": threads, "ravel_ms": ravel_ms, "torch_ms": torch_ms, "ratio": torch_ms / ravel_ms,
        "ratio_min": min(ratios), "ratio_max": max(ratios), "spread": widest, "attempts": attempts,
        "torch_options": options, "ravel_rounds": ravel_rounds, "torch_rounds": torch_rounds,
        "ravel_steps": ravel_steps, "torch_steps": torch_steps,
    }
    if row == SMALL_OPS:
        result["ravel_us_per_op"] = 1000 * ravel_ms / SMALL_OPS_COUNT
        result["torch_us_per_op"] = 1000 * torch_ms / SMALL_OPS_COUNT
    return result


def geometric_mean(results):
    """Of the ratios of all rows but `small ops`; None where there is no other row."""
    ratios = [result["ratio"] for result in results if result["name"] != SMALL_OPS]
    return statistics.geometric_mean(ratios) if ratios else None


HEAD = f"{'':<31} {'threads':>7} {'PyTorch ms':>10} {'Ravel ms':>9} {'ratio':>6} {'min':>6} {'max':>6}  remarks"


def line_of(result):
    remarks = list(result["torch_options"])
    if result["name"] == SMALL_OPS:
        remarks.append("us per op {torch_us_per_op:.2f} / {ravel_us_per_op:.2f}".format(**result))
    if result["spread"] > QUIET_SPREAD:
        percent = 100 * (result["spread"] - 1)
        remarks.append(f"NOISY: rounds differ by {percent:.0f} % after {result['attempts']} attempts")
    figures = ("{name:<31} {threads:>7} {torch_ms:>10.3f} {ravel_ms:>9.3f} {ratio:>6.2f} {ratio_min:>6.2f} "
               "{ratio_max:>6.2f}  ".format(**result))
    return (figures + ", ".join(remarks)).rstrip()


def compare(nets, python, rows, arguments):
    results, about = [], None
    for threads in arguments.threads:
        with Sides(nets, python, threads) as sides:
            if about is None:
                about = {"torch": sides.torch.ask("about"), "ravel": sides.ravel.ask("about"), "cores": os.cpu_count(),
                         "load_before": os.getloadavg()[0]}
                print("{torch} against {ravel}; {cores} cores, load {load_before:.2f}".format(**about))
                if about["load_before"] > 0.5:
                    print("Other programs are running (the load should be near 0): these figures are worth little.")
                print(HEAD)
            for row in rows:
                results.append(measure_row(sides, row, threads, arguments))
                print(line_of(results[-1]), flush=True)
    by_threads = {}
    for threads in arguments.threads:
        mean = geometric_mean([result for result in results if result["threads"] == threads])
        if mean is not None:
            by_threads[threads] = mean
            print(f"{'geometric mean':<31} {threads:>7} {'':>20} {mean:>6.2f} {'':>15}without {SMALL_OPS}")
    if arguments.json:
        summary = {**about, "rows": results, "geomean": geometric_mean(results), "geomean_by_threads": by_threads}
        Path(arguments.json).write_text(json.dumps(summary, indent=2) + "\n")


def check(nets, python, rows):
    """Do both sides train the same nets? Says so for each row; an exit status."""
    differing = 0
    with Sides(nets, python, 1) as sides, tempfile.TemporaryDirectory() as folder:
        print(f"{'':<31} {'parameters':>10} {'loss before':>12} {'after':>9} {'largest difference':>19}")
        for row in rows:
            command = f"check {row} {folder}/tensors"
            theirs = [float(figure) for figure in sides.torch.ask(command).split()]
            ours = [float(figure) for figure in sides.ravel.ask(command).split()]
            difference = max(abs(a - b) / abs(a) for a, b in zip(theirs, ours))
            same = theirs[0] == ours[0] and all(abs(a - b) <= TOLERANCE * abs(a) for a, b in zip(theirs, ours))
            differing += not same
            remark = "" if same else "  DIFFERENT; PyTorch: " + " ".join(f"{figure:.6g}" for figure in theirs)
            figures = f"{ours[0]:>10.0f} {ours[1]:>12.6f} {ours[-2]:>9.6f} {difference:>19.1e}"
            print(f"{row:<31} {figures}{remark}", flush=True)
    if differing:
        print(f"compare: {differing} of {len(rows)} rows do not train the same net on both sides", file=sys.stderr)
    return 1 if differing else 0


def require_torch(python):
    try:
        probe = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True, check=False)
        reason = "" if probe.returncode == 0 else (probe.stderr.strip().splitlines() or ["it failed"])[-1]
    except OSError as error:
        reason = error.strerror
    if reason:
        sys.exit(NO_TORCH.format(python=python, reason=reason))


def rows_of(nets):
    if not os.access(nets, os.X_OK):
        fail(f"there is no program {nets}; ./run bench compare builds it")
    side = Side([nets, "--threads", "1"])
    rows = json.loads(side.ask("list"))
    side.close()
    return rows


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return int(text)


def positives(text):
    return sorted({positive(item) for item in text.split(",")})


def parse(parser):
    parser.add_argument("--rows", metavar="A,B", help="only these rows; by default all")
    parser.add_argument("--threads", metavar="1,2", type=positives, default=sorted({1, os.cpu_count()}),
                        help="numbers of threads to measure with; by default 1 and the number of cores")
    parser.add_argument("--rounds", metavar="N", type=positive, default=5, help="of each side, in turn; by default 5")
    parser.add_argument("--steps", metavar="N", type=positive,
                        help=f"steps in a round; by default at least {STEPS}, and as many as take {ROUND_SECONDS} s")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--python", metavar="PATH", default="python3", help="a Python with PyTorch; by default python3")
    parser.add_argument("--nets", metavar="PATH", default=str(FOLDER.parent / "build/release/bench/nets"),
                        help="Ravel's side; by default that of the build folder")
    parser.add_argument("--check", action="store_true",
                        help="measure nothing; check that both sides train the same nets")
    parser.add_argument("--list", action="store_true", help="name the rows and do nothing else")
    return parser.parse_args()


def main():
    parser = argparse.ArgumentParser(prog="./run bench compare", description=__doc__)
    arguments = parse(parser)
    known = rows_of(arguments.nets)
    if arguments.list:
        print("\n".join(known))
        return 0
    rows = [row.strip() for row in arguments.rows.split(",")] if arguments.rows else known
    for row in rows:
        if row not in known:
            parser.exit(2, f"compare: there is no row \"{row}\"; there are\n  " + "\n  ".join(known) + "\n")
    require_torch(arguments.python)
    if arguments.check:
        return check(arguments.nets, arguments.python, rows)
    return compare(arguments.nets, arguments.python, rows, arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
