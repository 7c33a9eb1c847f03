"""Astern as a program that answers requests: the other half of benches/src/peer."""

import json
import subprocess


class Astern:
    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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
