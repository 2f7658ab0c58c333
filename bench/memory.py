#!/usr/bin/env python3
"""Measures the memory, page faults and system calls of training in PyTorch and in Ravel; see bench/README.md."""

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import sides as sides_of
from sides import NAME_WIDTH, Side, TUNED_MALLOC, ravel_command, torch_command

SETTLE_STEPS = 50                  # before steady steps are counted
VARIED_MARKS = (0.1, 0.5, 1.0)     # of the steps with changing batch sizes: when memory is looked at
MIB = 1024


def status(side, field):
    """A field of /proc/PID/status in MiB: VmHWM is the peak of the resident memory, VmRSS what is resident now."""
    text = Path(f"/proc/{side.process.pid}/status").read_text()
    return int(re.search(rf"^{field}:\s*(\d+) kB", text, re.MULTILINE).group(1)) / MIB


def page_faults(side):
    """Minor and major ones so far."""
    fields = Path(f"/proc/{side.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[7]) + int(fields[9])


def sides_for(arguments, threads):
    """The command and the environment of each process that is looked at, by name."""
    torch, variables = torch_command(arguments, threads), {"OMP_NUM_THREADS": str(threads)}
    return {"Ravel": (ravel_command(arguments, threads), {}), "PyTorch": (torch, variables),
            "PyTorch, tuned malloc": (torch, {**variables, **TUNED_MALLOC})}


def memory_of(command, variables, row, steps):
    """The peak of a fresh process that trains, and page faults per steady step."""
    with Side(command, variables) as side:
        side.ask("about")
        start = status(side, "VmRSS")
        side.ask(f"measure {row} {SETTLE_STEPS}")
        before = page_faults(side)
        side.ask(f"measure {row} {steps}")
        faults = (page_faults(side) - before) / steps
        return {"start_mib": start, "peak_mib": status(side, "VmHWM"), "faults_per_step": faults}


def count_calls(command, variables, row, steps):
    """How often a process that trains for so many steps calls the system, by the name of the call."""
    with tempfile.NamedTemporaryFile("r") as log:
        traced = ["strace", "-f", "-c", "-U", "calls,name", "-o", log.name, *command]
        with Side(traced, variables) as side:
            side.ask(f"measure {row} {steps}")
        lines = [line.split() for line in log.read().splitlines()]
    return {name: int(count) for count, name in (line for line in lines if len(line) == 2 and line[0].isdigit())
            if name != "total"}


def calls_of(command, variables, row, steps):
    """System calls per steady step: a run with twice the steps has so many more."""
    once, twice = (count_calls(command, variables, row, SETTLE_STEPS + n) for n in (steps, 2 * steps))
    return {name: (count - once.get(name, 0)) / steps for name, count in sorted(twice.items())}


def varied_memory(command, variables, row, steps):
    """MiB that are resident after parts of a training with batches of changing size."""
    with Side(command, variables) as side:
        resident, done = {}, 0
        for mark in VARIED_MARKS:
            side.ask(f"vary {row} {round(mark * steps) - done}")
            done = round(mark * steps)
            resident[done] = status(side, "VmRSS")
        return resident


def line_of(result):
    ours, theirs = result["sides"]["Ravel"], result["best_torch"]
    calls = f"{sum(ours['calls'].values()):>8.2f} {sum(theirs['calls'].values()):>8.1f}" if "calls" in ours else ""
    peaks = " ".join(f"{side['peak_mib']:>7.0f} {side['peak_mib'] - side['start_mib']:>7.0f}" for side in (ours, theirs))
    return (f"{result['name']:<{NAME_WIDTH}} {result['threads']:>7}  {peaks}   {ours['faults_per_step']:>8.2f} "
            f"{theirs['faults_per_step']:>8.1f}   {calls}").rstrip()


HEAD = f"""{'':<{NAME_WIDTH}} {'':>7}  {'Ravel, MiB':>15} {'PyTorch, MiB':>15}   {'faults per step':>17}   {'calls per step':>17}
{'':<{NAME_WIDTH}} {'threads':>7}  {'peak':>7} {'more':>7} {'peak':>7} {'more':>7}   {'Ravel':>8} {'PyTorch':>8}   {'Ravel':>8} {'PyTorch':>8}"""


def measure(rows, arguments):
    results, traces = [], not arguments.no_strace and shutil.which("strace") is not None
    if not traces:
        print("System calls are not counted: there is no strace, or --no-strace was given.")
    print(HEAD)
    for threads in arguments.threads:
        for row in rows:
            sides = {}
            for name, (command, variables) in sides_for(arguments, threads).items():
                sides[name] = memory_of(command, variables, row, arguments.steps)
            best = min((name for name in sides if name != "Ravel"), key=lambda name: sides[name]["peak_mib"])
            if traces:
                for name in ("Ravel", best):
                    sides[name]["calls"] = calls_of(*sides_for(arguments, threads)[name], row, arguments.steps)
            results.append({"name": row, "threads": threads, "sides": sides, "best": best, "best_torch": sides[best]})
            print(line_of(results[-1]), flush=True)
    return results


def vary(rows, arguments):
    """Says how Ravel's resident memory changes while batch sizes do."""
    results = []
    threads = arguments.threads[-1]
    for row in rows:
        start = time.monotonic()
        resident = varied_memory(*sides_for(arguments, threads)["Ravel"], row, arguments.varied_steps)
        results.append({"name": row, "threads": threads, "resident_mib": resident})
        marks = ", ".join(f"{mebibytes:.1f} MiB after {step:,}" for step, mebibytes in resident.items())
        print(f"{row:<{NAME_WIDTH}} {threads:>7}  {marks} steps ({time.monotonic() - start:.0f} s)", flush=True)
    return results


def main():
    parser = sides_of.new_parser(__doc__, "nets", "torch_nets.py")
    parser.add_argument("--rows", metavar="A,B", help="only these rows; by default all")
    parser.add_argument("--steps", metavar="N", type=sides_of.positive, default=200,
                        help="steady steps that are counted; by default 200")
    parser.add_argument("--no-strace", action="store_true", help="count no system calls")
    parser.add_argument("--varied", dest="varied_steps", metavar="N", type=sides_of.positive,
                        help="instead train N steps (10000, say) with batches of changing size, and look at the memory")
    parser.add_argument("--list", action="store_true", help="name the rows and do nothing else")
    arguments = parser.parse_args()
    known = sides_of.ask_ravel(arguments, "list")
    if arguments.list:
        print("\n".join(known))
        return 0
    rows = sides_of.chosen_rows(parser, arguments, known)
    if not os.path.exists("/proc/self/status"):
        sides_of.fail("there is no /proc/self/status, which is read for memory and page faults; this needs Linux")
    if arguments.varied_steps:
        if not arguments.rows:
            rows = [row for row in rows if not row.startswith("small ops")]  # these have no batches
        results = vary(rows, arguments)
    else:
        sides_of.require_torch(arguments.python)
        results = measure(rows, arguments)
    sides_of.write_json(arguments, {"rows": results})
    return 0


if __name__ == "__main__":
    sides_of.run(main)
