"""python -m benchmarks.drill [--rates]"""

from __future__ import annotations

import sys

from benchmarks.drill.telling import lies_table, rates_table

if __name__ == "__main__":
    sys.stdout.write(f"{rates_table() if sys.argv[1:] == ['--rates'] else lies_table()}\n")
