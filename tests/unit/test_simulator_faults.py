import msgspec
import pytest

from broadcaster.simulator import FaultPlan, fault_plan, guide, parse_fault
from broadcaster.simulator.fault_plan import Fault
from broadcaster.simulator.lasting_troubles import TROUBLES

PHONE = "628123456789"


def _fired(plan: FaultPlan, times: int, *, instance: str = "a", endpoint: str = "/wa/send") -> list[str | None]:
    """The kinds of the faults that befall so many requests."""
    faults = [plan.choose(instance, endpoint, PHONE)[1] for _ in range(times)]
    return [None if fault is None else fault.rule.kind for fault in faults]


@pytest.mark.parametrize(
    ("condition", "befallen"),
    [
        ("phone=628123456789", True),
        ("phone=628123*", True),
        ("phone=*", True),
        ("phone=628123", False),
        ("phone=629*", False),
        ("instance=a", True),
        ("instance=b", False),
        ("endpoint=/wa/send", True),
        ("endpoint=/wa/messages", False),
        ("endpoint=sends", True),
        ("endpoint=reads", False),
        ("endpoint=any", True),
        ("probability=0", False),
        ("after=3600", False),
        ("until=3600", True),
        ("until=0.000000001", False),
    ],
)
def test_a_fault_befalls_only_requests_that_meet_its_conditions(condition: str, befallen: bool) -> None:
    plan = FaultPlan([parse_fault(f"kind=html,{condition}")])

    assert _fired(plan, 1) == (["html"] if befallen else [None])


def test_the_nth_request_is_counted_among_those_that_meet_the_other_conditions() -> None:
    plan = FaultPlan([parse_fault("kind=html,nth=2,instance=a")])

    assert _fired(plan, 1, instance="b") + _fired(plan, 3) == [None, None, "html", None]


def test_the_nth_request_does_not_depend_on_the_rules_before() -> None:
    plan = FaultPlan([parse_fault("kind=http_500,nth=1"), parse_fault("kind=html,nth=2")])

    assert _fired(plan, 3) == ["http_500", "html", None]


def test_a_count_ends_a_fault() -> None:
    plan = FaultPlan([parse_fault("kind=http_503,count=2"), parse_fault("kind=html,count=1")])

    assert _fired(plan, 4) == ["http_503", "http_503", "html", None]
    assert plan.fired == {"http_503": 2, "html": 1}


def test_the_same_seed_gives_the_same_faults() -> None:
    rule = parse_fault("kind=html,probability=0.5")

    first, again, other = (_fired(FaultPlan([rule], seed), 64) for seed in (1, 1, 2))

    assert first == again != other
    assert 16 < first.count("html") < 48


def test_latency_combines_with_another_fault() -> None:
    plan = FaultPlan([parse_fault("kind=latency,seconds=0.1..0.2"), parse_fault("kind=html")])

    latency, fault = plan.choose("a", "/wa/send", PHONE)

    assert isinstance(latency, Fault)
    assert 0.1 <= latency.seconds <= 0.2
    assert fault is not None
    assert fault.rule.kind == "html"


def test_what_cannot_be_accepted_suffers_no_fault_after_acceptance() -> None:
    plan = FaultPlan([parse_fault("kind=drop_after_accept")])

    assert _fired(plan, 1, endpoint="/wa/messages") == [None]
    assert _fired(plan, 1, endpoint="/wa/sendfileurl") == ["drop_after_accept"]


def test_a_request_that_is_not_read_is_dropped_by_its_own_rule_only() -> None:
    plan = FaultPlan([parse_fault("kind=drop_before_reading,nth=2"), parse_fault("kind=drop_before_accept")])

    assert [plan.refuses_to_read() for _ in range(3)] == [False, True, False]
    assert _fired(plan, 1) == ["drop_before_accept"]


@pytest.mark.parametrize(
    ("kind", "accepts"),
    [
        ("latency,seconds=1", True),
        ("http_429", False),
        ("http_502_after_accept", True),
        ("html", False),
        ("html_after_accept", True),
        ("drop_before_reading", False),
        ("drop_before_accept", False),
        ("drop_after_accept", True),
        ("hang_before_accept", False),
        ("hang_after_accept", True),
        ("not_running", False),
        ("invalid_number", False),
        ("bad_key", False),
        ("drip", True),
        ("big_reply", True),
        ("http_504_then_accept", True),
        ("html_then_accept", True),
        ("drop_then_accept", True),
        ("hang_then_accept", True),
        ("reply", False),
        ("reply_after_accept", True),
        ("reply_then_accept", True),
        ("false_yes", False),
        ("rate_limit,rate=1", False),
        *[(name, False) for name in TROUBLES],
    ],
)
def test_every_kind_says_whether_the_message_is_accepted(kind: str, accepts: bool) -> None:
    assert parse_fault(f"kind={kind}").accepts is accepts


@pytest.mark.parametrize(
    ("kind", "sends", "reads"),
    [
        *[(trouble.name, True, trouble.befalls == "any") for trouble in TROUBLES.values()],
        ("no_credit,endpoint=any", True, True),
        ("not_connected,endpoint=sends", True, False),
        ("not_connected,endpoint=reads", False, True),
        ("reply", True, True),
        ("reply_after_accept,endpoint=any", True, False),
        ("false_yes", True, False),
    ],
)
def test_a_rule_that_names_no_endpoint_befalls_those_of_its_kind(kind: str, sends: bool, reads: bool) -> None:
    rule = parse_fault(f"kind={kind}")

    assert [rule.matches("a", endpoint, PHONE) for endpoint in ("/wa/send", "/wa/sendfileurl")] == [sends] * 2
    assert [rule.matches("a", endpoint, PHONE) for endpoint in ("/wa/chats", "/wa/messages")] == [reads] * 2


def test_no_trouble_of_the_account_lasts_shorter_than_its_rules() -> None:
    plan = FaultPlan([parse_fault("kind=no_credit")])

    assert _fired(plan, 1000) == ["no_credit"] * 1000


def test_so_many_requests_of_each_instance_are_answered_in_any_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(fault_plan.time, "monotonic", lambda: now[0])
    plan = FaultPlan([parse_fault("kind=rate_limit,rate=2")])

    def answered(instance: str = "a", endpoint: str = "/wa/messages") -> int:
        return _fired(plan, 5, instance=instance, endpoint=endpoint).count(None)

    assert (answered(), answered("b"), answered(endpoint="/wa/send")) == (2, 2, 5)
    now[0] += 0.9
    assert answered() == 0
    now[0] += 0.2
    assert answered() == 2


def test_every_kind_is_explained() -> None:
    text = guide()

    for name in (*TROUBLES, "false_yes", "rate_limit", "reply_then_accept", "hang_then_accept"):
        assert f" {name}" in (fault_plan.__doc__ or "")
        assert f" {name}" in text
    assert max(map(len, text.splitlines())) <= 119


@pytest.mark.parametrize(
    "option",
    [
        "kind=hang_after_accept,seconds=1..2,phone=62*,nth=3",
        'kind=reply,status=466,body={"used": 67}',
        "kind=reply,body=",
        "kind=reply",
    ],
)
def test_a_rule_survives_json(option: str) -> None:
    rule = parse_fault(option)

    assert msgspec.json.decode(msgspec.json.encode(rule), type=type(rule)) == rule
