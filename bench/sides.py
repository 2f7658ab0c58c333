"""PyTorch and Ravel as processes that take turns: what the scripts beside this one share."""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
TRIALS = 2             # of each option of PyTorch; the better one counts
ATTEMPTS = 4           # to measure a row quietly
QUIET_SPREAD = 1.15    # slowest by fastest round
# After parallel work the threads of libgomp (PyTorch's) wait actively for some milliseconds, Ravel's for one, and slow
# down the other side. OMP_WAIT_POLICY=passive would end that, and make PyTorch slower; a pause does not.
PAUSE_SECONDS = 0.1
NAME_WIDTH = 31        # of rows, in tables
# Blocks come from a heap that is never given back: no page faults. 32 MiB is the largest threshold that glibc allows.
TUNED_MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_TOP_PAD_": str(2**26),
    "MALLOC_MMAP_MAX_": "0"}
NO_TORCH = """{name}: {python} offers no PyTorch ({reason}). Two commands make a virtual environment that has it:
  python3 -m venv torch-venv
  torch-venv/bin/pip install torch==2.13.0
Then: ./run bench {name} --python torch-venv/bin/python"""


def name():
    return Path(sys.argv[0]).stem


def relative_difference(a, b):
    return abs(a - b) / max(abs(a), 1e-30)


def fail(message):
    sys.exit(f"{name()}: {message}")


class Side:
    """A process that answers commands, a line each."""

    def __init__(self, command, variables=None, program=None):
        """`program` is how errors call it; by default the command's last part but for its options."""
        hidden = ("OMP_", "GOMP_", "KMP_", "MKL_", "MALLOC_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        environment.update(variables or {})
        self.program = program or Path(command[-3]).name
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, command):
        try:
            print(command, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            fail(f"{self.program} ended during '{command}'; what it said stands above")
        return answer.strip()

    def measure(self, row, steps):
        """Milliseconds per step."""
        time.sleep(PAUSE_SECONDS)
        return float(self.ask(f"measure {row} {steps}"))

    def peak(self):
        """Billions of multiplications and additions per second that its threads reach at most now."""
        time.sleep(PAUSE_SECONDS)
        return float(self.ask("peak"))

    def handover(self):
        """Nanoseconds until one of its threads sees what another has written."""
        return float(self.ask("handover"))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ravel_command(arguments, threads):
    return [arguments.program, "--threads", str(threads)]


def torch_command(arguments, threads):
    return [arguments.python, str(FOLDER / arguments.torch_program), "--threads", str(threads)]


class Sides:
    """Ravel, and PyTorch with its default malloc and with a tuned one, all with the same number of threads."""

    def __init__(self, arguments, threads):
        torch, variables = torch_command(arguments, threads), {"OMP_NUM_THREADS": str(threads)}
        self.ravel = Side(ravel_command(arguments, threads))
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
    return max(arguments.least_steps, math.ceil(1000 * arguments.seconds / max(1e-6, side.measure(row, 3))))


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


def measure_row(sides, row, threads, arguments):
    torch, torch_steps, options = best_torch(sides, row, arguments)
    ravel_steps = steps_for(sides.ravel, row, arguments)
    torch_rounds, ravel_rounds = [], []
    for _ in range(arguments.rounds):
        torch_rounds.append(torch.measure(row, torch_steps))
        ravel_rounds.append(sides.ravel.measure(row, ravel_steps))
    torch_ms, ravel_ms = statistics.median(torch_rounds), statistics.median(ravel_rounds)
    ratios = [theirs / ours for theirs, ours in zip(torch_rounds, ravel_rounds)]
    return {
        "name": row, "threads": threads, "ravel_ms": ravel_ms, "torch_ms": torch_ms, "ratio": torch_ms / ravel_ms,
        "ratio_min": min(ratios), "ratio_max": max(ratios), "spread": max(spread(torch_rounds), spread(ravel_rounds)),
        "torch_options": options, "ravel_rounds": ravel_rounds, "torch_rounds": torch_rounds,
        "ravel_steps": ravel_steps, "torch_steps": torch_steps,
    }


HEAD = f"{'threads':>7} {'PyTorch ms':>10} {'Ravel ms':>9} {'ratio':>6} {'min':>6} {'max':>6}  remarks"


def line_of(result, remarks=()):
    """A line of the table: the figures of a row, and in its last column `remarks` beside those that all tables have."""
    remarks = [*result["torch_options"], *remarks]
    if result["spread"] > QUIET_SPREAD:
        percent = 100 * (result["spread"] - 1)
        remarks.append(f"NOISY: rounds differ by {percent:.0f} %")
    figures = ("{threads:>7} {torch_ms:>10.3f} {ravel_ms:>9.3f} {ratio:>6.2f} {ratio_min:>6.2f} "
               "{ratio_max:>6.2f}  ".format(**result))
    return f"{result['name']:<{NAME_WIDTH}} {figures}{', '.join(remarks)}".rstrip()


def measure_calmly(rows, result_of, remarks_of):
    """Measures and prints the rows, then those that were noisy again, until all are quiet or it was tried often enough.

    A disturbance often lasts for seconds or minutes, so attempts at one row are far apart; the calmest counts.
    """
    calmest = {}
    for attempt in range(1, ATTEMPTS + 1):
        noisy = [row for row in rows if row not in calmest or calmest[row]["spread"] > QUIET_SPREAD]
        if attempt > 1 and noisy:
            print(f"the noisy rows again, attempt {attempt} of {ATTEMPTS}; the calmer one counts:")
        for row in noisy:
            result = result_of(row)
            if row not in calmest or result["spread"] < calmest[row]["spread"]:
                calmest[row] = {**result, "attempt": attempt}
            print(line_of(calmest[row], remarks_of(calmest[row])), flush=True)
    return [calmest[row] for row in rows]


def measure_table(rows, arguments, result_of, remarks_of):
    """Measures and prints the rows with each number of threads: what was measured, and what it was measured with.

    result_of(sides, row, threads) gives a row's figures, remarks_of(result) a list of texts.
    """
    results, about = [], None
    for threads in arguments.threads:
        with Sides(arguments, threads) as sides:
            if about is None:
                about = {"torch": sides.torch.ask("about"), "ravel": sides.ravel.ask("about"), "cores": os.cpu_count(),
                         "load_before": os.getloadavg()[0]}
                print("{torch} against {ravel}; {cores} cores, load {load_before:.2f}".format(**about))
                if about["load_before"] > 0.5:
                    print("Other programs are running (the load should be near 0): these figures are worth little.")
                print(f"{'':<{NAME_WIDTH}} {HEAD}")
            results += measure_calmly(rows, lambda row: result_of(sides, row, threads), remarks_of)
    return results, about


def write_json(arguments, figures):
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def require_torch(python):
    try:
        probe = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True, check=False)
        reason = "" if probe.returncode == 0 else (probe.stderr.strip().splitlines() or ["it failed"])[-1]
    except OSError as error:
        reason = error.strerror
    if reason:
        sys.exit(NO_TORCH.format(name=name(), python=python, reason=reason))


