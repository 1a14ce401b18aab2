"""The command for what is kept between one run and the next."""

from __future__ import annotations

from typing import Annotated

import typer

from stemmix.commands.common import AsJson, Debug, Quiet, Voice, app, width


@app.command()
def cache(
    context: typer.Context,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it first; compiled code stays.")] = False,
    json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show or clear what is kept between runs.

    What was heard, decided and hashed is found again by content; all of it can be worked out anew. Above
    STEMMIX_CACHE_MB (4000 MB if not set) the entries that were used longest ago are removed.
    """
    from stemmix.keeping import kept
    from stemmix.report.kept import kept_json, kept_text

    voice: Voice = context.obj
    found = kept(clear=clear)
    voice.data(kept_json(found) if json else kept_text(found, width()))
