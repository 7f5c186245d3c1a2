"""`python -m broadcaster` is the command `broadcaster`."""

import sys

from broadcaster.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
