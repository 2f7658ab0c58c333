#!/usr/bin/env python3
"""Runs the same single kernels in PyTorch and in Ravel, in turn, and compares their times; see bench/README.md."""

import sys
import tempfile

import sides as sides_of
from sides import Sides, measure_row, measure_table

TOLERANCE = 1e-5                  # of --check, relative
LOWEST = 0.9                      # a ratio below is marked
RANDOM = ("dropout",)             # rows that begin so draw random numbers, which differ
sides_of.PAUSE_SECONDS = 0.03     # a call is short, and so is the time that threads wait actively for
sides_of.NAME_WIDTH = 39


def remarks_of(result):
    remarks = []
    if result["gflops"]:
        remarks.append("{gflops:.0f} GFLOP/s, {share:.0%} of the peak".format(**result))
    if result["ratio"] < LOWEST:
        remarks.append("BEHIND")
    return remarks


def compare(rows, arguments):
    def result_of(sides, row, threads):
        result = measure_row(sides, row, threads, arguments)
        work, peak = map(float, sides.ravel.ask(f"work {row}").split())
        rate = 1000 * work / result["ravel_ms"]
        return {**result, "gflops": rate, "share": rate / peak if work else 0}

    results, about = measure_table(rows, arguments, result_of, remarks_of)
    behind = [result for result in results if result["ratio"] < LOWEST]
    print(f"{len(behind)} of {len(results)} figures are below {LOWEST}")
    sides_of.write_json(arguments, {**about, "rows": results})


def check(rows, arguments):
    """Do both sides calculate the same? Says so for each row; an exit status."""
    differing = 0
    with Sides(arguments, 1) as sides, tempfile.TemporaryDirectory() as folder:
        print(f"{'':<{sides_of.NAME_WIDTH}} {'elements':>10} {'norm':>12} {'largest difference':>19}")
        for row in rows:
            if row.startswith(RANDOM):
                print(f"{row:<{sides_of.NAME_WIDTH}} draws random numbers: not compared")
                continue
            command = f"check {row} {folder}/tensors"
            theirs = [float(figure) for figure in sides.torch.ask(command).split()]
            ours = [float(figure) for figure in sides.ravel.ask(command).split()]
            differences = list(map(sides_of.relative_difference, theirs, ours))
            difference = max(differences)  # which would pass over a NaN
            same = theirs[0] == ours[0] and all(d <= TOLERANCE for d in differences)
            differing += not same
            remark = "" if same else "  DIFFERENT; PyTorch: " + " ".join(f"{figure:.6g}" for figure in theirs)
            print(f"{row:<{sides_of.NAME_WIDTH}} {ours[0]:>10.0f} {ours[1]:>12.6g} {difference:>19.1e}{remark}",
                  flush=True)
    if differing:
        print(f"kernels: {differing} of {len(rows)} rows do not calculate the same on both sides", file=sys.stderr)
    return 1 if differing else 0


def main():
    parser = sides_of.new_parser(__doc__, "kernels", "torch_kernels.py")
    sides_of.add_row_options(parser, least_steps=5, seconds=0.05, by_part=True)
    parser.add_argument("--check", action="store_true",
                        help="measure nothing; check that both sides calculate the same")
    arguments = parser.parse_args()
    known = sides_of.ask_ravel(arguments, "list")
    if arguments.list:
        print("\n".join(known))
        return 0
    rows = sides_of.chosen_rows(parser, arguments, known, by_part=True)
    sides_of.require_torch(arguments.python)
    if arguments.check:
        return check(rows, arguments)
    compare(rows, arguments)
    return 0


if __name__ == "__main__":
    sides_of.run(main)
