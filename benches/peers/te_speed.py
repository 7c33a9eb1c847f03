"""Speed of transfer entropy: scipy's k-d tree, PyInform and Astern in turns, on the same series.

    python te_speed.py <path of the te_peer program> [--rounds 7] [--threads 2] [--out FILE]

`cargo xtask peers te-speed` makes the environment (te_requirements.txt beside this file), builds the
program and runs this. One core but for the pairs. Values are compared before anything is timed. Each figure
is the median over rounds; in a round each side runs several times in a row and the median counts.
"""

import argparse
import statistics
import time

import numpy as np
import scipy
from pyinform.transferentropy import transfer_entropy
from scipy.spatial import cKDTree
from scipy.special import digamma

from astern_peer import Astern, Table

NEIGHBOURS = 4


def coupled(n):
    """X = .6 X + e, Y = .5 Y + .4 X(-1) + e."""
    rng = np.random.default_rng(n)
    x, y = np.zeros(n), np.zeros(n)
    e = rng.standard_normal((n, 2))
    for t in range(1, n):
        x[t] = 0.6 * x[t - 1] + e[t, 0]
        y[t] = 0.5 * y[t - 1] + 0.4 * x[t - 1] + e[t, 1]
    return x, y


def symbols(n, base=8):
    """Y is X of the step before half the time, else a symbol at random."""
    rng = np.random.default_rng(n)
    x, noise = rng.integers(0, base, (2, n))
    copied = np.roll(x, 1)
    return x, np.where(rng.random(n) < 0.5, copied, noise)


def ksg_scipy(x, y):
    """KSG1 with k = l = 1 as it is usually written: a tree for neighbours, trees or sorting for counts."""
    now, past, source = ((c - c.mean()) / c.std(ddof=1) for c in (y[1:], y[:-1], x[:-1]))
    joint = np.column_stack([now, past, source])
    radius = cKDTree(joint).query(joint, NEIGHBOURS + 1, p=np.inf)[0][:, -1]
    inside = radius - 1e-12  # Strictly within, against rounding.

    def near(columns):
        tree = cKDTree(columns)
        return tree.query_ball_point(columns, inside, p=np.inf, return_length=True)

    ranks = np.sort(past)
    in_past = np.searchsorted(ranks, past + inside, "right") - np.searchsorted(ranks, past - inside, "left")
    counts = [in_past, near(joint[:, 1:]), near(joint[:, :2])]
    z, xz, yz = (digamma(c) for c in counts)
    return digamma(NEIGHBOURS) + np.mean(z - xz - yz)


def milliseconds(run, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def compare(astern, estimator, series, peer, rounds, repeats):
    astern.ask("series", series=[[float(v) for v in column] for column in series])
    ours = astern.ask("value", estimator=estimator)["value"]["nats"]
    theirs = peer()
    # Counts right at a radius may fall either way.
    assert abs(ours - theirs) < 1e-5, f"{estimator}: {ours} is not {theirs}"
    sides = {"peer": [], "ours": []}
    for _ in range(rounds):
        sides["peer"].append(statistics.median(milliseconds(peer, repeats)))
        took = astern.milliseconds("time", estimator=estimator, repeats=repeats)
        sides["ours"].append(statistics.median(took))
    return statistics.median(sides["peer"]), statistics.median(sides["ours"]), abs(ours - theirs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out")
    args = parser.parse_args()
    astern = Astern(args.program, libraries=[])
    say = Table(args.out).say
    say(f"scipy {scipy.__version__}, numpy {np.__version__}, PyInform 0.2.0; k = l = 1, one core.\n")
    say("Milliseconds; ratio below 1: Astern is faster. `off`: difference of the two values in nats.\n")
    say("| estimator | N | peer | peer takes | Astern | ratio | off |")
    say("|---|---|---|---|---|---|---|")
    worst = 0.0
    for n, repeats in ((2_000, 9), (20_000, 3)):
        x, y = coupled(n)
        row = compare(astern, "ksg", (x, y), lambda: ksg_scipy(x, y), args.rounds, repeats)
        worst = max(worst, row[1] / row[0])
        say(f"| KSG1 | {n} | scipy k-d tree | {row[0]:.3g} | {row[1]:.3g} | {row[1] / row[0]:.3f} | {row[2]:.0e} |")
    for n, repeats in ((2_000, 99), (20_000, 99)):
        x, y = symbols(n)
        a, b = (np.ascontiguousarray(c, dtype=np.int32) for c in (x, y))

        def inform():
            return transfer_entropy(a, b, k=1) * np.log(2)

        row = compare(astern, "discrete", (x, y), inform, args.rounds, repeats)
        worst = max(worst, row[1] / row[0])
        say(f"| discrete, 8 symbols | {n} | PyInform | {row[0]:.3g} | {row[1]:.3g} | {row[1] / row[0]:.3f} | {row[2]:.0e} |")
    say(f"\nGreatest ratio: {worst:.3f}.\n")
    say("All 380 ordered pairs of 20 series, N = 2,000, each with 100 circular surrogates; seconds.\n")
    say("| estimator | threads | seconds |")
    say("|---|---|---|")
    series = [column for seed in range(10) for column in coupled(2_000 + seed)]
    astern.ask("series", series=[[float(v) for v in column[:2_000]] for column in series])
    for name, stop in (("gaussian", None), ("ksg", None), ("ksg", 10)):
        took = astern.milliseconds(
            "pairs", estimator=name, surrogates=100, stop_after=stop, threads=args.threads
        )[0]
        label = name if stop is None else f"{name}, stopping after {stop}"
        say(f"| {label} | {args.threads} | {took / 1e3:.3g} |")


if __name__ == "__main__":
    main()
