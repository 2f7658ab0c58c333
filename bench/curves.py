#!/usr/bin/env python3
"""Measures time per step against batch, depth and graph size, and draws it; see bench/README.md."""

import math
import statistics
from pathlib import Path

import sides as sides_of
from sides import FOLDER, Side, ravel_command, torch_command

AXES = {"batch": "samples in a batch", "depth": "layers", "graph size": "operations in the graph"}
TITLES = {"batch": "mlp 784-256-128-10, sgd", "depth": "layers 16-16 and tanh, batch 16, sgd",
          "graph size": "tanh and + in turn, 4x4"}
LARGE = 0.1        # of the largest point: from here on time counts as past the floor
COLOURS = {"Ravel": "#0a6b57", "PyTorch": "#c2410c"}


def fit(points):
    """The floor and the slope of time = floor + slope x, with least squares of the relative differences."""
    weights = [1 / time**2 for _, time in points]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points)) / total
    mean_time = sum(w * time for w, (_, time) in zip(weights, points)) / total
    slope = (sum(w * (x - mean_x) * (time - mean_time) for w, (x, time) in zip(weights, points))
             / sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points)))
    return mean_time - slope * mean_x, slope


def deviation(points):
    """How far a point is from the line through all, relative to the line, and where: the worst one."""
    floor, slope = fit(points)
    return max(((time / (floor + slope * x) - 1, x) for x, time in points), key=lambda pair: abs(pair[0]))


def unit_deviation(points):
    """How far the time per unit of the large points is from their median: the worst one, and where."""
    large = [(x, time / x) for x, time in points if x >= LARGE * points[-1][0]]
    middle = statistics.median(unit for _, unit in large)
    return max(((unit / middle - 1, x) for x, unit in large), key=lambda pair: abs(pair[0]))


def number(x):
    """As it stands at an axis: 0.01, 10, 1,000."""
    return f"{x:,.0f}" if x >= 1 else f"{x:g}"


class Picture:
    """Lines in a square of two logarithmic axes, as SVG."""

    WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 420, 76, 44, 40, 56

    def __init__(self, title, x_label, y_label, lines):
        points = [point for line in lines.values() for point in line]
        self.decades = [(math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9))
                        for values in zip(*points)]
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.WIDTH} {self.HEIGHT}" width="{self.WIDTH}" '
            f'height="{self.HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">',
            f'<rect width="{self.WIDTH}" height="{self.HEIGHT}" fill="#fff"/>']
        self.text(self.LEFT, 24, title, "start", 'font-size="15" font-weight="bold"')
        self.axes(x_label, y_label)
        for place, (name, line) in enumerate(lines.items()):
            self.line(name, line, place)
        self.parts.append("</svg>")

    def text(self, x, y, text, anchor, more=""):
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escaped}</text>')

    def at(self, x, y):
        (x_low, x_high), (y_low, y_high) = self.decades
        width, height = self.WIDTH - self.LEFT - self.RIGHT, self.HEIGHT - self.TOP - self.BOTTOM
        return (self.LEFT + (math.log10(x) - x_low) / (x_high - x_low) * width,
                self.TOP + (y_high - math.log10(y)) / (y_high - y_low) * height)

    def axes(self, x_label, y_label):
        (x_low, x_high), (y_low, y_high) = self.decades
        for decade in range(x_low, x_high + 1):
            x, bottom = self.at(10**decade, 10**y_low)
            self.parts.append(f'<path d="M{x:.1f} {self.TOP}V{bottom:.1f}" stroke="#ddd"/>')
            self.text(x, bottom + 18, number(10**decade), "middle")
        for decade in range(y_low, y_high + 1):
            left, y = self.at(10**x_low, 10**decade)
            self.parts.append(f'<path d="M{left:.1f} {y:.1f}H{self.WIDTH - self.RIGHT}" stroke="#ddd"/>')
            self.text(left - 8, y + 4, number(10**decade), "end")
        middle = (self.TOP + self.HEIGHT - self.BOTTOM) / 2
        self.text((self.LEFT + self.WIDTH - self.RIGHT) / 2, self.HEIGHT - 14, x_label, "middle")
        self.text(20, middle, y_label, "middle", f'transform="rotate(-90 20 {middle:.0f})"')

    def line(self, name, points, place):
        places = [self.at(x, y) for x, y in points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        colour = COLOURS[name]
        self.parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        self.parts.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places)
        self.text(self.LEFT + 14, self.TOP + 20 + 18 * place, name, "start", f'fill="{colour}" font-weight="bold"')

    def write(self, file):
        file.write_text("\n".join(self.parts) + "\n")


def draw(curve, lines, threads, folder):
    noun = "thread" if threads == 1 else "threads"
    title = f"{TITLES.get(curve, curve)}; {threads} {noun}"
    file = folder / f"{curve.replace(' ', '_')}_{threads}.svg"
    Picture(title, AXES.get(curve, curve), "milliseconds per step", lines).write(file)


