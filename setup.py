"""Builds the Cython modules; everything else about the package is in pyproject.toml."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

# FLEETSCAN_SANITIZE=1 gives the debug build: AddressSanitizer and UndefinedBehaviorSanitizer,
# hardly optimised, assertions kept. "fuzz" leaves the runtime to the fuzzer that is preloaded.
SANITIZE = os.environ.get("FLEETSCAN_SANITIZE", "")
COMPILE = (
    ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-UNDEBUG"]
    if SANITIZE
    else ["-O2", "-Wall", "-Wextra", "-Wno-unused-parameter"]
)
LINK = ["-fsanitize=address,undefined"] if SANITIZE == "1" else []
MODULES = (
    "fleetscan._parse",
    "fleetscan.engine._connection",
    "fleetscan.pki._crl",
    "fleetscan.tls._hkdf",
    "fleetscan.tls._record_cipher",
)
# Python to which a .pxd beside it gives types (docs/adr/0018-compiled-state-machine.md).
TYPED = (
    "fleetscan.tls.client",
    "fleetscan.tls.negotiation",
    "fleetscan.tls.session",
    "fleetscan.tls.tls13",
)
SOURCES = {name: ".pyx" for name in MODULES} | {name: ".py" for name in TYPED}

setup(
    ext_modules=cythonize(
        [
            Extension(
                name,
                [name.replace(".", "/") + suffix],
                extra_compile_args=COMPILE,
                extra_link_args=LINK,
            )
            for name, suffix in SOURCES.items()
        ],
        compiler_directives={
            "language_level": "3",
            "embedsignature": True,
            "freethreading_compatible": False,
        },
    )
)
