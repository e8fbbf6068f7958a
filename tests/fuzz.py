"""Feed the readers of `strangers.py` a million inputs that aim at the code that has not been reached yet.

``python tests/fuzz.py --runs 1000000`` divides the inputs among the readers; ``--reader idx`` takes one. With atheris
(a coverage-guided fuzzer for Python) each new piece of code that an input reaches makes it the parent of others; without
it inputs are changed at random. An input that ends in anything but a refusal or success, takes 25 s or more than 4 GiB
is written to ``--keep FOLDER`` and ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

SECONDS = 25
MEBIBYTES = 4096


def change(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Change some bytes of an input."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        place = rng.randint(0, len(changed))
        kind = rng.randrange(6)
        if kind == 0 and changed:
            changed[place % len(changed)] ^= 1 << rng.randrange(8)
        elif kind == 1 and changed:
            changed[place % len(changed)] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        elif kind == 2:
            changed[place:place] = rng.randbytes(rng.randint(1, 8))
        elif kind == 3:
            del changed[place : place + rng.randint(1, 8)]
        elif kind == 4:
            start = rng.randint(0, len(other))
            changed[place:place] = other[start : start + rng.randint(1, 32)]
        else:
            del changed[place:]
    return bytes(changed)


def feed_one(name: str, runs: int, seed: int, keep: Path) -> None:
    """Feed one reader, in this process."""
    if find_spec("atheris") is None:
        return feed_blindly(name, runs, seed, keep)
    import atheris

    with atheris.instrument_imports(include=["twofold"]):
        import twofold.cli.job
        import twofold.data.idx
        import twofold.data.tables
        import twofold.estimators
        import twofold.estimators.table_encoder
        import twofold.tables.reading  # noqa: F401 - instrumented here, used in the feeders
        from strangers import READERS, fed
    with tempfile.TemporaryDirectory() as corpus:
        for number, start in enumerate(READERS[name].seeds()):
            (Path(corpus) / f"{number}").write_bytes(start)
        words = [
            f"-runs={runs}",
            f"-seed={seed + 1}",
            f"-timeout={SECONDS}",
            f"-rss_limit_mb={MEBIBYTES}",
            "-max_len=4096",
        ]
        atheris.Setup(
            ["fuzz", *words, f"-artifact_prefix={keep}/{name}-", corpus], lambda data: fed(READERS[name], data)
        )
        atheris.Fuzz()  # ends the process
    return None


def feed_blindly(name: str, runs: int, seed: int, keep: Path) -> None:
    from strangers import READERS, fed

    rng = random.Random(seed)  # noqa: S311 - no secret
    seeds = READERS[name].seeds()
    for _ in range(runs):
        data = change(rng.choice(seeds), rng.choice(seeds), rng)
        began = time.monotonic()
        try:
            fed(READERS[name], data)
            assert time.monotonic() - began < SECONDS, "a hang"
        except BaseException:
            (keep / f"{name}-fault").write_bytes(data)
            raise
    print(f"Done {runs} runs", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--reader", help="one of them alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.keep.mkdir(exist_ok=True)
    if options.inside:
        feed_one(options.reader, options.runs, options.seed, options.keep)
        return 0
    from strangers import READERS

    total, faults = 0, []
    for name, reader in READERS.items():
        if options.reader not in (None, name):
            continue
        runs = options.runs if options.reader else options.runs * reader.share // 1000
        command = [sys.executable, __file__, "--inside", "--reader", name, "--runs", str(runs)]
        began = time.monotonic()
        done = subprocess.run(
            [*command, "--seed", str(options.seed), "--keep", str(options.keep)],
            stderr=subprocess.STDOUT,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        ended = re.search(r"Done (\d+) (?:runs|in)", done.stdout)
        total += int(ended[1]) if ended else 0
        print(f"{name}: {ended[1] if ended else 0} inputs, {time.monotonic() - began:.0f} s", flush=True)
        if done.returncode or ended is None:
            faults.append(name)
            print(done.stdout[-4000:], flush=True)
    (print(f"{total} inputs; faults: {', '.join(faults) or 'none'}"))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
