"""Flower's pages, with a link to where its tasks are explained: the view in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tornado.escape import xhtml_escape
from tornado.template import Loader, Template

_NAVIGATION = "navbar.html"
_END_OF_LINKS = "</ul>"
"""Behind the first of these nothing is a link to a page of Flower's."""


class LinkedTemplates(Loader):
    """Loads Flower's templates, and adds the link to their navigation."""

    def __init__(self, directory: Path, link: str) -> None:
        super().__init__(str(directory))
        self._link = f'<li class="nav-item"><a class="nav-link" href="{xhtml_escape(link)}">Broadcaster</a></li>'

    def _create_template(self, name: str) -> Any:
        text = Path(self.root, name).read_text(encoding="utf-8")
        if name == _NAVIGATION:
            text = text.replace(_END_OF_LINKS, self._link + _END_OF_LINKS, 1)
        return Template(text, name=name, loader=self)
