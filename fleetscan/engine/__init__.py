"""Owns sockets, deadlines, pacing and names; yields what was seen and judges nothing."""
