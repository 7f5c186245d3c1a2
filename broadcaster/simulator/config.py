"""The simulator's configuration, from Python, option strings, and JSON or TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from broadcaster.errors import InputError, UsageError
from broadcaster.simulator.dialects import SHAPES
from broadcaster.simulator.fault_rule import FaultRule
from broadcaster.simulator.listings import HONEST, Listing

AcceptedWire = Literal["json", "form", "both"]


class InstanceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One instance: its name in the ledger, its key, its encodings, its replies and its listing."""

    name: Annotated[str, Meta(min_length=1)]
    key: Annotated[str, Meta(min_length=1)]
    wire: AcceptedWire = "both"
    shape: str = "sent"
    """One of the dialects, or `rotate`."""
    listing: Listing | None = None
    """None: the simulator's listing."""

    def __post_init__(self) -> None:
        _check_shape(self.shape)

    def __repr__(self) -> str:
        shown = f"name={self.name!r}, key=***, wire={self.wire!r}, shape={self.shape!r}, listing={self.listing!r}"
        return f"InstanceConfig({shown})"


class SimulatorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration. The defaults take any key on a free port of the loopback interface."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    """0: any free port."""
    instances: tuple[InstanceConfig, ...] = ()
    any_key: bool | None = None
    """Whether unconfigured keys are accepted too. None: only if no instance is configured."""
    wire: AcceptedWire = "both"
    """The encodings of unconfigured instances."""
    shape: str = "sent"
    """The shape of unconfigured instances' replies."""
    ledger: Path | None = None
    fsync: bool = False
    """Whether a reply waits until the ledger is on disk, not only handed to the operating system."""
    faults: tuple[FaultRule, ...] = ()
    seed: int = 0
    visible_after: Annotated[float, Meta(ge=0)] = 0.0
    """Seconds until `/wa/messages` shows a message, as if it had waited in the sending queue."""
    listing: Listing = HONEST
    """The listing of instances that are unconfigured or have none of their own."""

    def __post_init__(self) -> None:
        _check_shape(self.shape)
        for attribute in ("name", "key"):
            if len({getattr(instance, attribute) for instance in self.instances}) < len(self.instances):
                raise ValueError(f"two instances have the same {attribute}")

    @property
    def takes_any_key(self) -> bool:
        return not self.instances if self.any_key is None else self.any_key

    @property
    def listings(self) -> dict[str, Listing]:
        """The instances' own listings, by instance name."""
        return {instance.name: instance.listing for instance in self.instances if instance.listing is not None}


def parse_instance(option: str, *, wire: str = "both", shape: str = "sent") -> InstanceConfig:
    """Read `NAME:KEY[,wire=json|form|both][,shape=…]`, plus the fields of `parse_listing`.

    `wire` and `shape` apply if the option names none. Raises UsageError.
    """
    identity, *rest = option.split(",")
    name, colon, key = identity.partition(":")
    if not (name and colon and key):
        raise UsageError("--instance: must be NAME:KEY[,wire=…][,shape=…]")
    fields: dict[str, Any] = {"wire": wire, "shape": shape, **_pairs("--instance", rest)}
    listing = {field: value for field, value in fields.items() if field not in {"wire", "shape"}}
    try:
        if listing:
            fields = {"wire": fields["wire"], "shape": fields["shape"], "listing": _listing(listing)}
        return msgspec.convert({"name": name, "key": key, **fields}, InstanceConfig, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"--instance {name}: {error}") from None


def parse_listing(option: str) -> Listing:
    """Read `aliases=brazil,texts=escape_html+strip_markup,page=50,order=oldest,hides=files+52*,lag=3`.

    Aliases by prefixes are `52>521+54>549`. Raises UsageError.
    """
    try:
        return msgspec.convert(_listing(_pairs("--listing", option.split(","))), Listing, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"--listing {option}: {error}") from None


