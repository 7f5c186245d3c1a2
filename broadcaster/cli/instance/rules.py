"""`broadcaster instance rules NAME`: how an instance's replies are read, where that differs from the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, ClassVar

import msgspec
import typer

from broadcaster.cli.database import database
from broadcaster.cli.groups import HELP_OPTIONS, Commands, LazyGroup
from broadcaster.cli.instance import Name
from broadcaster.cli.options.results import Json
from broadcaster.cli.output import say, say_fields, say_json, warn
from broadcaster.domain.outcomes import Outcome, Verdict
from broadcaster.domain.states import LaneHealth
from broadcaster.gateway import read_rules
from broadcaster.gateway.client import SEND_REPLY_BYTES
from broadcaster.gateway.rule_words import pattern_words
from broadcaster.gateway.rules_file import LONGEST_RULES, decode_rules
from broadcaster.input_files import read_input
from broadcaster.services import instance_rules
from broadcaster.services.instance_rules import About
from broadcaster.settings import load

OUTCOMES = {
    Outcome.ACCEPTED: "taken: the message counts as sent",
    Outcome.REJECTED: "refused because of this recipient: the message fails",
    Outcome.THROTTLED: "not now: the message is tried again later",
    Outcome.NOT_SENT: "not sent: the message waits and is tried again",
    Outcome.UNKNOWN: "nobody knows: the message is in doubt, and is looked for in its chat",
}
_HEALTHS = {
    LaneHealth.OK: "works",
    LaneHealth.THROTTLED: "rests, and goes on by itself",
    LaneHealth.DOWN: "is down until it is found to answer again, which is tried by itself",
    LaneHealth.REFUSED: "is stopped until an operator resumes it",
    LaneHealth.PAUSED: "is paused",
}
_ROW_CHARACTERS = 100
_SAYING_YES = ("verdict_fields", "yes_words")
_FOLLOW = "workers follow within 20 seconds"


class _Rules(LazyGroup):
    table: ClassVar[Commands] = {
        "show": ("broadcaster.cli.instance.rules:show", "Show how an instance's replies are read."),
        "set": ("broadcaster.cli.instance.rules:put", "Read replies by the rules of a JSON file."),
        "learn": ("broadcaster.cli.instance.rules:learn", "Say whom a refusal is about that no rule knows."),
        "test": ("broadcaster.cli.instance.rules:test", "Say how a reply would be read, and why."),
        "reset": ("broadcaster.cli.instance.rules:reset", "Read replies by the default rules again."),
    }


def _of(context: typer.Context, name: Name) -> None:
    """Show, change and try how an instance's replies are read. Without a command: what differs from the defaults.

    Example: broadcaster instance rules main learn "nomor tidak terdaftar" --about recipient
    """
    context.obj = name
    if context.invoked_subcommand is None:
        show(context)


app = typer.Typer(
    cls=_Rules, callback=_of, invoke_without_command=True, add_completion=False, context_settings=HELP_OPTIONS
)

All = Annotated[bool, typer.Option("--all", help="Show the whole table in force, not just what differs.")]


def show(context: typer.Context, everything: All = False, as_json: Json = False) -> None:
    """Show what differs from the default rules, and with --all the table in force.

    Of the texts the first that matches counts, of the statuses the most exact.
    """
    name = str(context.obj)
    with database(load()) as engine:
        differences = instance_rules.stored_rules(engine, name)
    rules = msgspec.to_builtins(read_rules(differences)) if everything else None
    if as_json:
        say_json({"name": name, "differences": differences, **({"rules": rules} if everything else {})})
    elif rules is not None or differences:
        _show_table(rules or differences)
    else:
        say(f"instance {name} is read by the default rules: `broadcaster instance rules {quote(name)} show --all`")


def put(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A JSON object, or - for standard input.")],
) -> None:
    """Read the instance's replies by the rules of a JSON file: its differences from the defaults, all of them.

    They are checked as a whole, and nothing is written where anything is wrong. `texts` go before the default ones,
    `statuses` replace single rows, any other field replaces the whole default. Workers follow within 20 seconds.
    What `show --json` writes can be given as it is. A warning names the rules by which more counts as accepted than
    before: without one, the new rules only narrow that.

    A status is "430", "43x" or "4xx". Its outcome is accepted, rejected (this message fails), throttled or not_sent
    (it is tried again) or unknown (it is in doubt). Its health, if it has one, is what becomes of the instance: ok,
    throttled, down (until it answers again) or refused (until you resume it).

    Example: echo '{"yes_words": ["success"]}' | broadcaster instance rules main set -

    Example: echo '{"statuses": {"499": {"outcome": "not_sent", "health": "down"}}}' | broadcaster instance rules
    main set -
    """
    name, source = str(context.obj), "standard input" if file == "-" else file
    differences = decode_rules(read_input(Path(file), LONGEST_RULES, "the rules as JSON"), source)
    with database(load()) as engine:
        wider = instance_rules.store_rules(engine, name, differences)
    say(f"instance {name} is read by the rules of {source}: {_FOLLOW}")
    if nothing := [field for field in _SAYING_YES if differences.get(field) == []]:
        warn(
            f"{' and '.join(nothing)} {'is' if len(nothing) == 1 else 'are'} empty: fewer replies count as accepted, "
            "perhaps none, and such messages stay in doubt until they are read back; try replies with "
            f"`broadcaster instance rules {quote(name)} test REPLY`"
        )
    if wider:
        of_instance = f"`broadcaster instance rules {quote(name)}"
        warn(
            f"more replies may count as accepted than before, by {'; '.join(map(_short, wider))}: what was never sent "
            f"would count as sent; try replies with {of_instance} test REPLY`, go back with {of_instance} reset`"
        )


def learn(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT", help="Words of the reply, whatever their capitals; or a status that has none: 'HTTP 499'."
        ),
    ],
    about: Annotated[
        About,
        typer.Option(
            "--about",
            help="recipient: its message fails, others go on. account: its key or contract; nothing is sent until you "
            "resume the instance. gateway: it is not connected or not running; it is tried until it answers again.",
        ),
    ],
) -> None:
    """Say whom a refusal is about whose text no rule knows. Workers follow within 20 seconds.

    Give the words that only this refusal has: they go before all other rules. Of a refusal without words give the
    status, such as 'HTTP 499'; where such a reply has words, those that a rule knows still decide. Exit code 1: by
    the latest replies with these words nothing would be read otherwise, since their status or another field decides.

    Example: broadcaster instance rules main learn "nomor tidak terdaftar" --about recipient
    """
    name = str(context.obj)
    with database(load()) as engine:
        is_new = instance_rules.learn(engine, name, text, about)
    if is_new:
        say(f"instance {name} has learned that this is about the {about}: {_FOLLOW}")
    else:
        say(f"instance {name} reads that as about the {about} already: nothing was changed")


def test(
    context: typer.Context,
    reply: Annotated[str, typer.Argument(metavar="REPLY", help="The body, @FILE, or - for standard input.")],
    status: Annotated[
        int, typer.Option("--status", metavar="CODE", min=100, max=599, help="The HTTP status it came with.")
    ] = 200,
    as_json: Json = False,
) -> None:
    """Say how a reply to a send would be read by the instance's rules. Sends nothing, changes nothing.

    Example: broadcaster instance rules main test '{"success": false, "message": "no such user"}'
    """
    name = str(context.obj)
    is_file = reply == "-" or reply.startswith("@")
    file = Path(reply.removeprefix("@"))
    body = read_input(file, SEND_REPLY_BYTES, "the reply") if is_file else reply.encode()
    with database(load()) as engine:
        rules = read_rules(instance_rules.stored_rules(engine, name))
    reading = instance_rules.explain(rules, status, body)
    if as_json:
        verdict = {key: value for key, value in asdict(reading.verdict).items() if key not in ("retry_after", "reply")}
        say_json({"name": name, **verdict, "rules": reading.parts})
        return
    say_fields(reading_fields(reading.verdict, reading.parts))


def reset(context: typer.Context) -> None:
    """Read the instance's replies by the default rules again. Workers follow within 20 seconds."""
    name = str(context.obj)
    with database(load()) as engine:
        instance_rules.store_rules(engine, name, {})
    say(f"instance {name} is read by the default rules: {_FOLLOW}")


