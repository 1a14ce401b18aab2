"""`python -m stemmix`: the command line."""

from stemmix.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
