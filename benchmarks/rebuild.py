"""What a build costs after a change of one act, beside one that is made anew, at records of several sizes.

    python benchmarks/rebuild.py [--measures 1000 10000 100000] [--downloads] [--folder FOLDER]

For each size: writes a made-up record (synthetic.py), compiles it, changes the title of one act, compiles it again
beside the first build, and once more in a folder of its own; compares all files of the last two, byte by byte. Seconds
are of the clock and, in brackets, of the processor, from the call of `build` in a process of its own to its end. With
`--downloads`, the store is loaded as well, to count what is in the build and to write RDF and tables for download.
"""

from __future__ import annotations

import argparse
import filecmp
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


_BUILD = """
import sys, time
from pathlib import Path
from inforce import build
start = time.perf_counter(), time.process_time()
build.build(Path(sys.argv[2]), Path(sys.argv[1]), downloads=bool(sys.argv[3:]))
print(time.perf_counter() - start[0], time.process_time() - start[1])
"""


def built(source: Path, builds: Path, downloads: bool) -> tuple[float, float]:
    """Seconds that a build takes in a process of its own that has just begun, of the clock and of the processor."""
    command = [sys.executable, "-c", _BUILD, source, builds, *(["downloads"] if downloads else [])]
    clock, processor = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(clock), float(processor)


def change(source: Path) -> None:
    """Another title for the act in the middle of the record."""
    acts = sorted((source / "data" / "us").glob("*.ttl"))
    file = acts[len(acts) // 2]
    file.write_text(file.read_text().replace('title "Synthetic', 'title "Other synthetic', 1))


def equal(one: Path, other: Path) -> bool:
    """Whether two builds have the same files with the same bytes; Parquet, which has dates of its own, apart."""
    names = [{f.relative_to(b).as_posix() for f in b.rglob("*") if f.is_file()} for b in (one, other)]
    return names[0] == names[1] and filecmp.cmpfiles(one, other, sorted(names[0]), shallow=False)[1:] == ([], [])


def measured(measures: int, folder: Path, downloads: bool) -> str:
    """A row of the table."""
    source = folder / "source"
    options = ["--measures", str(measures), source]
    subprocess.run([sys.executable, HERE / "synthetic.py", *options], check=True, stdout=subprocess.DEVNULL)
    full = built(source, folder / "builds", downloads)
    change(source)
    again = built(source, folder / "builds", downloads)
    built(source, folder / "anew", downloads)
    same = equal((folder / "builds" / "current").resolve(), (folder / "anew" / "current").resolve())
    size = (folder / "anew" / "current" / "inforce.nq").stat().st_size / 1e6
    acts = sum(1 for _ in (source / "data").rglob("*-synthetic-*.ttl"))
    told = [f"{clock:.1f} ({processor:.1f})" for clock, processor in (full, again)]
    ratios = f"{again[0] / full[0]:.3f} ({again[1] / full[1]:.3f})"
    return f"| {measures:,} | {acts:,} | {size:,.0f} | {told[0]} | {told[1]} | {ratios} | {'yes' if same else 'NO'} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measures", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--downloads", action="store_true", help="make downloads and counts as well")
    parser.add_argument(
        "--folder", type=Path, help="where records and builds lie meanwhile (default: that of the system)"
    )
    given = parser.parse_args()
    print("| measures | acts | MB of N-Quads | full, s | after one act, s | ratio | equal bytes |")
    print("|---:|---:|---:|---:|---:|---:|---|", flush=True)
    for measures in given.measures:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            print(measured(measures, Path(folder), given.downloads), flush=True)


if __name__ == "__main__":
    main()
