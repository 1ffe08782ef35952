#!/bin/sh
# Builds the Cython modules with AddressSanitizer and UndefinedBehaviorSanitizer, out of
# tree, and runs a Python module on that build: `sanitized.sh MODULE [arguments]`. The
# interpreter is that of .venv, or the one that PYTHON names where there is no .venv.
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}
build=$PWD/build/sanitize

FLEETSCAN_SANITIZE=1 "$python" setup.py -q build --build-base "$build" --build-lib "$build/lib" \
    build_ext --force

# Python itself is not instrumented, so the runtimes come first into the process. Memory of
# Python's own allocator is opaque to ASan: PYTHONMALLOC=malloc gives every bytes object edges.
# Who allocated is left out of reports, which doubles the speed; ASAN_OPTIONS can ask for it.
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:malloc_context_size=0:${ASAN_OPTIONS:-}
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
PYTHONMALLOC=malloc
PYTHONPATH=$build/lib:$PWD
FLEETSCAN_EXPECT_BUILD=$build/lib
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS PYTHONMALLOC PYTHONPATH FLEETSCAN_EXPECT_BUILD

# The build is loaded before anything can put the checkout in front of it.
exec "$python" -P -c '
import os, runpy, sys
from fleetscan import _parse
expected = os.environ["FLEETSCAN_EXPECT_BUILD"]
if not _parse.__file__.startswith(expected):
    raise SystemExit(f"{_parse.__file__} is not the sanitized build in {expected}")
if b"__asan_report_load1" not in open(_parse.__file__, "rb").read():
    raise SystemExit(f"{_parse.__file__} is not instrumented")
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
' "$@"
