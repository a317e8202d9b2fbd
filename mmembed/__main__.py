"""`python -m mmembed` is the command `mmembed`."""

from mmembed.cli import main

if __name__ == "__main__":
    main()
