"""Configuration: `BROADCASTER_*` environment variables and an optional `.env`, read and validated once."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from broadcaster.dotenv_file import read_dotenv, say_read
from broadcaster.errors import SettingsError
from broadcaster.secret_files import is_ours_alone
from broadcaster.settings_faults import PREFIX, faults_of, misspelt, said_fault

Seconds = Annotated[float, msgspec.Meta(gt=0)]
Bytes = Annotated[int, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
Password = Annotated[str, msgspec.Meta(min_length=12)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]

# sockaddr_un.sun_path is 108 bytes on Linux and 104 on macOS, and Postgres appends "/.s.PGSQL.5432.lock".
_LONGEST_SOCKET_DIR = 80


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be configured. Field `x_y` is the variable `BROADCASTER_X_Y`.

    Durations are seconds and sizes are bytes unless a name says otherwise.
    """

    home: Path
    """Where the embedded servers keep their data, logs, sockets and generated secrets.

    Unset: the platform's user data directory, or /var/lib/broadcaster for root.
    """
    database_url: str | None = None
    """SQLAlchemy or libpq URL of Postgres. Unset: the embedded Postgres under `home`."""
    migration_database_url: str | None = None
    """The same database as the role that owns its schema, for `db upgrade` alone. Unset: `database_url`."""
    redis_url: str | None = None
    """Celery broker URL (redis://, rediss://, redis+socket://). Unset: the embedded Redis under `home`.

    rediss:// checks the server's certificate; `?ssl_ca_certs=/path/ca.pem` says by whose.
    """
    secret_key: str | None = None
    """Fernet key(s), comma separated, newest first, that encrypt instance keys at rest."""
    secret_key_file: Path | None = None
    """A file that holds the same, for orchestrators' secrets."""
    server_user: str | None = None
    """The account that the embedded servers run as when root starts them; without effect for anybody else.

    Unset: `broadcaster`, if there is such a user; otherwise a user id that nobody has, kept under `home`.
    """

    flower_bind: str = "127.0.0.1"
    """The address that Flower listens on."""
    flower_port: Port = 5555
    """The port that Flower listens on."""
    flower_basic_auth: str | None = None
    """`user:password`. Unset: generated once under `home`."""

    web_bind: str = "127.0.0.1"
    """The address that the view in the browser listens on."""
    web_port: Port = 5560
    """The port that the view in the browser listens on."""
    web_password: Password | None = None
    """The password of the view in the browser, at least 12 characters. Unset: generated once under `home`."""
    web_url: str | None = None
    """Where people reach the view in the browser, if by another name, such as https://broadcaster.example.com."""
    web_allow_changes: bool = False
    """Whether campaigns can be paused, resumed and cancelled in the browser. Otherwise it is only to look at."""
    web_metrics_token_file: Path | None = None
    """The bearer token for `/metrics` of the view in the browser is in this file.

    Unset: nobody needs one on loopback, and elsewhere the figures are shown only to who is signed in.
    """

    worker_threads: Count = 64
    """Celery threads of one worker. Three quarters of them may wait for `send` tasks, which costs next to nothing."""
    drain_seconds: Seconds = 20.0
    """How long one `send` task keeps its lanes, at most, before it gives them back."""
    lease_seconds: Seconds = 15.0
    """How long a lane stays with a worker that has stopped renewing it."""
    request_timeout_seconds: Seconds = 30.0
    """The longest one gateway request may take, from connecting to the last byte of the reply."""
    connect_timeout_seconds: Seconds = 10.0
    """The longest it may take to connect to the gateway: name resolution, TCP and TLS."""
    doubt_settle_seconds: Seconds = 10.0
    """How long after its request has ended a message in doubt may be shown to be absent from its chat.

    Four times as long where the gateway left it open: a proxy may hold a request that nobody waits for any more.
    """
    doubt_polls: Count = 3
    """How many readings of a chat in a row must show a message in doubt to be absent before it is sent again."""
    doubt_poll_seconds: Seconds = 5.0
    """The time between two readings of a chat that may show that a message in doubt is not there.

    Where a chat does not tell, it doubles with each reading, up to 5 min.
    """
    doubt_deadline_seconds: Seconds = 3600.0
    """How long a message may be in doubt before it is unknown and waits for `campaign settle`.

    From three times BROADCASTER_DOUBT_SETTLE_SECONDS after its request has ended: until then a proxy may hand it on.
    Time in which chats cannot be read does not count.
    """
    truth_check_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 10.0
    """How often an accepted message of an instance is looked for in its chat; 0: never.

    A gateway that says yes and sends nothing is noticed by nothing else. After a message that was not there the next
    one is looked for within 2 s, five times in a row at most.
    """
    gateway_clock_seconds: Seconds = 60.0
    """By how much the gateway's clock may differ from the database's."""
    reply_words_file: Path | None = None
    """A TOML file with the words by which people opt out and in again, in place of the built-in ones."""
    country: Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{2}$")] | None = None
    """ISO 3166 code of phones that are written without their country code: ID, DE, …

    `--country` comes first, and then the instances' own, where they agree.
    """
    locale: str | None = None
    """Whose dates and numbers texts show, such as `id` or `en_GB`, unless `--locale` says otherwise. Unset: `en`.

    `en` writes English, and reads no date in numbers that may begin with the day or the month.
    """
    language: str | None = None
    """In which pages are written, such as reports: `en`, `es`, `id` or `pt`, unless `--language` says otherwise.

    Unset: the language of `locale`, where it is one of them, and English otherwise.
    """
    max_attempts: Count = 5
    """How many attempts a message may spend before it fails."""
    content_cache_bytes: Bytes = 256 * 1024 * 1024
    """Encoded files that one worker keeps in memory."""
    max_file_bytes: Bytes = 64 * 1024 * 1024
    """The largest file that `campaign submit --file` accepts."""
    retention_days: Days | None = None
    """For how many days what is personal of a campaign is kept after its end; then it is deleted. Unset: for ever.

    A beat that has it fires the deletion once an hour, and a worker that has it deletes.
    """
    timezone: str | None = None
    """Whose clocks commands show and read moments by, such as Asia/Jakarta. Unset: this machine's.

    `--json` and CSV have UTC, and a schedule has a zone of its own.
    """
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    log_json: bool | None = None
    """Whether the roles log one JSON object a line, for machines. Unset: unless they log to a terminal."""
    otlp_endpoint: str | None = None
    """Where workers send spans, such as http://127.0.0.1:4318: a collector of OpenTelemetry. Unset: nowhere."""
    trace_every: Count = 100
    """One of so many messages of a campaign is traced, and each campaign's first."""
    allow_private_file_urls: bool = False
    """Whether `--file-url` may name a host that is not public, for a gateway among one's own servers."""
    allow_private_webhooks: bool = False
    """Whether notices may go to http:// and to hosts that are not public, such as one's own servers."""
    smtp_url: str | None = None
    """`smtp(s)://user:password@host:port`: the server that notices by mail are handed to.

    smtps:// is TLS from the first byte on. With smtp:// a server has to offer STARTTLS that is not this machine's;
    `?starttls=no` is for one among one's own that has none, and then no password is sent.
    """
    mail_from: str | None = None
    """The address that notices by mail come from. Unset: the user of `smtp_url`, or broadcaster@ this machine."""

    @property
    def run_dir(self) -> Path:
        """The private directory of the embedded servers' sockets.

        Under `home`, or, where that path would be too long for a socket, where the link `home/sockets` leads.
        """
        return sockets_dir(self.home) / "run"

    def environment(self) -> dict[str, str]:
        """The variables from which another process loads these very settings, whatever its directory and `.env`."""
        return {f"{PREFIX}{name.upper()}": _written(getattr(self, name)) for name in self.__struct_fields__}

    @property
    def gateway_hold_seconds(self) -> float:
        """For how many seconds a request may be under way behind a gateway that has left it open."""
        return 3 * self.doubt_settle_seconds

    @property
    def acceptance_seconds(self) -> float:
        """How many seconds after its claim the gateway may accept a message at the latest.

        It leaves under the lease of its claim, and then its request takes no longer than this, wherever that stops.
        """
        return self.lease_seconds + self.request_timeout_seconds + self.gateway_hold_seconds

    @property
    def postgres_url(self) -> str:
        """SQLAlchemy URL with the psycopg driver: the configured one, or the embedded server's socket."""
        if self.database_url is None:
            return self._embedded_url("broadcaster_runtime", "pgpass-runtime")
        return _with_driver(self.database_url)

    @property
    def migration_url(self) -> str:
        """The same for migrations: as the owner of the schema, who is the embedded server's superuser."""
        if self.database_url is None:
            return self._embedded_url("broadcaster", "pgpass")
        return _with_driver(self.migration_database_url or self.database_url)

    @property
    def libpq_url(self) -> str:
        """The same without the driver's name, as psycopg by itself takes it."""
        return self.postgres_url.replace("postgresql+psycopg://", "postgresql://", 1)

    @property
    def broker_url(self) -> str:
        """Celery broker URL: the configured one, or the embedded server's socket."""
        return self.redis_url or f"redis+socket://{self.run_dir}/redis.sock"

    @property
    def broker_tls(self) -> dict[str, str] | None:
        """How TLS to the broker is done, in redis-py's words; None: without.

        The server's certificate is checked, unless `ssl_cert_reqs` in the URL says otherwise: kombu by itself does so
        only where the URL says it.
        """
        parts = urlsplit(self.broker_url)
        if parts.scheme != "rediss":
            return None
        given = {name: value for name, value in parse_qsl(parts.query) if name.startswith("ssl_")}
        return {"ssl_cert_reqs": "required", **given}

    def _embedded_url(self, role: str, passfile: str) -> str:
        query = f"host={quote(str(self.run_dir))}&passfile={quote(str(self.home / passfile))}"
        return f"postgresql+psycopg://{role}@/broadcaster?{query}"


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """Read the settings from `environ` (default: the process's), over those in the `dotenv` file if it exists.

    Raises SettingsError: one line that names every variable at fault and what it wants.
    """
    given = os.environ if environ is None else environ
    kept = {} if dotenv is None else read_dotenv(dotenv)
    if dotenv is not None and any(name.startswith(PREFIX) and name not in given for name in kept):
        say_read(dotenv)
    values = {**kept, **given}
    hints = get_type_hints(Settings, include_extras=True)
    fields: dict[str, Any] = {}
    faults: list[str] = []
    for name in Settings.__struct_fields__:
        raw = values.get(PREFIX + name.upper(), "")
        if not raw:
            continue
        try:
            fields[name] = _convert(raw, hints[name])
        except msgspec.ValidationError as error:
            faults.append(said_fault(name, error))
    faults += faults_of(fields)
    faults += misspelt(values, Settings.__struct_fields__)
    if faults:
        raise SettingsError("; ".join(faults))
    fields["home"] = (fields.get("home") or default_home()).expanduser().absolute()
    for name in ("secret_key_file", "reply_words_file", "web_metrics_token_file"):
        if name in fields:
            fields[name] = fields[name].absolute()
    return Settings(**fields)


