"""Speed of graph layers: PyTorch Geometric and Astern in turns, on one libtorch, same inputs.

    python gnn_speed.py <path of the gnn_peer program> [--rounds 7] [--out FILE]

`cargo xtask peers gnn-speed` makes the environment (requirements.txt beside this file), builds the
program and runs this. Graphs are random, E = 8 N, 64 features in and out; outputs are compared
before anything is timed. Each figure is the median over rounds; in a round each library runs the
layer several times in a row and the median counts.
"""

import argparse
import os
import statistics
import tempfile
import time

import torch
from safetensors.torch import load_file, save_file
from torch_geometric import __version__ as pyg_version
from torch_geometric.nn import GATConv, GATv2Conv, GCNConv, SAGEConv

from astern_peer import Astern, Table

WIDTH = 64
SIZES = [50, 500, 5_000, 50_000]
REPEATS = {50: 60, 500: 30, 5_000: 8, 50_000: 2}


class TGcn(torch.nn.Module):
    """The T-GCN cell of Zhao et al. (2019) from PyG's GCNConv, three of them and three dense."""

    def __init__(self, inputs, width):
        super().__init__()
        self.conv_z, self.conv_r, self.conv_h = (GCNConv(inputs, width) for _ in range(3))
        self.linear_z, self.linear_r, self.linear_h = (
            torch.nn.Linear(2 * width, width) for _ in range(3)
        )

    def forward(self, x, edge_index, h):
        z = torch.sigmoid(self.linear_z(torch.cat([self.conv_z(x, edge_index), h], 1)))
        r = torch.sigmoid(self.linear_r(torch.cat([self.conv_r(x, edge_index), h], 1)))
        c = torch.tanh(self.linear_h(torch.cat([self.conv_h(x, edge_index), h * r], 1)))
        return z * h + (1 - z) * c


LAYERS = {
    "gcn": lambda: GCNConv(WIDTH, WIDTH),
    "sage": lambda: SAGEConv(WIDTH, WIDTH),
    "gat": lambda: GATConv(WIDTH, WIDTH // 4, heads=4),
    "gatv2": lambda: GATv2Conv(WIDTH, WIDTH // 4, heads=4),
    "tgcn": lambda: TGcn(WIDTH, WIDTH),
}


def run(layer, name, x, edge_index):
    return layer(x, edge_index, torch.zeros_like(x)) if name == "tgcn" else layer(x, edge_index)


def peer_times(layer, name, x, edge_index, backward, repeats):
    times = []
    x = x.detach().requires_grad_(backward)
    for _ in range(repeats):
        start = time.perf_counter()
        if backward:
            run(layer, name, x, edge_index).square().sum().backward()
        else:
            with torch.no_grad():
                run(layer, name, x, edge_index)
        times.append(1e3 * (time.perf_counter() - start))
    return times


def compare(astern, name, n, threads, rounds, folder):
    torch.manual_seed(n)
    x = torch.randn(n, WIDTH)
    edge_index = torch.randint(0, n, (2, 8 * n))
    layer = LAYERS[name]()
    graph, weights, output = (os.path.join(folder, f) for f in ("graph", "weights", "output"))
    ends = edge_index.double()
    save_file({"x": x, "source": ends[0].contiguous(), "target": ends[1].contiguous()}, graph)
    save_file({k: v.contiguous() for k, v in layer.state_dict().items()}, weights)
    torch.set_num_threads(threads)
    astern.ask("threads", threads=threads)
    prepare = astern.milliseconds("graph", path=graph)[0]
    astern.ask("layer", layer=name, path=weights)
    astern.ask("output", path=output)
    with torch.no_grad():
        expected = run(layer, name, x, edge_index)
    off = (load_file(output)["y"].float() - expected).abs().max().item()
    assert off < 1e-4, f"{name} at N = {n}: outputs differ by {off}"
    row = {"layer": name, "n": n, "threads": threads, "prepare": prepare, "off": off}
    for backward in (False, True):
        repeats = REPEATS[n]
        peer, ours = [], []
        peer_times(layer, name, x, edge_index, backward, 3)
        astern.milliseconds("time", backward=backward, repeats=3)
        for _ in range(rounds):
            times = peer_times(layer, name, x, edge_index, backward, repeats)
            peer.append(statistics.median(times))
            times = astern.milliseconds("time", backward=backward, repeats=repeats)
            ours.append(statistics.median(times))
        key = "both" if backward else "forward"
        row[key] = (statistics.median(peer), statistics.median(ours))
    return row


def cells(pair):
    peer, ours = pair
    return f"{peer:.3g} | {ours:.3g} | {ours / peer:.2f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--max-nodes", type=int, default=SIZES[-1])
    parser.add_argument("--layers", nargs="*", default=list(LAYERS))
    parser.add_argument("--out")
    args = parser.parse_args()
    astern = Astern(args.program)
    say = Table(args.out).say
    say(f"PyTorch Geometric {pyg_version}, torch {torch.__version__} (CPU), both sides.\n")
    say("Milliseconds; ratio below 1: Astern is faster. `prepare`: Astern's once-per-graph sort")
    say("and copy, from a list of edges to tensors; PyTorch Geometric has no such step.\n")
    say("| layer | N | threads | PyG forward | Astern | ratio | PyG forward + backward | Astern | ratio | prepare |")
    say("|---|---|---|---|---|---|---|---|---|---|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name in args.layers:
            for n in (n for n in SIZES if n <= args.max_nodes):
                for threads in (1, 2):
                    row = compare(astern, name, n, threads, args.rounds, folder)
                    worst = max([worst] + [o / p for p, o in (row["forward"], row["both"])])
                    say(
                        f"| {name} | {n} | {threads} | {cells(row['forward'])} | "
                        f"{cells(row['both'])} | {row['prepare']:.3g} |"
                    )
    say(f"\nGreatest ratio: {worst:.2f}.")


if __name__ == "__main__":
    main()
