"""How templates become pages: Jinja, always escaping, with the language's texts, numbers and moments."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from broadcaster.domain.states import CampaignState
from broadcaster.pages.languages import Language
from broadcaster.pages.naming import CAMPAIGN_CANCELLED, NAMES
from broadcaster.pages.own_words import in_own_words, reason_shown
from broadcaster.pages.state_figures import told_others
from broadcaster.pages.told_times import told_rule

_OWN = __package__


@cache
def page_environment(language: Language, *packages: str) -> Environment:
    """Renders templates of `pages`, and those of `packages` before them, in a language.

    A package has them in its folder `templates`. A name that is not given is an error, and not an empty text.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, _OWN)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    translations = language.translations
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]  # by the extension
    environment.globals["language"] = language
    environment.filters |= {
        "number": language.number,
        "percent": language.percent,
        "moment": language.moment,
        "day": language.day,
        "duration": language.duration,
        "own_words": lambda text: in_own_words(text, language),
        "reason": lambda text: reason_shown(text, language),
        "rule": lambda recurrence: told_rule(recurrence, language),
        "others": lambda counted: told_others(counted, language),
        "named": lambda value: _named(value, language),
    }
    return environment


def _named(value: str, language: Language) -> str:
    """What it is called; a campaign is cancelled in another way than a message, where words have a gender."""
    if value is CampaignState.CANCELLED:
        return language.translations.pgettext("campaign", CAMPAIGN_CANCELLED)
    return language.gettext(NAMES[str(value)])


@cache
def stylesheet() -> str:
    """The one stylesheet of all pages."""
    return (files(_OWN) / "styles" / "pages.css").read_text(encoding="utf-8")


def inline_stylesheet() -> Markup:
    """The same for a page that is one file: inside `<style>` nothing is escaped, and nothing in it needs to be."""
    return Markup(stylesheet())  # noqa: S704 - a file of this package