def measure(sides, rows, arguments):
    """For each side, points (x, milliseconds per step in each round). Each round visits all points, both sides in turn,
    so that what changes on the machine meanwhile touches all alike."""
    steps, times = {}, {}
    for _ in range(arguments.rounds):
        for x, row in rows:
            for name, (side, most) in sides.items():
                if x > most:
                    continue
                if (name, x) not in steps:
                    steps[name, x] = max(1, math.ceil(1000 * arguments.seconds / side.measure(row, 1)))
                times.setdefault((name, x), []).append(side.measure(row, steps[name, x]))
    return {name: [(x, times[name, x]) for x, _ in rows if x <= most] for name, (_, most) in sides.items()}


def measure_curve(curve, rows, threads, arguments):
    with Side(ravel_command(arguments, threads)) as ravel:
        if arguments.no_torch:
            return measure({"Ravel": (ravel, math.inf)}, rows, arguments)
        most = arguments.torch_nodes if curve == "graph size" else math.inf
        with Side(torch_command(arguments, threads), {"OMP_NUM_THREADS": str(threads)}) as torch:
            return measure({"Ravel": (ravel, math.inf), "PyTorch": (torch, most)}, rows, arguments)


def summaries(lines, summary):
    """The lines with one time per point: `summary` of its rounds."""
    return {side: [(x, summary(times)) for x, times in points] for side, points in lines.items()}


def report(curve, threads, lines):
    """Others on the machine only ever add to a time, so the fastest round of a point is closest to what the program
    itself takes: the line goes through these. How far the medians are from their own line stands beside it."""
    figures, medians = [], summaries(lines, statistics.median)
    for side, points in summaries(lines, min).items():
        floor, slope = fit(points)
        worst, at = deviation(points)
        unit, unit_at = unit_deviation(points)
        median_worst, median_at = deviation(medians[side])
        figures.append({"curve": curve, "threads": threads, "side": side, "points": points, "floor_ms": floor,
                        "slope_ms": slope, "worst": worst, "worst_at": at, "unit_worst": unit, "unit_worst_at": unit_at,
                        "median_points": medians[side], "median_worst": median_worst, "median_worst_at": median_at})
        print(f"{curve:<12} {threads:>7}  {side:<8} {floor:>#9.3g} {slope:>#11.3g}   {100 * worst:>+6.1f} % at {at:<9,}"
              f"   {100 * unit:>+6.1f} % at {unit_at:<9,}   {100 * median_worst:>+6.1f} % at {median_at:,}", flush=True)
    return figures


def main():
    parser = sides_of.new_parser(__doc__, "nets", "torch_nets.py")
    parser.add_argument("--curves", metavar="A,B", help="only these of batch, depth, graph size; by default all")
    parser.add_argument("--rounds", metavar="N", type=sides_of.positive, default=10, help="of a point; by default 10")
    parser.add_argument("--seconds", metavar="S", type=sides_of.positive_seconds, default=0.03,
                        help="of a round; by default 0.03")
    parser.add_argument("--most", metavar="N", type=sides_of.positive, help="leave out points beyond N")
    parser.add_argument("--no-torch", action="store_true", help="measure Ravel alone")
    parser.add_argument("--torch-nodes", metavar="N", type=sides_of.positive, default=100_000,
                        help="the largest graph that PyTorch gets; by default 100000, because it takes long")
    parser.add_argument("--pictures", metavar="FOLDER", default=str(FOLDER.parent / "docs/pictures"),
                        help="where pictures are written; by default docs/pictures")
    arguments = parser.parse_args()
    known = sides_of.ask_ravel(arguments, "curves")
    curves = [name.strip() for name in arguments.curves.split(",")] if arguments.curves else list(known)
    rows = {}
    for curve in curves:
        if curve not in known:
            parser.exit(2, f"curves: there is no curve \"{curve}\"; there are {', '.join(known)}\n")
        rows[curve] = [(x, row) for x, row in known[curve] if x <= (arguments.most or x)]
        if len(rows[curve]) < 2:
            smallest = known[curve][1][0]
            parser.exit(2, f"curves: --most {arguments.most} leaves fewer than two points of \"{curve}\"; "
                           f"use {smallest} or more, or choose others with --curves\n")
    if not arguments.no_torch:
        sides_of.require_torch(arguments.python)
    folder, results = Path(arguments.pictures), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sides_of.fail(f"--pictures {folder}: {error.strerror}; choose a folder that exists or can be made")
    print(f"{'curve':<12} {'threads':>7}  {'side':<8} {'floor ms':>9} {'ms per unit':>11}   "
          f"{'worst point':<22} {'time per unit, large':<22} worst point of medians")
    for threads in arguments.threads:
        for curve in curves:
            lines = measure_curve(curve, rows[curve], threads, arguments)
            draw(curve, summaries(lines, min), threads, folder)
            results.extend(report(curve, threads, lines))
    sides_of.write_json(arguments, {"curves": results})
    return 0


if __name__ == "__main__":
    sides_of.run(main)
