"""``python -m omsim.cli`` is the console script `omsim`."""

from omsim.cli import main

main()
