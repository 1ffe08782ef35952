"""Names of code points, from IANA's registries: one generated module each, nothing else.

`tools/registry/generate.py` writes them. Importing one costs a dict literal.
"""
