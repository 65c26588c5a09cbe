"""`dagflow test`: the tests of flow files run in virtual time, with reports."""

from __future__ import annotations

import sys

import click

from dagflow.cli import options
from dagflow.cli.declaring import Command, argument


@click.command(
    cls=Command,
    examples=[
        ("dagflow test", "run all tests of this directory"),
        ("dagflow test lead.flow -k 'late and not refund'", "run some tests"),
        ("dagflow test --chaos --coverage", "also crash at every point, and report what no test covers"),
    ],
)
@argument(
    "files",
    nargs=-1,
    metavar="FILE",
    type=options.FilePath(".flow"),
    about=".flow files or directories; default: the current directory",
)
@click.option(
    "-k", "pattern", metavar="EXPR", help="Run only tests whose FILE::FLOW::NAME matches, such as `late and not refund`."
)
@click.option("--chaos", is_flag=True, help="Also crash at every point, resume, and expect the same result.")
@click.option("--coverage", is_flag=True, help="Report steps, outcomes, errors and timeouts that no test covers.")
@click.option(
    "--graph",
    metavar="FILE",
    type=click.Path(),
    help="With --coverage: also draw the coverage of each flow, as .svg or .png.",
)
@click.option("--junit", metavar="FILE", type=click.Path(), help="Also write the results as JUnit XML.")
@options.actions
@options.as_json
def test(
    *,
    files: tuple[str, ...],
    pattern: str | None,
    chaos: bool,
    coverage: bool,
    graph: str | None,
    junit: str | None,
    actions: str | None,
    is_json: bool,
) -> int:
    """Run the tests in flow files, in virtual time.

    The exit code is 0 if all tests pass, 1 if one fails, 2 for a usage error or an interruption, and 5 if there is no test.
    """
    from dagflow.cli.files import flow_files
    from dagflow.cli.sources import load_host
    from dagflow.cli.test_selector import selector
    from dagflow.cli.test_session import INTERRUPTED, TestOptions, found_files, run_all
    from dagflow.errors import UsageError

    chosen = selector(pattern)
    if graph is not None and not coverage:
        raise UsageError("`--graph` requires `--coverage`")
    paths = flow_files(files) if files else found_files()
    host = load_host(actions, paths[0] if paths else None)
    wanted = TestOptions(pattern=pattern, is_chaotic=chaos, has_coverage=coverage, picture=graph, junit=junit, is_json=is_json)
    try:
        return run_all(wanted, paths, host, chosen)
    except KeyboardInterrupt:
        print("dagflow: interrupted", file=sys.stderr)
        return INTERRUPTED
