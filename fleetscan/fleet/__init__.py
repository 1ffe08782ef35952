"""What the results of a run say together."""
