"""What mkdocs calls while it builds the site."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parents[2]))  # the site is built from the repository, wherever it lies

from docs.building.pages import filled, generated, pictures, without_links_outside

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Pages at the top of the folder that the configuration does not name stand last."""
    named = {path for entry in config.nav or [] for path in entry.values()}
    others = sorted(path.name for path in Path(config.docs_dir).glob("*.md") if path.name not in named)
    config.nav = [*(config.nav or []), *others]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that are on no disk."""
    for path, text in {**generated(), **pictures()}.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs gives all of them
    """Fill in what a page includes, and link the codes it names."""
    path = page.file.src_uri
    if path.startswith("errors/"):
        return filled(markdown, ".").replace("(./", "(")
    return filled(without_links_outside(markdown, path), "../errors" if "/" in path else "errors")
