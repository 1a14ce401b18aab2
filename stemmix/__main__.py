"""`python -m stemmix`: the command line."""

from stemmix.cli import main

raise SystemExit(main())
