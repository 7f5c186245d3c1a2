from pathlib import Path

import pytest

from broadcaster.errors import InputError, UsageError
from broadcaster.simulator import (
    Hide,
    InstanceConfig,
    Listing,
    SimulatorConfig,
    SimulatorOptions,
    build_config,
    load_faults,
    load_instances,
    parse_fault,
    parse_instance,
    parse_listing,
)


def test_an_instance_option_names_an_instance_and_its_key() -> None:
    assert parse_instance("a:k:1") == InstanceConfig(name="a", key="k:1")
    assert parse_instance("a:k,wire=form,shape=rotate") == InstanceConfig(
        name="a", key="k", wire="form", shape="rotate"
    )


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("a", "must be NAME:KEY"),
        (":s3cret", "must be NAME:KEY"),
        ("a:s3cret,x", "expected name=value"),
        ("a:s3cret,wire=xml", "Invalid enum value 'xml'"),
        ("a:s3cret,shape=odd", "there is no shape 'odd'"),
        ("a:s3cret,colour=red", "unknown field `colour`"),
    ],
)
def test_a_bad_instance_option_is_one_line_without_the_key(option: str, complaint: str) -> None:
    with pytest.raises(UsageError, match="--instance") as raised:
        parse_instance(option)

    assert complaint in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_key_is_not_in_the_repr() -> None:
    config = SimulatorConfig(instances=(InstanceConfig(name="a", key="s3cret"),))

    assert "s3cret" not in repr(config)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("", "expected name=value"),
        ("http_429", "expected name=value"),
        ("kind=html,kind=html", "each name once"),
        ("probability=1", "missing required field `kind`"),
        ("kind=http_200", "there is no fault kind 'http_200'"),
        ("kind=drop", "drop_before_accept, drop_after_accept"),
        ("kind=html,probability=2", "<= 1.0 - at `$.probability`"),
        ("kind=html,probability=x", "$.probability"),
        ("kind=html,nth=0", "$.nth"),
        ("kind=html,phone=+62", "phone must be digits"),
        ("kind=html,endpoint=send", "there is no endpoint 'send'"),
        ("kind=html,after=2,until=1", "until must be later than after"),
        ("kind=html,colour=red", "unknown field `colour`"),
        ("kind=latency", "latency needs seconds"),
        ("kind=latency,seconds=2..1", "ascending"),
        ("kind=latency,seconds=-1", "negative"),
        ("kind=latency,seconds=a..b", "could not convert"),
        ("kind=latency,seconds=nan", "seconds"),
        ("kind=html,seconds=1", "seconds does not go with html"),
        ("kind=html,retry_after=1", "retry_after does not go with html"),
        ("kind=http_429,http_date=true", "http_date does not go with"),
        ("kind=drip,bytes=1", "bytes does not go with drip"),
        ("kind=drop_before_reading,phone=62*", "nothing has been read"),
        ("kind=reply,status=600", "status must be 200 to 599"),
        ("kind=html,status=500", "status does not go with html"),
        ("kind=http_500,body=x", "body does not go with http_500"),
        ("kind=http_500,seconds=1", "seconds does not go with http_500"),
        ("kind=rate_limit", "rate_limit needs rate"),
        ("kind=not_connected,rate=1", "rate does not go with not_connected"),
        ("kind=not_connected_after_accept", "there is no fault kind"),
        ("kind=false_yes,status=200", "status does not go with false_yes"),
    ],
)
def test_a_bad_fault_option_is_one_line(option: str, complaint: str) -> None:
    with pytest.raises(UsageError, match="--fault") as raised:
        parse_fault(option)

    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("option", "body"),
    [
        ('kind=reply,status=400,body={"error": "no, not you", "code": 1}', {"error": "no, not you", "code": 1}),
        ("kind=reply,body=[1, 2]", [1, 2]),
        ("kind=reply,body=upstream connect error, or so", "upstream connect error, or so"),
        ("kind=reply,body=17", "17"),
        ("kind=reply,body=", ""),
    ],
)
def test_the_body_of_a_reply_takes_the_rest_of_the_option(option: str, body: object) -> None:
    assert parse_fault(option).body == body


