"""Run the command line as ``python -m hub.edge.cli``."""

from hub.edge.cli import main

main()
