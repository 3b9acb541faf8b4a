"""What a build costs after a change of one act, beside one that is made anew, at records of several sizes.

    python benchmarks/rebuild.py [--measures 1000 10000 100000] [--with downloads disk] [--folder FOLDER]

For each size: writes a made-up record (synthetic.py), builds it, changes the title of one act, builds it again beside
the first, and once more in a folder of its own; compares all files of the last two, byte by byte, but for the index in
time and the store on disk, which say the same in other bytes (tests/test_build.py compares what they say). Seconds are
of the clock and, in brackets, of the processor, from the call of `build` in a process of its own to its end. `--with
downloads`: the store is loaded as well, to count what is in the build and to write RDF and tables for download;
`--with disk`: the store on disk is made as well.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # run as a script, this folder would hide the standard library's http

import argparse
import filecmp
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from inforce import intervals
from inforce.store import FOLDER

HERE = Path(__file__).parent


_BUILD = """
import sys, time
from pathlib import Path
from inforce import build, ondisk
start = time.perf_counter(), time.process_time()
made = build.build(Path(sys.argv[2]), Path(sys.argv[1]), downloads="downloads" in sys.argv)
if "disk" in sys.argv:
    ondisk.make(made)
print(time.perf_counter() - start[0], time.process_time() - start[1])
"""


def built(source: Path, builds: Path, besides: Sequence[str]) -> tuple[float, float]:
    """Seconds that a build takes in a process of its own that has just begun, of the clock and of the processor."""
    command = [sys.executable, "-c", _BUILD, source, builds, *besides]
    clock, processor = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(clock), float(processor)


def change(source: Path) -> None:
    """Another title for the act in the middle of the record."""
    acts = sorted((source / "data" / "us").glob("*.ttl"))
    file = acts[len(acts) // 2]
    file.write_text(file.read_text().replace('title "Synthetic', 'title "Other synthetic', 1))


def equal(one: Path, other: Path) -> bool:
    """Whether two builds have the same files with the same bytes, apart from those that say the same in others."""
    own = {FOLDER, intervals.FILE}
    names = [
        {f.relative_to(b).as_posix() for f in b.rglob("*") if f.is_file() and own.isdisjoint({f.name, f.parent.name})}
        for b in (one, other)
    ]
    return names[0] == names[1] and filecmp.cmpfiles(one, other, sorted(names[0]), shallow=False)[1:] == ([], [])


def measured(measures: int, folder: Path, besides: Sequence[str]) -> str:
    """A row of the table."""
    source = folder / "source"
    options = ["--measures", str(measures), source]
    subprocess.run([sys.executable, HERE / "synthetic.py", *options], check=True, stdout=subprocess.DEVNULL)
    full = built(source, folder / "builds", besides)
    change(source)
    again = built(source, folder / "builds", besides)
    built(source, folder / "anew", besides)
    same = equal((folder / "builds" / "current").resolve(), (folder / "anew" / "current").resolve())
    size = (folder / "anew" / "current" / "inforce.nq").stat().st_size / 1e6
    acts = sum(1 for _ in (source / "data").rglob("*-synthetic-*.ttl"))
    told = [f"{clock:.1f} ({processor:.1f})" for clock, processor in (full, again)]
    ratios = f"{again[0] / full[0]:.3f} ({again[1] / full[1]:.3f})"
    return f"| {measures:,} | {acts:,} | {size:,.0f} | {told[0]} | {told[1]} | {ratios} | {'yes' if same else 'NO'} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measures", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--with", dest="besides", nargs="*", choices=("downloads", "disk"), default=[])
    parser.add_argument(
        "--folder", type=Path, help="where records and builds lie meanwhile (default: that of the system)"
    )
    given = parser.parse_args()
    print("| measures | acts | MB of N-Quads | full, s | after one act, s | ratio | equal bytes |")
    print("|---:|---:|---:|---:|---:|---:|---|", flush=True)
    for measures in given.measures:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            print(measured(measures, Path(folder), given.besides), flush=True)


if __name__ == "__main__":
    main()
