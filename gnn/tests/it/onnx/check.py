"""Runs exported networks on onnxruntime and compares with what pure Rust computed.

    python check.py FOLDER [--fixture FILE]

FOLDER is written by the test `files_for_onnxruntime_are_written` of `main.rs`. Needs onnxruntime and numpy; where the
package onnx is installed too, its checker reads every file. With --fixture the outputs of the
recorded cases are written to FILE, for the test that runs without onnxruntime.
"""

import argparse
import json
import pathlib
import sys

import numpy
import onnxruntime

try:
    import onnx
except ImportError:
    onnx = None

LIMIT = 1e-5
RECORDED_RUNS = [3, 4]


def array(tensor, name):
    kind = numpy.int64 if name == "edge_index" else numpy.float32
    return numpy.array(tensor["values"], dtype=kind).reshape(tensor["shape"])


def check(path, about):
    """The greatest difference of each run, relative where numbers are larger than 1, and outputs."""
    if onnx:
        onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    offs, outputs = [], []
    refuses_no_steps(session)
    for run in about["runs"]:
        inputs = {name: array(tensor, name) for name, tensor in run["inputs"].items()}
        assert {i.name for i in session.get_inputs()} == set(inputs), path
        (y,) = session.run(["y"], inputs)
        expected = numpy.array(run["y"]["values"]).reshape(run["y"]["shape"])
        assert y.shape == expected.shape and y.dtype == numpy.float32, (path, y.shape)
        off = numpy.abs(y - expected) / numpy.maximum(1, numpy.abs(expected))
        offs.append(float(off.max(initial=0)))
        outputs.append(y)
    return offs, outputs


def refuses_no_steps(session):
    """Without steps of time there must be an error, not the end of the process."""
    shape = session.get_inputs()[0].shape
    if len(shape) < 3:
        return
    edges = {"edge_weight": [0], "edge_attr": [0, 2], "edge_index": [2, 0], "x": [2, 0, shape[2]]}
    inputs = {i.name: array({"values": [], "shape": edges[i.name]}, i.name) for i in session.get_inputs()}
    try:
        session.run(["y"], inputs)
    except Exception:  # onnxruntime's errors have no public common class
        return
    raise AssertionError("a window without steps has an output")


def record(about, outputs):
    runs = []
    for number in RECORDED_RUNS:
        y = outputs[number]
        values = [float(str(value)) for value in y.ravel()]
        inputs = about["runs"][number]["inputs"]
        runs.append({"inputs": inputs, "y": {"shape": list(y.shape), "values": values}})
    return {"crc": about["crc"], "runs": runs}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--fixture", type=pathlib.Path)
    arguments = arguments.parse_args()
    worst, failed, n_runs, cases = 0.0, False, 0, {}
    paths = sorted(arguments.folder.glob("*.onnx"))
    for path in paths:
        about = json.loads(path.with_suffix(".json").read_text())
        offs, outputs = check(str(path), about)
        # Not-a-number is greater than nothing, so it fails by not being below the limit.
        good = all(off < LIMIT for off in offs)
        failed |= not good
        worst, n_runs = max(worst, *offs), n_runs + len(offs)
        print(f"{path.stem:32} {max(offs):.1e} {'' if good else 'FAILED'}")
        if about["recorded"]:
            cases[path.stem] = record(about, outputs)
    print(f"{len(paths)} networks, {n_runs} runs, greatest difference {worst:.2e}")
    if failed or not paths:
        sys.exit(1)
    if arguments.fixture:
        versions = {"onnxruntime": onnxruntime.__version__, "numpy": numpy.__version__}
        fixture = {"versions": versions, "cases": cases}
        arguments.fixture.write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
