"""Where result lines go. The only part of `output` that does any I/O."""

from fleetscan.output.sinks.lines import LineSink, ReaderGoneError

__all__ = ["LineSink", "ReaderGoneError"]
