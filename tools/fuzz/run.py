"""Fuzzes the client and the parser with atheris, under ASan and UBSan, guided by coverage.

Needs clang. Where this Python has no atheris, a virtual environment with it is made in
`build/fuzz/venv`, or `--python` names another interpreter of the same version that has it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.fuzz.seeds import SEEDS, write_seeds  # noqa: E402

BUILD: Final = ROOT / "build" / "fuzz"
LIBRARY: Final = BUILD / "lib"
MAX_LENGTH: Final = 4_096
CLIENT_LENGTH: Final = 72
"""Octets of an input of the client: what it is, and eight changes of eight."""


def build() -> None:
    """An instrumented copy of the package out of tree."""
    subprocess.run(
        [
            *(sys.executable, "setup.py", "-q", "build", f"--build-base={BUILD}"),
            *(f"--build-lib={LIBRARY}", "build_ext", "--force"),
        ],
        cwd=ROOT,
        check=True,
        env={
            **os.environ,
            "FLEETSCAN_SANITIZE": "fuzz",
            "CC": "clang",
            "LDSHARED": "clang -shared",
            "CFLAGS": "-fsanitize=fuzzer-no-link",
        },
    )


def has_atheris(python: str) -> bool:
    """Whether an interpreter can fuzz."""
    return subprocess.run([python, "-c", "import atheris"], capture_output=True).returncode == 0


def python_with_atheris() -> str:
    """This interpreter, or one made for fuzzing."""
    if has_atheris(sys.executable):
        return sys.executable
    python = BUILD / "venv" / "bin" / "python"
    if not (python.exists() and has_atheris(str(python))):
        subprocess.run([sys.executable, "-m", "venv", str(BUILD / "venv")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "atheris"], check=True)
    return str(python)


def runtime_of(python: str) -> str:
    """The sanitizer runtime with libFuzzer in it that comes with atheris."""
    found = subprocess.run(
        [python, "-c", "import atheris; print(atheris.path())"],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip() + "/asan_with_fuzzer.so"


def fuzz(entry: str, seconds: int, python: str, runtime: str) -> tuple[str, int, str]:
    """Run one target; its name, exit status and what libFuzzer counted."""
    corpus, crashes = BUILD / "corpus" / entry, BUILD / "crashes" / entry
    write_seeds(entry, corpus)
    crashes.mkdir(parents=True, exist_ok=True)
    log = BUILD / f"{entry}.log"
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        # What the package depends on is here already; `.pth` files are not read this way.
        "PYTHONPATH": f"{LIBRARY}:{ROOT}:{sysconfig.get_path('purelib')}",
        "PYTHONMALLOC": "malloc",  # so that ASan sees the end of every bytes object
        "FLEETSCAN_FUZZ_BUILD": str(LIBRARY),
    }
    length = CLIENT_LENGTH if entry == "client" else MAX_LENGTH
    options = [f"-max_total_time={seconds}", f"-max_len={length}", "-timeout=10"]
    options += ["-print_final_stats=1", f"-artifact_prefix={crashes}/", "-use_value_profile=1"]
    with log.open("wb") as output:
        ended = subprocess.run(
            [python, "-P", "-m", "tools.fuzz.target", entry, *options, str(corpus)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=seconds + 120,
        )
    return entry, ended.returncode, summary(log.read_text("utf-8", "replace"))


def summary(log: str) -> str:
    """Inputs tried, the last coverage, and how the target ended."""
    units = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log)
    coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\S+)", log)
    found = re.findall(r"^.*(?:ERROR: |runtime error|Uncaught Python exception).*$", log, re.M)
    words = [f"inputs {units[-1]}" if units else "did not start"]
    if coverage:
        words.append("edges {} features {} corpus {}".format(*coverage[-1]))
    return ", ".join(words + found[:2])


def main() -> int:
    """Fuzz every entry point that was named; exit 1 when one found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="*", metavar="entry", help=", ".join(SEEDS))
    parser.add_argument("--seconds", type=int, default=300, help="for each entry point")
    parser.add_argument("--jobs", type=int, default=1, help="entry points at a time")
    parser.add_argument("--python", help="a Python that has atheris")
    options = parser.parse_args()
    if unknown := [entry for entry in options.entries if entry not in SEEDS]:
        parser.error(f"no such entry point: {', '.join(unknown)}")
    if shutil.which("clang") is None:
        parser.error("clang is missing: apt-get install clang")
    build()
    python = options.python or python_with_atheris()
    runtime = runtime_of(python)
    failed = False
    with ThreadPoolExecutor(options.jobs) as pool:
        started = time.monotonic()
        for entry, status, said in pool.map(
            lambda entry: fuzz(entry, options.seconds, python, runtime),
            options.entries or list(SEEDS),
        ):
            failed |= status != 0
            elapsed = time.monotonic() - started
            sys.stdout.write(f"{elapsed:6.0f} s  {entry}: exit {status}, {said}\n")
            sys.stdout.flush()
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
