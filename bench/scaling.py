#!/usr/bin/env python3
"""Measures how much faster Ravel trains with several threads than with one, in turn; see bench/README.md."""

import statistics

import sides as sides_of
from sides import NAME_WIDTH, Side, ravel_command

ALL_CORES = 0.9    # of as many cores as there are threads: a round in which the machine lends fewer does not count
NEAR_NS = 100      # from one core to another; where it takes longer they share no cache, and the round does not count
MOST_ROUNDS = 3    # times as many as are to count


class Pair:
    """The program on one thread and on several."""

    def __init__(self, one, many, threads):
        self.one, self.many, self.threads = one, many, threads
        self.core = 0.0    # the largest peak that one thread has reached

    def measure_round(self, row, steps):
        """Milliseconds per step on one thread and on several, and what the machine lent the threads meanwhile: how many
        cores, that is how many times the peak of one thread they reached, and the nanoseconds from one to another; of
        two figures, from just before and just after, the worse one.

        In a virtual machine there are fewer cores than threads for as long as the host lets two of them share a core,
        and in any machine while other programs run. The host may also move them to cores that share no cache.
        """
        self.core = max(self.core, self.one.peak())
        one_ms = self.one.measure(row, steps)
        before = self.many.peak(), self.many.handover()
        many_ms = self.many.measure(row, steps)
        after = self.many.peak(), self.many.handover()
        return {"one_ms": one_ms, "many_ms": many_ms, "cores": min(before[0], after[0]) / self.core,
                "handover_ns": max(before[1], after[1])}

    def had_all_cores(self, result):
        return result["cores"] >= ALL_CORES * self.threads

    def measure(self, row, arguments):
        """Rounds until enough of them had all cores, near each other; at most MOST_ROUNDS times as many."""
        steps = sides_of.steps_for(self.one, row, arguments)
        rounds = []
        while len(self.counting(rounds)) < arguments.rounds and len(rounds) < MOST_ROUNDS * arguments.rounds:
            rounds.append(self.measure_round(row, steps))
        return rounds

    def counts(self, result):
        return self.had_all_cores(result) and result["handover_ns"] <= NEAR_NS

    def counting(self, rounds):
        return [result for result in rounds if self.counts(result)]

    def line_of(self, row, rounds):
        counting = self.counting(rounds)
        counted = counting or rounds
        one_ms, many_ms, cores, handover = (
            statistics.median(r[key] for r in counted) for key in ("one_ms", "many_ms", "cores", "handover_ns"))
        faster = speedups(counted)
        remark = f"  {len(counting)} of {len(rounds)} rounds count"
        apart = [r for r in rounds if self.had_all_cores(r) and not self.counts(r)]
        if apart:
            remark += f"; {statistics.median(speedups(apart)):.2f} in {len(apart)} with cores apart"
        return (f"{row:<{NAME_WIDTH}} {one_ms:>11.3f} {self.threads:>7} {many_ms:>9.3f} "
                f"{statistics.median(faster):>7.2f} {min(faster):>6.2f} {max(faster):>6.2f} "
                f"{cores:>6.2f} {handover:>5.0f}{remark}")


def speedups(rounds):
    return [r["one_ms"] / r["many_ms"] for r in rounds]


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
    print(f"{'':<{NAME_WIDTH}} {'1 thread ms':>11} {'threads':>7} {'ms':>9} {'faster':>7} {'min':>6} {'max':>6} "
          f"{'cores':>6} {'ns':>5}")
    results = []
    for threads in numbers:
        with Side(ravel_command(arguments, 1)) as one, Side(ravel_command(arguments, threads)) as many:
            pair = Pair(one, many, threads)
            for row in rows:
                rounds = pair.measure(row, arguments)
                results.append({"name": row, "threads": threads, "rounds": rounds})
                print(pair.line_of(row, rounds), flush=True)
    sides_of.write_json(arguments, {"rows": results})
    return 0


if __name__ == "__main__":
    sides_of.run(main)
