"""The program that describes the machine it runs on: python -m kit.machine prints one JSON line, a `Look`."""

from __future__ import annotations

import json
import os
import sys

from kit.machine.here import look_here
from kit.output import printable_json
from kit.strict import plain


def main() -> int:
    line = printable_json(json.dumps(plain(look_here()))).encode() + b"\n"
    os.write(sys.stdout.fileno(), line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
