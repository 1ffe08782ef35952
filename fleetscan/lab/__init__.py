"""A small broken fleet on loopback: every condition planted, with what must be said of it."""

from fleetscan.lab.conditions import Condition
from fleetscan.lab.lab import Lab

__all__ = ["Condition", "Lab"]
