"""Classes of papers in Cora: PyTorch Geometric and Astern in turns, on the same splits.

    python cora.py <path of the gnn_peer program> [--data FILE] [--seeds 10] [--models gcn sage …]

`cargo xtask peers cora` makes the environment (requirements.txt beside this file), builds the
program and runs this. The protocol is in eval/src/gnn/cora.rs; here it is once more in the
peer's terms. The data is $ASTERN_DATA/graph-anomaly/cora_clean.npz unless --data names another.
"""

import argparse
import copy
import os
import statistics
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from torch_geometric import __version__ as pyg_version
from torch_geometric.data import Data
from torch_geometric.nn import GATConv, GATv2Conv, GCNConv, SAGEConv
from torch_geometric.transforms import NormalizeFeatures
from torch_geometric.utils import to_undirected

from astern_peer import Astern, Table

HIDDEN, HEADS, DROPOUT = 64, 8, 0.5
EPOCHS, PATIENCE, WEIGHT_DECAY = 200, 20, 5e-4


def attention(layer):
    def make(inputs, outputs):
        first = layer(inputs, HIDDEN // HEADS, heads=HEADS, dropout=DROPOUT)
        return first, layer(HIDDEN, outputs, concat=False, dropout=DROPOUT)

    return make, F.elu, 0.005


def plain(layer):
    return lambda inputs, outputs: (layer(inputs, HIDDEN), layer(HIDDEN, outputs)), F.relu, 0.01


MODELS = {
    "gcn": plain(GCNConv),
    "sage": plain(SAGEConv),
    "gat": attention(GATConv),
    "gatv2": attention(GATv2Conv),
}


class Net(torch.nn.Module):
    def __init__(self, model, inputs, outputs):
        super().__init__()
        make, self.activation, self.learning_rate = MODELS[model]
        self.first, self.second = make(inputs, outputs)

    def forward(self, data):
        x = F.dropout(data.x, DROPOUT, self.training)
        x = self.activation(self.first(x, data.edge_index))
        x = F.dropout(x, DROPOUT, self.training)
        return self.second(x, data.edge_index)


def read(path):
    file = numpy.load(path)
    x = torch.zeros(tuple(file["x_shape"]))
    x[file["x_row"], file["x_col"]] = torch.from_numpy(file["x_val"])
    edge_index = to_undirected(torch.from_numpy(file["edges"]).long().t().contiguous())
    data = Data(x=x, edge_index=edge_index, y=torch.from_numpy(file["y"]).long())
    return NormalizeFeatures()(data)


def macro_f1(found, labels, classes):
    scores = []
    for label in range(classes):
        both = ((found == label) & (labels == label)).sum().item()
        either = (found == label).sum().item() + (labels == label).sum().item()
        if either:
            scores.append(2 * both / either)
    return statistics.mean(scores)


def train(model, data, split, seed):
    train, validation, test = (torch.tensor(split[k]) for k in ("train", "validation", "test"))
    classes = int(data.y.max()) + 1
    torch.manual_seed(seed)
    net = Net(model, data.num_features, classes)
    start = time.perf_counter()
    adam = torch.optim.Adam(net.parameters(), net.learning_rate, weight_decay=WEIGHT_DECAY)
    best, best_state, waited, epochs = float("inf"), None, 0, 0
    while epochs < EPOCHS and waited < PATIENCE:
        net.train()
        adam.zero_grad()
        F.cross_entropy(net(data)[train], data.y[train]).backward()
        adam.step()
        net.eval()
        with torch.no_grad():
            value = F.cross_entropy(net(data)[validation], data.y[validation]).item()
        epochs, waited = epochs + 1, waited + 1
        if value < best:
            best, best_state, waited = value, copy.deepcopy(net.state_dict()), 0
    net.load_state_dict(best_state)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        found = net(data).argmax(1)[test]
    return {
        "accuracy": (found == data.y[test]).double().mean().item(),
        "macro_f1": macro_f1(found, data.y[test], classes),
        "epochs": epochs,
        "epoch_ms": 1e3 * seconds / epochs,
    }


def spread(values):
    return f"{100 * statistics.mean(values):.2f} ± {100 * statistics.stdev(values):.2f}"


def difference(astern, ours, peer):
    answer = astern.ask("paired", first=ours, second=peer)["difference"]
    low, high = answer["interval"] or [answer["mean"]] * 2
    return f"{100 * answer['mean']:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"


def row(astern, model, data, splits):
    peer, ours = [], []
    for seed, split in splits.items():
        peer.append(train(model, data, split, seed))
        ours.append(astern.ask("cora_train", model=model, seed=seed)["trained"])
        print(f"{model} {seed}: {peer[-1]} {ours[-1]}", file=sys.stderr, flush=True)
    cells = [model]
    for key in ("accuracy", "macro_f1"):
        theirs, own = ([run[key] for run in runs] for runs in (peer, ours))
        cells += [spread(theirs), spread(own), difference(astern, own, theirs)]
    for key in ("epochs", "epoch_ms"):
        cells += [f"{statistics.median(run[key] for run in runs):.3g}" for runs in (peer, ours)]
    return cells


def main():
    default = os.path.join(os.environ.get("ASTERN_DATA", "."), "graph-anomaly", "cora_clean.npz")
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--data", default=default)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--out")
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error("--seeds must be at least 2")
    if not os.path.isfile(args.data):
        parser.error(f"no file {args.data}: set ASTERN_DATA or --data")
    torch.set_num_threads(args.threads)
    data = read(args.data)
    astern = Astern(args.program)
    astern.ask("threads", threads=args.threads)
    astern.ask("cora", path=os.path.abspath(args.data))
    splits = {seed: astern.ask("cora_split", seed=seed)["split"] for seed in range(args.seeds)}
    say = Table(args.out).say
    say(f"PyTorch Geometric {pyg_version}, torch {torch.__version__} (CPU), both sides;")
    say(f"{args.seeds} splits by seed, threads: {args.threads}.\n")
    say("Percent, mean ± standard deviation over splits; difference: Astern less PyTorch Geometric,")
    say("paired, with its 95 % interval by t. Epochs until the early stop, and milliseconds of an")
    say("epoch with its validation, are medians.\n")
    say(
        "| model | PyG accuracy | Astern | difference | PyG macro-F1 | Astern | difference |"
        " PyG epochs | Astern | PyG ms | Astern |"
    )
    say("|---|---|---|---|---|---|---|---|---|---|---|")
    for model in args.models:
        say(f"| {' | '.join(row(astern, model, data, splits))} |")


if __name__ == "__main__":
    main()