def fits_socket(directory: Path) -> bool:
    """Whether the path of `directory` is short enough for sockets in it."""
    return len(os.fsencode(directory)) <= _LONGEST_SOCKET_DIR


def sockets_dir(home: Path) -> Path:
    """The directory that holds `run`: the home, or the one that its link `sockets` leads to.

    That one is made under the system's temporary directory with a name that nobody can foresee. It may be gone since,
    and somebody else's may be there: then, and before it is made, it is the home, where no server is.
    """
    if fits_socket(home / "run"):
        return home
    try:
        elsewhere = (home / "sockets").readlink()
        status = elsewhere.lstat()
    except OSError:
        return home
    return elsewhere if stat.S_ISDIR(status.st_mode) and is_ours_alone(status) else home


def default_home() -> Path:
    """The platform's user data directory; for root a system directory that other users can pass through."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/broadcaster")
    import platformdirs  # noqa: PLC0415 - only the default needs it, and start-up time counts

    return Path(platformdirs.user_data_dir("broadcaster"))


def _convert(raw: str, hint: Any) -> Any:
    if hint is Path or hint == Path | None:
        return Path(raw)
    return msgspec.convert(raw, hint, strict=False)


def _with_driver(url: str) -> str:
    scheme, rest = url.split("://", 1)
    return url if "+" in scheme else f"postgresql+psycopg://{rest}"


def _written(value: object) -> str:
    """The opposite of `_convert`; an empty variable counts as none."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
