"""Fuzzing of the client and the parser: `make fuzz-client`, `python tools/fuzz/run.py`."""
