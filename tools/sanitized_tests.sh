#!/bin/sh
# Builds the parser with AddressSanitizer and UndefinedBehaviorSanitizer, out of tree, and
# runs the parser's tests on that build. Arguments go to pytest. The interpreter is that of
# .venv, or the one that PYTHON names where there is no .venv.
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
[ -x "$python" ] || python=${PYTHON:-python3}
build=$PWD/build/sanitize

FLEETSCAN_SANITIZE=1 "$python" setup.py -q build --build-base "$build" --build-lib "$build/lib" \
    build_ext --force

# Python itself is not instrumented, so the runtimes come first into the process. Memory of
# Python's own allocator is opaque to ASan: PYTHONMALLOC=malloc gives every bytes object edges.
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
ASAN_OPTIONS=detect_leaks=0:abort_on_error=1
UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
PYTHONMALLOC=malloc
PYTHONPATH=$build/lib
FLEETSCAN_EXPECT_BUILD=$build/lib
export LD_PRELOAD ASAN_OPTIONS UBSAN_OPTIONS PYTHONMALLOC PYTHONPATH FLEETSCAN_EXPECT_BUILD

# A report goes to the real standard error, past pytest (--capture=sys).
# The build is loaded before pytest puts the checkout in front of it; the tests look again.
exec "$python" -P -c '
import os, sys
from fleetscan import _parse
expected = os.environ["FLEETSCAN_EXPECT_BUILD"]
if not _parse.__file__.startswith(expected):
    raise SystemExit(f"{_parse.__file__} is not the sanitized build in {expected}")
if b"__asan_report_load1" not in open(_parse.__file__, "rb").read():
    raise SystemExit(f"{_parse.__file__} is not instrumented")
import pytest
raise SystemExit(pytest.main(sys.argv[1:]))
' -q -p no:cacheprovider --capture=sys tests/unit/test_parse_*.py tests/property/test_parse_*.py "$@"
