"""What a page shows beside the decisions: what is asked of the masters, and what the last render has left."""

from __future__ import annotations

from pathlib import Path

from stemmix.errors import StemmixError
from stemmix.files.documents import read_document, sha256_of_document
from stemmix.model.plan import Plan
from stemmix.model.presets import Specification
from stemmix.model.project import Project
from stemmix.model.receipt import Receipt
from stemmix.reels import folder_of


def aims_of(project: Project) -> dict[str, Specification]:
    """What each master is brought to, by its name."""
    return {wanted.name: project.specification(wanted) for wanted in project.masters}


def last_render(
    project_path: Path, project: Project, plan: Plan, out: Path | None = None
) -> tuple[Receipt | None, str | None]:
    """The receipt of the last render into the project's folder, and why it is of another mix, if it is.

    No receipt where there is none, or none that can be read.
    """
    path = folder_of(project_path, out) / f"{project_path.stem}.receipt.json"
    if not path.exists():
        return None, None
    try:
        receipt = read_document(path, Receipt)
    except StemmixError:
        return None, f"{path.name} cannot be read"
    if receipt.project_sha256 != sha256_of_document(project):
        return receipt, "the project has changed since"
    if receipt.plan_sha256 != sha256_of_document(plan):
        return receipt, "other moves were decided then, or taken from a stored plan"
    return receipt, None