def _listing(fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a listing, with their lists split."""
    listing: dict[str, Any] = {**fields}
    for name in ("texts", "omits", "hides"):
        if name in fields:
            listing[name] = fields[name].split("+")
    if "hides" in fields:
        listing["hides"] = [{"phone" if part[:1].isdigit() else "what": part} for part in listing["hides"]]
    if ">" in fields.get("aliases", ""):
        pairs = [prefixes.partition(">") for prefixes in fields["aliases"].split("+")]
        listing["aliases"] = {sent: kept for sent, _, kept in pairs}
    return listing


def parse_fault(option: str) -> FaultRule:
    """Read `kind=http_429,probability=0.1,retry_after=2,instance=a`; a range of seconds is `seconds=0.1..0.5`.

    A `body=` takes the rest of the option, commas included. It is JSON if it can be read as an object or a list.
    Raises UsageError.
    """
    rule, has_body, body = option.partition(",body=")
    fields: dict[str, Any] = dict(_pairs("--fault", rule.split(",")))
    if has_body:
        fields["body"] = _body(body)
    seconds = fields.get("seconds", "")
    try:
        if ".." in seconds:
            fields["seconds"] = [float(bound) for bound in seconds.split("..")]
        return msgspec.convert(fields, FaultRule, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise UsageError(f"--fault {option}: {error}") from None


def _body(text: str) -> object:
    try:
        read = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return read if isinstance(read, dict | list) else text


def parse_faults(text: str | bytes, source: str) -> tuple[FaultRule, ...]:
    """A JSON list of rules. Raises InputError, which names the `source`, the rule and the field."""
    try:
        return msgspec.json.decode(text, type=tuple[FaultRule, ...])
    except msgspec.DecodeError as error:
        raise InputError(f"{source}: {error}") from None


def load_faults(path: Path) -> tuple[FaultRule, ...]:
    """The rules in a JSON file. Raises InputError."""
    return parse_faults(_read(path), f"faults {path}")


def load_instances(path: Path) -> tuple[InstanceConfig, ...]:
    """The list `instances` of a JSON or TOML file. Raises InputError."""
    text = _read(path)
    try:
        document = tomllib.loads(text) if path.suffix == ".toml" else msgspec.json.decode(text)
        instances = document.get("instances") if isinstance(document, dict) else None
        return msgspec.convert(instances, tuple[InstanceConfig, ...])
    except (tomllib.TOMLDecodeError, msgspec.DecodeError) as error:
        raise InputError(f"instances {path}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """What a command line says of the configuration: instances, faults and listings as options and as files."""

    host: str = "127.0.0.1"
    port: int = 0
    instances: Sequence[str] | None = None
    instances_file: Path | None = None
    any_key: bool | None = None
    wire: str = "both"
    shape: str = "sent"
    ledger: Path | None = None
    fsync: bool = False
    faults: Sequence[str] | None = None
    faults_file: Path | None = None
    seed: int = 0
    visible_after: float = 0.0
    listing: str = ""


def build_config(options: SimulatorOptions) -> SimulatorConfig:
    """The configuration that a command line asks for. Raises UsageError and InputError."""
    known = [parse_instance(option, wire=options.wire, shape=options.shape) for option in options.instances or ()]
    known += load_instances(options.instances_file) if options.instances_file else ()
    rules = [parse_fault(option) for option in options.faults or ()]
    rules += load_faults(options.faults_file) if options.faults_file else ()
    read = {
        "instances": tuple(known),
        "faults": tuple(rules),
        "listing": parse_listing(options.listing) if options.listing else HONEST,
    }
    try:
        return msgspec.convert(asdict(options) | read, SimulatorConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"simulator: {error}") from None


def _pairs(option: str, parts: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.strip().partition("=")
        if not equals or name in pairs:
            raise UsageError(f"{option}: expected name=value, separated by commas, each name once")
        pairs[name] = value
    return pairs


def _check_shape(shape: str) -> None:
    if shape not in SHAPES:
        raise ValueError(f"there is no shape {shape!r}; there are {', '.join(SHAPES)}")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InputError(f"{path}: {reason}") from None
