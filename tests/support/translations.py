"""The texts of pages and their translations. `python -m tests.support.translations` brings the .po files up to date.

Each package with texts has a file of its own in every language: `pages.po`, `web.po`. A new text is added without a
translation, which a test refuses; one that is gone is removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import broadcaster
from broadcaster.pages.languages import ENGLISH, LANGUAGES

_ROOT = Path(broadcaster.__file__).parent
TRANSLATIONS = _ROOT / "pages" / "translations"
PACKAGES = [name for name in ("pages", "web") if (_ROOT / name).is_dir()]
_PLURALS = {"id": "nplurals=1; plural=0;"}
_TWO_FORMS = "nplurals=2; plural=(n != 1);"
"""Of a number in figures: that of millions, which Spanish and Portuguese have besides, is for numbers in words."""
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"trimmed": "true", "silent": "false"}}


def texts(package: str) -> Catalog:
    """The texts of a package, without those that one before it has."""
    catalog = Catalog(charset="utf-8")
    before = [message for each in PACKAGES[: PACKAGES.index(package)] for message in texts(each) if message.id]
    earlier = {(message.context, message.id) for message in before}
    for filename, _, found, comments, context in extract_from_dir(str(_ROOT / package), _METHODS, _OPTIONS):
        if (context, found) not in earlier:
            where = [(f"{package}/{filename}", 0)]
            catalog.add(found, locations=where, auto_comments=comments, context=context)
    return catalog


def path_of(language: str, package: str) -> Path:
    return TRANSLATIONS / language / f"{package}.po"


def stored(language: str, package: str) -> Catalog:
    path = path_of(language, package)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def lacking(language: str) -> Iterator[str]:
    """Texts that have no translation, or one that says nothing or may be wrong."""
    for package in PACKAGES:
        catalog = stored(language, package)
        for message in texts(package):
            kept = catalog.get(message.id, message.context) if message.id else None
            forms = () if kept is None else [kept.string] if isinstance(kept.string, str) else kept.string
            if message.id and (not forms or not all(forms) or (kept is not None and kept.fuzzy)):
                yield str(message.id)


def update(language: str, package: str) -> None:
    """Write the file anew, in the order of the texts, so that two who do it write the same.

    A text that another package had before takes its translation along.
    """
    kept = [stored(language, each) for each in (package, *PACKAGES)]
    header = f"""msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {_PLURALS.get(language, _TWO_FORMS)}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
    catalog = read_po(StringIO(header), locale=language)
    for message in texts(package):
        if message.id:
            old = next((old for each in kept if (old := each.get(message.id, message.context))), None)
            string = old.string if old else None
            catalog.add(
                message.id,
                string=string,
                locations=message.locations,
                flags=message.flags,
                context=message.context,
            )
    with path_of(language, package).open("wb") as file:
        file.write(header.encode())
        write_po(file, catalog, width=119, sort_output=True, omit_header=True, include_lineno=False)


def main() -> None:
    for language in LANGUAGES:
        if language != ENGLISH:
            for package in PACKAGES:
                update(language, package)


if __name__ == "__main__":
    main()
