"""What to scan: one reader a format, and what must never be scanned."""
