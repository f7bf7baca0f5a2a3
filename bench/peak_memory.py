"""Measures the peak resident memory of any process of a command (stages run one at a time).

python3 bench/peak_memory.py make repro
"""

import resource
import subprocess
import sys
import time

if __name__ == "__main__":
    started = time.perf_counter()
    done = subprocess.run(sys.argv[1:], check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20  # kibibytes on Linux
    print(
        f"{' '.join(sys.argv[1:])}: peak memory {peak:.2f} GiB, {time.perf_counter() - started:.0f} s"
    )
    sys.exit(done.returncode)
