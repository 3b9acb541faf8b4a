"""What a check of the record costs, anew and after a change of one act, at records of several sizes.

    python benchmarks/check.py [--measures 1000 3000 10000] [--folder FOLDER]

For each size: writes a made-up record (synthetic.py), checks it, changes the title of one act, checks it again with
what the first check kept, and once more anew; stops where the last two say different things. Then builds it, without
downloads. Seconds are of the clock and, in brackets, of the processor, with all processes that a check begins; a check
is that of files and, as `inforce check` does it, that of the timeline. Each runs in a process of its own. Memory is
the most that the first process of a full check held, and the most that one of those that it began did.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.append(str(Path(__file__).parent))
from growth import exponent
from rebuild import HERE, built, change

_CHECK = """
import hashlib, resource, sys, time
from pathlib import Path
from inforce import checks, record
if __name__ == "__main__":
    source, kept = (Path(argument) for argument in sys.argv[1:])
    start = time.perf_counter()
    problems = checks.check(source, kept=kept)
    record.load(source)
    clock = time.perf_counter() - start
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    said = hashlib.sha256("\\n".join(map(str, problems)).encode()).hexdigest()
    processor = sum(each.ru_utime + each.ru_stime for each in used)
    print(said, len(problems), clock, processor, *(each.ru_maxrss // 1024 for each in used))
"""


class Checked(NamedTuple):
    said: str
    problems: int
    clock: float
    processor: float
    memory: int  # MB
    memory_of_others: int  # of the largest of the processes that it began

    def __str__(self) -> str:
        return f"{self.clock:.1f} ({self.processor:.1f})"


def checked(source: Path, kept: Path) -> Checked:
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:  # the processes of a pool want a file to begin from
        script.write(_CHECK)
        script.flush()
        command = [sys.executable, script.name, source, kept]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Checked(told[0], int(told[1]), float(told[2]), float(told[3]), int(told[4]), int(told[5]))


def measured(measures: int, folder: Path) -> tuple[float, str]:
    """How long a full check takes of the processor, and a row of the table."""
    source = folder / "source"
    options = ["--measures", str(measures), source]
    subprocess.run([sys.executable, HERE / "synthetic.py", *options], check=True, stdout=subprocess.DEVNULL)
    full = checked(source, folder / "kept")
    change(source)
    after, anew = checked(source, folder / "kept"), checked(source, folder / "anew")
    if after.said != anew.said:
        raise SystemExit(f"{measures} measures: after a change another report than anew")
    clock, processor = built(source, folder / "builds", downloads=False)
    acts = sum(1 for _ in (source / "data").rglob("*-synthetic-*.ttl"))
    return full.processor, (
        f"| {measures:,} | {acts:,} | {full} | {clock:.1f} ({processor:.1f}) | {full.clock / clock:.1f} "
        f"| {after} | {after.clock / full.clock:.3f} | {full.memory} + {full.memory_of_others} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measures", type=int, nargs="+", default=[1_000, 3_000, 10_000])
    parser.add_argument("--folder", type=Path, help="where records lie meanwhile (default: that of the system)")
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| measures | acts | full, s | build, s | of a build | after one act, s | of full | MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    costs: list[tuple[int, float]] = []
    for measures in given.measures:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            processor, row = measured(measures, Path(folder))
        costs.append((measures, processor))
        print(row, flush=True)
    print(f"\nexponent of the processor time of a full check: {exponent(costs)}")


if __name__ == "__main__":
    main()
