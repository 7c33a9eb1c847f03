"""Time and memory of graph layers as edges grow: PyTorch Geometric and Astern, one libtorch.

    python gnn_growth.py <path of the gnn_peer program> [--layers gcn gatv2] [--nodes 5000] [--out FILE]

Each figure is of a process of its own, one thread: the median time of forward + backward, and how
much the peak of resident memory rose above what the process held with the graph loaded and the
layer made.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

from astern_peer import Astern, Table
from gnn_speed import LAYERS, WIDTH, peer_times

DEGREES = [2, 8, 32, 128]
REPEATS = 5


def resident_mib(pid, field):
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {field} in /proc/{pid}/status")


def forget_peak(pid):
    """Sets the peak (VmHWM) back to what is resident now."""
    with open(f"/proc/{pid}/clear_refs", "w") as refs:
        refs.write("5")


def write(name, nodes, degree, folder):
    torch.manual_seed(nodes + degree)
    ends = torch.randint(0, nodes, (2, degree * nodes)).double()
    graph, weights = os.path.join(folder, "graph"), os.path.join(folder, "weights")
    x = torch.randn(nodes, WIDTH)
    save_file({"x": x, "source": ends[0].contiguous(), "target": ends[1].contiguous()}, graph)
    state = LAYERS[name]().state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, weights)
    return graph, weights


def ours(program, name, graph, weights):
    astern = Astern(program)
    pid = astern.process.pid
    astern.ask("threads", threads=1)
    astern.ask("graph", path=graph)
    astern.ask("layer", layer=name, path=weights)
    forget_peak(pid)
    before = resident_mib(pid, "VmRSS")
    times = astern.milliseconds("time", backward=True, repeats=REPEATS)
    return statistics.median(times), resident_mib(pid, "VmHWM") - before


def peer(name, graph):
    torch.set_num_threads(1)
    state = load_file(graph)
    edge_index = torch.stack([state["source"], state["target"]]).long()
    layer = LAYERS[name]()
    pid = os.getpid()
    forget_peak(pid)
    before = resident_mib(pid, "VmRSS")
    times = peer_times(layer, name, state["x"], edge_index, True, REPEATS)
    print(statistics.median(times), resident_mib(pid, "VmHWM") - before)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--layers", nargs="*", default=["gcn", "gatv2"])
    parser.add_argument("--out")
    parser.add_argument("--peer", nargs=2, help="internal: the process of the peer")
    args = parser.parse_args()
    if args.peer:
        return peer(*args.peer)
    say = Table(args.out).say
    say(f"N = {args.nodes}, {WIDTH} features in and out, forward + backward, one thread.\n")
    say("| layer | E | PyG ms | Astern ms | PyG MiB | Astern MiB |")
    say("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in args.layers:
            for degree in DEGREES:
                graph, weights = write(name, args.nodes, degree, folder)
                command = [sys.executable, __file__, args.program, "--peer", name, graph]
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                peer_ms, peer_mib = map(float, out.split())
                ms, mib = ours(args.program, name, graph, weights)
                edges = degree * args.nodes
                say(
                    f"| {name} | {edges} | {peer_ms:.3g} | {ms:.3g} | {peer_mib:.0f} | {mib:.0f} |"
                )


if __name__ == "__main__":
    main()
