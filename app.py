"""`python app.py` is `mmembed app`, with the same options and environment variables."""

import sys

from mmembed.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "app")
    main()