def reading_fields(verdict: Verdict, parts: Sequence[str]) -> dict[str, str]:
    """How a reply is read, in words, for `say_fields`."""
    recognised = "yes" if verdict.is_recognised else "NO: no rule knows its words; several in a row stop the instance"
    return {
        "read as": OUTCOMES[verdict.outcome],
        "the instance": _HEALTHS[verdict.health] if verdict.health else "may be well or not: it says nothing of it",
        **({"recognised": recognised} if verdict.outcome is Outcome.REJECTED else {}),
        "reason": verdict.reason,
        "by the rules": ", ".join(map(_readable, parts)) or "no single one",
        **({"gateway id": verdict.gateway_id} if verdict.gateway_id else {}),
    }


def _show_table(rules: Mapping[str, Any]) -> None:
    for field, value in rules.items():
        say(f"{field}:" if not isinstance(value, int | float) else f"{field}: {value:g}")
        for row in _rows(field, value):
            say(f"  {row.rstrip()}")


def _rows(field: str, value: Any) -> Iterator[str]:
    if field == "texts":
        for rule in value:
            yield f"{_meaning(rule)}  {_short(pattern_words(rule['pattern']))}"
    elif field == "statuses":
        for status, rule in value.items():
            yield f"{status:<5}{_meaning(rule)}{_exceptions(rule)}"
    elif isinstance(value, Sequence):
        yield ", ".join(value) or "(none)"


def _meaning(rule: Mapping[str, Any]) -> str:
    health = rule.get("health")
    return f"{rule['outcome']:<10}{f'instance {health}' if health else '':<19}"


def _exceptions(rule: Mapping[str, Any]) -> str:
    return "  unless its text says more" if rule.get("text") else ""


def _readable(part: str) -> str:
    field, _, value = part.partition(": ")
    return _short(f"{field}: {pattern_words(value)}" if field == "texts" else part)


def _short(text: str) -> str:
    return text if len(text) <= _ROW_CHARACTERS else f"{text[: _ROW_CHARACTERS - 1]}…"
