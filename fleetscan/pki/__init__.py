"""Certificate names, signatures, paths and trust: pure, except that `trust` reads files.

`path.assess` is the way in: it says whether a chain is good for a name at a time under a
set of anchors, and if not, everything that is wrong with the best path there is.
"""