def ask_ravel(arguments, question):
    """What Ravel's side answers to a question in JSON."""
    if not os.access(arguments.program, os.X_OK):
        fail(f"there is no program {arguments.program}; ./run bench {name()} builds it")
    with Side(ravel_command(arguments, 1)) as side:
        return json.loads(side.ask(question))


def chosen_rows(parser, arguments, known, by_part=False):
    """The rows that --rows names, or that have a part of its names in theirs; by default all."""
    if not arguments.rows:
        return known
    names = [row.strip() for row in arguments.rows.split(",")]
    for row in names:
        if row not in known and not (by_part and any(row in other for other in known)):
            parser.exit(2, f"{name()}: there is no row \"{row}\"; there are\n  " + "\n  ".join(known) + "\n")
    return [row for row in known if any(part in row for part in names)] if by_part else names


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return int(text)


def positive_seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no time above 0")
    return seconds


def writable_file(text):
    """A file that can be written: found out before measuring, which takes minutes."""
    path = Path(text)
    is_new = not path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"cannot write '{text}' ({error.strerror}); choose a file in a folder that exists and may be written")
    if is_new:
        path.unlink()
    return path


def positives(text):
    return sorted({positive(item) for item in text.split(",")})


def new_parser(description, program, torch_program=None):
    """A parser of what all scripts understand; `program` and `torch_program`, if there is one, are the two sides."""
    parser = argparse.ArgumentParser(prog=f"./run bench {name()}", description=description)
    parser.add_argument("--threads", metavar="1,2", type=positives, default=sorted({1, os.cpu_count()}),
                        help="numbers of threads to measure with; by default 1 and the number of cores")
    parser.add_argument("--json", metavar="FILE", type=writable_file, help="write all figures to FILE")
    if torch_program:
        parser.add_argument("--python", metavar="PATH", default="python3",
                            help="a Python with PyTorch; by default python3")
    parser.add_argument(f"--{program}", metavar="PATH", dest="program",
                        default=str(FOLDER.parent / "build/release/bench" / program),
                        help="Ravel's side; by default that of the build folder")
    parser.set_defaults(torch_program=torch_program, steps=None)
    return parser


def add_row_options(parser, least_steps, seconds, by_part=False, rounds=5):
    """What scripts with a table of rows understand; a round has at least so many steps and takes so many seconds."""
    which = "rows whose names have A or B in them" if by_part else "these rows"
    parser.add_argument("--rows", metavar="A,B", help=f"only {which}; by default all")
    parser.add_argument("--rounds", metavar="N", type=positive, default=rounds,
                        help=f"of each side, in turn; by default {rounds}")
    parser.add_argument("--steps", metavar="N", type=positive,
                        help=f"steps in a round; by default at least {least_steps}, and as many as take {seconds} s")
    parser.add_argument("--list", action="store_true", help="name the rows and do nothing else")
    parser.set_defaults(least_steps=least_steps, seconds=seconds)


def run(main):
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
