"""The containers, and the commands that files outside the code ask for."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from broadcaster.settings import load
from tests.support.reference import README, ROOT, commands

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SHELL_FILES = [README, COMPOSE, ROOT / "Makefile"]
ONE_SHOT = {"migrate"}
WITHOUT_DATABASE = {"beat", "flower"}


def load_compose() -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(COMPOSE))


SERVICES: dict[str, dict[str, Any]] = load_compose()["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
EVERY_SERVICE = pytest.mark.parametrize("name", SERVICES)


@cache
def known_commands() -> dict[tuple[str, ...], Any]:
    return {each.words: each.command for each in commands()}


def check_command(arguments: list[str]) -> None:
    """Let the command line parse `broadcaster *arguments`, without running it."""
    known = known_commands()
    words = next((tuple(arguments[:n]) for n in (2, 1) if tuple(arguments[:n]) in known), None)
    assert words, f"there is no command `broadcaster {' '.join(arguments[:2])}`"
    known[words].make_context(" ".join(words), arguments[len(words) :])


def shell_lines(text: str, name: str) -> Iterator[str]:
    """The shell commands of a Markdown file's `sh` blocks, a Makefile's recipes, or a YAML file's comments."""
    if name.endswith(".md"):
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            yield from block.replace("\\\n", " ").splitlines()
    elif name == "Makefile":
        yield from re.findall(r"^\t@?(.*\bbroadcaster .*)", text.replace("$(BIN)/", ""), re.MULTILINE)
    else:
        yield from re.findall(r"^#     (docker compose .*)", text, re.MULTILINE)


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line, without what is redirected."""
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True  # a comma does not part words
    for token in lexer:
        if token[0] in "|&;<>()":
            yield words
            words = []
        else:
            words.append(token)
    yield words


def inside_container(words: list[str]) -> list[str]:
    """What `docker compose exec SERVICE …` runs there; any other command as it is."""
    if words[:3] != ["docker", "compose", "exec"]:
        return words
    service, *inner = [word for word in words[3:] if word != "-T"]
    assert service in OURS
    return inner


def commands_in(path_name: str, text: str) -> list[list[str]]:
    """The arguments of every `broadcaster …` in a file, also inside `docker compose exec`."""
    found = []
    for line in shell_lines(text, path_name):
        found += [words[1:] for words in map(inside_container, simple_commands(line)) if words[:1] == ["broadcaster"]]
    return found


@pytest.mark.parametrize("path", SHELL_FILES, ids=lambda path: path.name)
def test_every_command_that_a_file_shows_is_one_that_the_command_line_takes(path: Path) -> None:
    found = commands_in(path.name, path.read_text(encoding="utf-8"))
    assert found
    for arguments in found:
        check_command(arguments)


def test_commands_named_in_documents_and_messages_exist() -> None:
    words = set(known_commands()) | {words[:1] for words in known_commands()}
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("broadcaster/**/*.py")]
    named = {
        (path.name, name)
        for path in paths
        for name in re.findall(r"`broadcaster ((?:[a-z]+ ?)+)", path.read_text(encoding="utf-8"))
    }
    assert {each for each in named if not any(tuple(each[1].split()[:n]) in words for n in (2, 1))} == set()


@pytest.mark.parametrize("name", OURS)
def test_every_container_runs_a_command_that_exists(name: str) -> None:
    check_command(OURS[name]["command"])


def test_the_image_runs_a_command_that_exists() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    [entry] = re.findall(r"^ENTRYPOINT (.*)", text, re.MULTILINE)
    [default] = re.findall(r"^CMD (.*)", text, re.MULTILINE)
    assert json.loads(entry) == ["broadcaster"]
    check_command(json.loads(default))


def test_the_image_runs_without_privileges() -> None:
    last_stage = DOCKERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.*)", last_stage, re.MULTILINE) == ["broadcaster"]


def test_the_image_gets_nothing_but_what_its_build_copies() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == {name for names in copied for name in names.split()}


@EVERY_SERVICE
def test_every_service_has_a_restart_policy(name: str) -> None:
    assert SERVICES[name]["restart"] == ("no" if name in ONE_SHOT else "unless-stopped")


@EVERY_SERVICE
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"].get("disable", False) is (name in ONE_SHOT)
    assert ("test" in SERVICES[name]["healthcheck"]) is (name not in ONE_SHOT)


@EVERY_SERVICE
def test_a_service_starts_after_what_it_needs_is_there(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
        assert how["condition"] == wanted


def test_no_variable_has_a_default_and_each_says_what_to_set_it_to() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    references = re.findall(r"\$\{(\w+)([^}]*)\}", text)
    assert references
    assert [name for name, rest in references if not re.fullmatch(r":\?set it to .+", rest)] == []


@EVERY_SERVICE
def test_no_secret_is_written_down(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASSWORD|SECRET|AUTH", variable):
            assert value.startswith(("${", "/run/secrets/")), variable
        without_references = re.sub(r"\$\{[^}]*\}", "", str(value))
        assert not re.search(r"://[^/]*:[^/]+@", without_references), variable


@EVERY_SERVICE
def test_a_container_can_change_nothing_of_its_image_and_gains_no_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert "cap_add" not in service or name == "postgres"


@EVERY_SERVICE
def test_a_container_that_is_read_only_has_no_secret_that_compose_would_copy_into_it(name: str) -> None:
    assert all("file" in load_compose()["secrets"][secret] for secret in SERVICES[name].get("secrets", []))


def test_what_a_worker_has_to_keep_outlives_its_container() -> None:
    home = re.findall(r"BROADCASTER_HOME=(\S+)", DOCKERFILE.read_text(encoding="utf-8"))
    assert [place.partition(":")[2] for place in SERVICES["worker"]["volumes"]] == home


@pytest.mark.parametrize("name", ["worker", "beat", "flower"])
def test_each_role_is_its_own_user_of_redis(name: str) -> None:
    password = SERVICES["redis"]["environment"][f"REDIS_{name.upper()}_PASSWORD"]
    assert SERVICES[name]["environment"]["BROADCASTER_REDIS_URL"] == f"redis://{name}:{password}@redis:6379/0"


@pytest.mark.parametrize("name", OURS)
def test_the_schema_is_owned_by_a_role_that_nothing_but_the_migration_connects_as(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    passwords = SERVICES["postgres"]["environment"]
    runtime = f"postgresql://broadcaster_runtime:{passwords['RUNTIME_PASSWORD']}@postgres/broadcaster"
    owner = f"postgresql://broadcaster_owner:{passwords['OWNER_PASSWORD']}@postgres/broadcaster"
    assert environment.get("BROADCASTER_DATABASE_URL") == (None if name in WITHOUT_DATABASE else runtime)
    assert environment.get("BROADCASTER_MIGRATION_DATABASE_URL") == (owner if name == "migrate" else None)
    assert passwords["POSTGRES_PASSWORD"] not in str(environment)


def test_postgres_makes_the_roles_when_it_initialises_its_volume() -> None:
    mounted = dict(place.split(":")[:2] for place in SERVICES["postgres"]["volumes"])
    [script] = [source for source, place in mounted.items() if place.startswith("/docker-entrypoint-initdb.d/")]
    assert (ROOT / script).is_file()
    assert "POSTGRES_USER" not in SERVICES["postgres"]["environment"], "the script is run as `postgres`"


@EVERY_SERVICE
def test_nothing_listens_beyond_this_host(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_a_worker_has_time_to_finish_what_is_in_flight() -> None:
    grace = float(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > load({}, dotenv=None).request_timeout_seconds
