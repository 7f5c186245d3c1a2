"""What the view says where it does not do what is asked; translated where it is shown."""

from __future__ import annotations


def _(text: str) -> str:
    """Marks a text for translators."""
    return text


ONLY_TO_LOOK_AT = _("This view is only to look at: BROADCASTER_WEB_ALLOW_CHANGES=true allows changes.")
NO_SUCH_CHANGE = _("Nothing can be done that is called so.")
NOT_IN_THIS_STATE = _("The campaign is in a state in which that cannot be done: its page says in which.")
OLD_FORM = _("This form is not from here, or too old: open the page again.")
TOO_LONG_A_FORM = _("The form is too long.")
NO_FORM = _("The form cannot be read.")
NO_NAME = _("What is asked for is too long to be a name, or is no text.")
