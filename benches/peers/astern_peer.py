"""Astern as a program that answers requests: the other half of benches/src/peer."""

import json
import os
import subprocess



class Table:
    """Lines for standard output and, where a path is given, for a file as well."""

    def __init__(self, path=None):
        self.file = open(path, "w", encoding="utf-8") if path else None

    def say(self, line):
        print(line, flush=True)
        if self.file:
            print(line, file=self.file, flush=True)


class Astern:
    def __init__(self, program, libraries=None):
        """Starts the program, by default on the libtorch of this Python: one library serves both sides."""
        if libraries is None:
            import torch

            libraries = [os.path.join(torch.__path__[0], "lib")]
        libraries = [*libraries, os.environ.get("LD_LIBRARY_PATH")]
        path = os.pathsep.join(folder for folder in libraries if folder)
        self.process = subprocess.Popen(
            [program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_LIBRARY_PATH": path},
        )

    def ask(self, cmd, **fields):
        self.process.stdin.write(json.dumps({"cmd": cmd, **fields}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the program ended; see its output above")
        answer = json.loads(line)
        if isinstance(answer, dict) and "failed" in answer:
            raise RuntimeError(f"{cmd} {fields}: {answer['failed']['error']}")
        return answer

    def milliseconds(self, cmd, **fields):
        return self.ask(cmd, **fields)["took"]["ms"]
