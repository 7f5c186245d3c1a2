"""`python -m broadcaster` is the command `broadcaster`; so is this file as a script of `python -I`.

Python puts the current directory (`-m`) or this file's (a script) in front of everything, and whoever may write there
would run as whoever calls. So that goes before anything else is imported. What remains is what is installed, and the
directory that holds this very package, last.
"""

import os
import sys

if not sys.flags.safe_path:
    del sys.path[0]
_beside = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib is no builtin
if "broadcaster" not in sys.modules:
    # A script belongs to the package that it lies in, whichever others are installed.
    sys.path.insert(0, _beside)
    import broadcaster  # noqa: F401

    del sys.path[0]
if _beside not in sys.path:
    sys.path.append(_beside)

from broadcaster.cli.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