def test_an_instance_option_says_how_the_instance_lists() -> None:
    listing = "aliases=52>521+54>549,texts=escape_html+strip_markup,page=50,order=oldest,hides=files+55*,thumbnails=1"

    instance = parse_instance(f"a:k,wire=form,{listing}")

    assert instance.wire == "form"
    assert instance.listing == parse_listing(listing)
    assert instance.listing == Listing(
        aliases={"52": "521", "54": "549"},
        texts=("escape_html", "strip_markup"),
        page=50,
        order="oldest",
        hides=(Hide(what="files"), Hide(phone="55*")),
        thumbnails=True,
    )


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("aliases=france", "there are no aliases 'france'; there are mexico, brazil"),
        ("aliases=52>x", "'x' is not the beginning of a number"),
        ("texts=upper", "there is no change of texts 'upper'; there are escape_html"),
        ("page=0", "page"),
        ("order=random", "order"),
        ("hides=some", "hides"),
        ("hides=5x", "phone must be digits"),
        ("omits=bodies", "omits"),
        ("colour=red", "unknown field `colour`"),
    ],
)
def test_a_bad_listing_option_is_one_line(option: str, complaint: str) -> None:
    with pytest.raises(UsageError, match="--listing") as raised:
        build_config(SimulatorOptions(listing=option))

    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_faults_come_from_options_and_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('[{"kind": "latency", "seconds": [0.1, 0.2]}, {"kind": "http_429", "headers": {"X": "1"}}]')

    config = build_config(SimulatorOptions(faults=["kind=html,nth=3"], faults_file=path, ledger=tmp_path))

    assert [rule.kind for rule in config.faults] == ["html", "latency", "http_429"]


@pytest.mark.parametrize("text", ["{}", '[{"kind": "html", "nth": "x"}]', '[{"kind": "nope"}]', "not json"])
def test_a_bad_faults_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(text)

    with pytest.raises(InputError, match=r"faults\.json"):
        load_faults(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("instances.toml", '[[instances]]\nname = "a"\nkey = "k"\nwire = "form"\n'),
        ("instances.json", '{"instances": [{"name": "a", "key": "k", "wire": "form"}]}'),
    ],
)
def test_instances_come_from_a_toml_or_json_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)

    assert load_instances(path) == (InstanceConfig(name="a", key="k", wire="form"),)


@pytest.mark.parametrize(
    ("name", "text"),
    [("i.toml", "= s3cret"), ("i.toml", ""), ("i.json", '{"instances": [{"key": "s3cret"}]}'), ("i.json", "[]")],
)
def test_a_bad_instances_file_is_named_without_its_keys(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(InputError, match=name) as raised:
        load_instances(path)
    assert "s3cret" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: No such file"):
        load_faults(tmp_path / "nowhere")


def test_any_key_is_taken_until_an_instance_is_configured() -> None:
    assert build_config(SimulatorOptions()).takes_any_key
    assert not build_config(SimulatorOptions(instances=["a:k"])).takes_any_key
    assert build_config(SimulatorOptions(instances=["a:k"], any_key=True)).takes_any_key
    assert not build_config(SimulatorOptions(any_key=False)).takes_any_key


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"instances": ["a:k", "a:l"]}, "two instances have the same name"),
        ({"instances": ["a:k", "b:k"]}, "two instances have the same key"),
        ({"wire": "xml"}, "'xml'"),
        ({"shape": "odd"}, "'odd'"),
        ({"port": 65536}, "port"),
        ({"visible_after": -1.0}, "visible_after"),
    ],
)
def test_values_that_contradict_each_other_or_do_not_exist_are_refused(
    options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(UsageError, match=complaint):
        build_config(SimulatorOptions(**options))  # type: ignore[arg-type]  # the table holds options of several types


def test_the_wire_and_shape_options_are_for_instances_that_name_none() -> None:
    config = build_config(SimulatorOptions(instances=["a:k", "b:l,wire=json"], wire="form", shape="ok"))

    assert [(instance.wire, instance.shape) for instance in config.instances] == [("form", "ok"), ("json", "ok")]
