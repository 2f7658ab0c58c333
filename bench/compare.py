#!/usr/bin/env python3
"""Runs the same nets in PyTorch and in Ravel, in turn, and compares their times; see bench/README.md."""

import statistics
import subprocess
import sys
import tempfile

import sides as sides_of
from sides import FOLDER, NAME_WIDTH, Side, Sides, measure_row, measure_table

TOLERANCE = 1e-5       # of --check, relative
SMALL_OPS, SMALL_OPS_COUNT = "small ops 16x16", 2000
OTHERS = "mlp 784-256-128-10 b128"  # rows that begin so are measured with JAX and torch.compile, too


def geometric_mean(results):
    """Of the ratios of all rows but `small ops`; None where there is no other row."""
    ratios = [result["ratio"] for result in results if result["name"] != SMALL_OPS]
    return statistics.geometric_mean(ratios) if ratios else None


def measure_others(sides, row, threads, arguments):
    """Milliseconds per step of torch.compile, and of JAX where --jax names a Python with it; the median of rounds."""
    def median(side):
        steps = sides_of.steps_for(side, row, arguments)
        return statistics.median(side.measure(row, steps) for _ in range(arguments.rounds))

    sides.torch.ask("options fused compile")
    others = {"torch.compile": median(sides.torch)}
    if arguments.jax:
        with Side([arguments.jax, str(FOLDER / "jax_nets.py"), "--threads", str(threads)]) as jax:
            others[jax.ask("about")] = median(jax)
    return others


def remarks_of(result):
    if result["name"] == SMALL_OPS:
        return ["us per op {torch_us_per_op:.2f} / {ravel_us_per_op:.2f}".format(**result)]
    return [f"{name} {milliseconds:.3f} ms" for name, milliseconds in result.get("others_ms", {}).items()]


def compare(rows, arguments):
    def result_of(sides, row, threads):
        result = measure_row(sides, row, threads, arguments)
        if row == SMALL_OPS:
            result["ravel_us_per_op"] = 1000 * result["ravel_ms"] / SMALL_OPS_COUNT
            result["torch_us_per_op"] = 1000 * result["torch_ms"] / SMALL_OPS_COUNT
        if arguments.others and row.startswith(OTHERS):
            result["others_ms"] = measure_others(sides, row, threads, arguments)
        return result

    results, about = measure_table(rows, arguments, result_of, remarks_of)
    by_threads = {}
    for threads in arguments.threads:
        mean = geometric_mean([result for result in results if result["threads"] == threads])
        if mean is not None:
            by_threads[threads] = mean
            print(f"{'geometric mean':<{NAME_WIDTH}} {threads:>7} {'':>20} {mean:>6.2f} {'':>15}without {SMALL_OPS}")
    sides_of.write_json(arguments, {
        **about, "rows": results, "geomean": geometric_mean(results), "geomean_by_threads": by_threads})


def check(rows, arguments):
    """Do both sides train the same nets? Says so for each row; an exit status."""
    differing = 0
    with Sides(arguments, 1) as sides, tempfile.TemporaryDirectory() as folder:
        print(f"{'':<{NAME_WIDTH}} {'parameters':>10} {'loss before':>12} {'after':>9} {'largest difference':>19}")
        for row in rows:
            command = f"check {row} {folder}/tensors"
            theirs = [float(figure) for figure in sides.torch.ask(command).split()]
            ours = [float(figure) for figure in sides.ravel.ask(command).split()]
            difference = max(map(sides_of.relative_difference, theirs, ours))
            same = theirs[0] == ours[0] and difference <= TOLERANCE
            differing += not same
            remark = "" if same else "  DIFFERENT; PyTorch: " + " ".join(f"{figure:.6g}" for figure in theirs)
            figures = f"{ours[0]:>10.0f} {ours[1]:>12.6f} {ours[-2]:>9.6f} {difference:>19.1e}"
            print(f"{row:<{NAME_WIDTH}} {figures}{remark}", flush=True)
    if differing:
        print(f"compare: {differing} of {len(rows)} rows do not train the same net on both sides", file=sys.stderr)
    return 1 if differing else 0


def require_jax(python):
    probe = subprocess.run([python, "-c", "import jax"], capture_output=True, check=False)
    if probe.returncode != 0:
        sides_of.fail(f"{python} offers no JAX; a virtual environment with it: python3 -m venv jax-venv, then "
                      "jax-venv/bin/pip install jax")


def main():
    parser = sides_of.new_parser(__doc__, "nets", "torch_nets.py")
    sides_of.add_row_options(parser, least_steps=15, seconds=0.4)
    parser.add_argument("--check", action="store_true",
                        help="measure nothing; check that both sides train the same nets")
    parser.add_argument("--others", action="store_true",
                        help=f"measure torch.compile, too, for the rows \"{OTHERS} ..\", and JAX with --jax")
    parser.add_argument("--jax", metavar="PATH", help="a Python with JAX, for --others")
    arguments = parser.parse_args()
    known = sides_of.ask_ravel(arguments, "list")
    if arguments.list:
        print("\n".join(known))
        return 0
    rows = sides_of.chosen_rows(parser, arguments, known)
    sides_of.require_torch(arguments.python)
    if arguments.check:
        return check(rows, arguments)
    if arguments.jax:
        require_jax(arguments.jax)
    compare(rows, arguments)
    return 0


if __name__ == "__main__":
    sides_of.run(main)
