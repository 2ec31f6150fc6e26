"""``python -m ldpbench`` is the command line."""

from ldpbench.cli.main import main

main()
