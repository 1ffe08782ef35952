"""`python -m fleetscan`: the same as the `fleetscan` command."""

import sys

from fleetscan.cli import main

if __name__ == "__main__":
    sys.exit(main())
