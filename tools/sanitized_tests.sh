#!/bin/sh
# Runs the tests of the Cython modules, and of the client on changed octets, on a build with
# AddressSanitizer and UndefinedBehaviorSanitizer. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."

# A report goes to the real standard error, past pytest (--capture=sys).
exec sh tools/sanitized.sh pytest -q -p no:cacheprovider --capture=sys \
    tests/unit/test_parse_*.py tests/property/test_parse_*.py tests/property/test_tls_fuzz.py \
    tests/unit/test_crl_reader.py tests/property/test_crl_octets.py \
    tests/unit/test_tls_hkdf.py tests/unit/test_tls_record_cipher.py tests/unit/test_tls_protection.py "$@"
