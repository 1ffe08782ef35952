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
    "fleetscan.tls._hkdf",
    "fleetscan.tls._record_cipher",
)

setup(
    ext_modules=cythonize(
        [
            Extension(
                name,
                [name.replace(".", "/") + ".pyx"],
                extra_compile_args=COMPILE,
                extra_link_args=LINK,
            )
            for name in MODULES
        ],
        compiler_directives={
            "language_level": "3",
            "embedsignature": True,
            "freethreading_compatible": False,
        },
    )
)
