"""Fuzzing of the parser: `python tools/fuzz/run.py`."""
