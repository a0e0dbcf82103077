"""`python -m tests.support.leash PROGRAM...` runs a program that ends when standard input closes.

What a test starts this way cannot outlive the tests, however they end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence

PATIENCE_S = 10.0


def main(command: Sequence[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end_with_standard_input() -> None:
        while os.read(0, 1024):
            pass
        child.terminate()
        try:
            child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()

    threading.Thread(target=end_with_standard_input, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
