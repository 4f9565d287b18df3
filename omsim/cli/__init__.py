"""The command line: the only package that prints.

Commands live in `simulation` (run, compare, report), `models` (validate, init, import, schema), `optimization`
(optimize), `inspection` (explain, manifest) and `reorder` (the nightly job); `frame` owns options, precedence and exit
codes, `voice` the two streams.
Importing this package loads neither NumPy nor anything that does: each command imports what it needs when it is called.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

import omsim
from omsim.cli import frame
from omsim.cli.inspection import explain, manifest
from omsim.cli.models import import_, init, schema, validate
from omsim.cli.optimization import optimize
from omsim.cli.reorder import reorder
from omsim.cli.simulation import compare, report, run


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Exit codes: 0 fine, 1 failed, 2 usage, 3 invalid input, 4 no feasible plan, 5 another run holds the lock, "
    "6 a gate was not met, 130 interrupted.",
)
@click.version_option(omsim.__version__, message="omsim %(version)s")
@click.pass_context
def group(context: click.Context) -> None:
    """Simulate order fulfilment, answer what-ifs with intervals, and prove better policies in the same simulation."""
    path = Path(frame.CONFIG_FILE)
    if path.is_file():
        context.default_map = frame.read_config(group, context, path)


for _command in (run, compare, report, explain, manifest, validate, init, import_, optimize, reorder, schema):
    group.add_command(_command)


def main() -> None:
    """Console script `omsim`."""
    sys.exit(frame.run_group(group, sys.argv[1:]))
