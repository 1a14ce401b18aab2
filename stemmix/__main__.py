"""`python -m stemmix`: the command line."""

from stemmix.cli import run

if __name__ == "__main__":
    run()
