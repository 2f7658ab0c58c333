#!/usr/bin/env python3
"""Measures how much faster Ravel trains with several threads than with one, in turn; see bench/README.md."""

import statistics

import sides as sides_of
from sides import NAME_WIDTH, Side, ravel_command


def measure(row, one, many, arguments):
    """Milliseconds per step on one thread and on several, in each round."""
    steps = sides_of.steps_for(one, row, arguments)
    return [(one.measure(row, steps), many.measure(row, steps)) for _ in range(arguments.rounds)]


def line_of(row, threads, rounds):
    ones, manys = zip(*rounds)
    speedups = [one / many for one, many in rounds]
    return (f"{row:<{NAME_WIDTH}} {statistics.median(ones):>11.3f} {threads:>7} {statistics.median(manys):>9.3f} "
            f"{statistics.median(speedups):>7.2f} {min(speedups):>6.2f} {max(speedups):>6.2f}")


def main():
    parser = sides_of.new_parser(__doc__, "nets")
    sides_of.add_row_options(parser, least_steps=5, seconds=0.2, by_part=True, rounds=15)
    arguments = parser.parse_args()
    rows = sides_of.chosen_rows(parser, arguments, sides_of.ask_ravel(arguments, "list"), by_part=True)
    if arguments.list:
        print("\n".join(rows))
        return 0
    numbers = [threads for threads in arguments.threads if threads > 1]
    if not numbers:
        parser.exit(2, "scaling: --threads needs a number above 1 to compare with one thread\n")
    print(f"{'':<{NAME_WIDTH}} {'1 thread ms':>11} {'threads':>7} {'ms':>9} {'faster':>7} {'min':>6} {'max':>6}")
    results = []
    for threads in numbers:
        with Side(ravel_command(arguments, 1)) as one, Side(ravel_command(arguments, threads)) as many:
            for row in rows:
                rounds = measure(row, one, many, arguments)
                results.append({"name": row, "threads": threads, "rounds": rounds})
                print(line_of(row, threads, rounds), flush=True)
    sides_of.write_json(arguments, {"rows": results})
    return 0


if __name__ == "__main__":
    sides_of.run(main)
