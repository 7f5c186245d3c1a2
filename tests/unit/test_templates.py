"""Templates substitute and do nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.templates import (
    MAX_SOURCE_LENGTH,
    MAX_TEXT_LENGTH,
    TemplateError,
    compile_template,
    variable_name,
)

PARENTHESES = "one text in straight quotes may be in parentheses, or a number"
ANN = {"name": "Ann", "code": "42", "empty": "", "blank": " \n"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("Hello", "Hello"),
        ("Hello {{ name }}!", "Hello Ann!"),
        ("{{name}}{{code}}{{name}}", "Ann42Ann"),
        ("{{\tname\n}}", "Ann"),
        ("{{ Name }} {{ NAME }}", "Ann Ann"),
        ('{{ empty | default("there") }}', "there"),
        ('{{ blank | default("there") }}', "there"),
        ('{{ name | default("there") }}', "Ann"),
        ("{{empty|default('there')}}", "there"),
        ("{{ empty | default( 'a' ) }}", "a"),
        ("[{{ empty }}]", "[]"),
        ("[{{ blank }}]", "[ \n]"),
        ('{{ empty | default("") }}', ""),
        (r'{{ empty | default("say \"hi\" \\ \n.") }}', 'say "hi" \\ \n.'),
        ('{{ empty | default("}} {{ name }}") }}', "}} {{ name }}"),
        ("100% {name} {} } }} %s %(name)s", "100% {name} {} } }} %s %(name)s"),
        ("{ {{ name }} }", "{ Ann }"),
        ("{{ name | upper }} {{ name }}", "ANN Ann"),
        ('{{ name | default("there") | lower }}', "ann"),
        ('{{ empty | default("there") | upper }}', "THERE"),
        ('{{ empty | upper | default("there") }}', "there"),
        ('{{ empty | date | default("soon") }}', "soon"),
        ('{{ empty | default("2026-04-03") | date("%d/%m") | upper }}', "03/04"),
        ('{{ empty | default("a") | default("b") }}', "a"),
        ("[{{ empty | date }}]", "[]"),
        ("{{ code | number(2) }}", "42.00"),
    ],
)
def test_a_template_renders(source: str, text: str) -> None:
    assert compile_template(source).render(ANN) == text


@pytest.mark.parametrize("value", ["{{ code }}", "%s", "{0}", "\\n", '{{ x | default("y") }}', "${code}"])
def test_a_value_is_never_looked_at_again(value: str) -> None:
    assert compile_template("<{{ name }}> {{ code }}").render({"name": value, "code": "42"}) == f"<{value}> 42"


def test_names_are_listed_once_in_order_of_appearance() -> None:
    assert compile_template("{{ b }} {{ a }} {{ B }}").names == ("b", "a")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("Hi {{ name", "template line 1, column 4: '{{' is never closed; write {{ name }}"),
        ("Hi\n {{ name }", "template line 2, column 2: '{{' is never closed; write {{ name }}"),
        ("{{ a {{ b }}", "template line 1, column 1: '{{' is never closed; write {{ name }}"),
        ("{{ }}", "template line 1, column 1: no name after '{{'; write {{ name }}"),
        ("{{{ name }}}", "template line 1, column 1: no name after '{{'; write {{ name }}"),
        (
            "{{ 1 + 1 }}",
            "template line 1, column 4: '1 + 1' is not a name; use letters, digits and underscores, "
            "as in {{ first_name }}",
        ),
        (
            "a\r\nb {{ first name }}",
            "template line 2, column 6: 'first name' is not a name; use letters, digits and underscores, "
            "as in {{ first_name }}",
        ),
        (
            "{{ user.__class__ }}",
            "template line 1, column 4: 'user.__class__' is not a name; use letters, digits and underscores, "
            "as in {{ first_name }}",
        ),
        ("{{ a } b }}", "template line 1, column 6: only '|' or '}}' may follow the name"),
        ("{{ a | }}", "template line 1, column 8: unknown filter ''"),
        (
            "{{ a | uper }}",
            "template line 1, column 8: unknown filter 'uper'; there are default, date, time, number, upper, lower, "
            "title, url",
        ),
        *(
            (
                f"{{{{ a | {wrong} }}}}",
                'template line 1, column 8: default takes one text in straight quotes, as in default("there")',
            )
            for wrong in [
                "default",
                "default()",
                "default(there)",
                "default(5)",
                "default(“there”)",
                'default("a" "b")',
                "default(\"a')",
                r'default("\q")',
            ]
        ),
        ("{{ a | date(%d) }}", f"template line 1, column 12: {PARENTHESES}"),
        ("{{ a | date(“%d”) }}", f"template line 1, column 12: {PARENTHESES}"),
        ('{{ a | upper("x") }}', "template line 1, column 8: upper takes nothing in parentheses"),
        ('{{ a | default("x") | upper b }}', "template line 1, column 29: only '|' or '}}' may follow the name"),
        (
            "{{ a | date(5) }}",
            'template line 1, column 8: date takes one text in straight quotes, as in date("%d/%m/%Y")',
        ),
        (
            '{{ a | date("%Q") }}',
            "template line 1, column 8: date does not know '%Q'; there are %d %-d %m %-m %b %B %y %Y %a %A %H %-H %I "
            "%-I %M %S %p and %%",
        ),
        (
            '{{ a | time("%d") }}',
            "template line 1, column 8: time does not know '%d'; there are %H %-H %I %-I %M %S %p and %%",
        ),
        (
            '{{ a | time("soon") }}',
            "template line 1, column 8: time shows nothing of the value with 'soon'; write one of short, medium, or "
            "some of %H %-H %I %-I %M %S %p",
        ),
        *(
            (
                f"{{{{ a | {wrong} }}}}",
                "template line 1, column 8: number takes how many decimals to show, from 0 to 9, as in number(2)",
            )
            for wrong in ("number(10)", 'number("#,##0")')
        ),
        (
            "{{ a | upper | date }}",
            "template line 1, column 16: date reads what is in the list, so that it has to be the first filter",
        ),
        (
            '{{ a | default("soon") | date }}',
            "template line 1, column 26: This is not a date that can be read: write it like 2026-04-03.",
        ),
    ],
)
def test_a_faulty_template_is_refused_with_line_and_column(source: str, error: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template(source)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        (
            ["name", "code"],
            "template line 2, column 1: there is no column 'nmae'; did you mean 'name'? columns are: 'name', 'code'",
        ),
        (["city"], "template line 2, column 1: there is no column 'nmae'; columns are: 'city'"),
        ([], "template line 2, column 1: there is no column 'nmae'; columns are: none"),
    ],
)
def test_an_undefined_variable_is_refused_with_the_columns_there_are(columns: list[str], error: str) -> None:
    template = compile_template("Hi\n{{ nmae }}")
    with pytest.raises(TemplateError) as caught:
        template.check(columns)
    assert str(caught.value) == error


def test_many_and_long_columns_stay_on_one_bounded_line() -> None:
    with pytest.raises(TemplateError) as caught:
        compile_template("{{ x }}").check([f"{index}\n" + "y" * 500 for index in range(200)])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 800


def test_a_defined_variable_passes_the_check() -> None:
    compile_template("{{ name }} {{ Code }}").check(["code", "name", "other"])


def test_a_template_that_is_always_too_long_is_refused() -> None:
    compile_template("x" * MAX_TEXT_LENGTH)
    with pytest.raises(TemplateError, match="65,537 characters and at most 65,536"):
        compile_template("x" * MAX_TEXT_LENGTH + "{{ name }}x")
    with pytest.raises(TemplateError, match="262,145 characters and at most 262,144"):
        compile_template(f"{'{{ name }}':<{MAX_SOURCE_LENGTH + 1}}")


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("{{n}}", "x"),
        ("{{n}}", ""),
        ("{{n|default('x')}}", " " * 131_072),  # the largest cell of a CSV file
    ],
)
def test_no_message_takes_long_to_render(tag: str, value: str) -> None:
    template = compile_template(tag * (MAX_SOURCE_LENGTH // len(tag)))
    began = time.process_time()
    assert len(template.render({"n": value})) <= MAX_TEXT_LENGTH
    # It takes a few milliseconds, for which the worker's loop does nothing else.
    assert time.process_time() - began < 0.1


@pytest.mark.parametrize(
    ("source", "never_blank"),
    [
        ("", False),
        (" \n", False),
        ("{{ a }} {{ b }}", False),
        ('{{ a }}{{ b | default(" ") }}', False),
        ("{{ a }}.", True),
        ('{{ a }}{{ b | default("x") }}', True),
    ],
)
def test_a_template_knows_whether_it_can_come_out_blank(source: str, never_blank: bool) -> None:
    assert compile_template(source).never_blank is never_blank


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("name", "name"),
        (" Name ", "name"),
        ("First name", "first_name"),
        ("first-name", "first_name"),
        ("first__name", "first_name"),
        ("_first_name_", "first_name"),
        ("Order #", "order"),
        ("2nd order", "_2nd_order"),
        ("ИМЯ", "имя"),
        ("नाम", "नाम"),
        ("prénom", "prénom"),
        ("e\u0301tat", "état"),
        ("!!", ""),
        ("", ""),
    ],
)
def test_a_column_has_a_variable_name(column: str, name: str) -> None:
    assert variable_name(column) == name


@given(st.text())
def test_every_variable_name_can_be_written_in_a_template(column: str) -> None:
    name = variable_name(column)
    assert variable_name(name) == name
    if name:
        assert compile_template(f"{{{{ {name} }}}}").render({name: "x"}) == "x"


@given(st.text().filter(lambda text: "{{" not in text))
def test_a_text_without_double_braces_is_itself(text: str) -> None:
    assert compile_template(text).render({}) == text


@given(
    st.lists(
        st.sampled_from(
            ["{{", "}}", "{", "}", "a", " ", "|", "default", "date", "upper", "5", "(", ")", '"', "'", "\\", "\n"]
        )
    )
)
def test_any_source_compiles_or_is_refused_with_a_place(parts: list[str]) -> None:
    try:
        template = compile_template("".join(parts))
    except TemplateError as error:
        assert str(error).startswith("template line ")
    else:
        assert isinstance(template.render(dict.fromkeys(template.names, "")), str)


@given(
    st.dictionaries(st.sampled_from(["a", "b"]), st.text(), min_size=2), st.text(st.sampled_from("xy %"), max_size=5)
)
def test_the_bound_on_the_length_holds(variables: dict[str, str], default: str) -> None:
    template = compile_template(f'{{{{ a }}}}, {{{{ b | default("{default}") | upper | url }}}}{{{{ a | title }}}}')
    rendered = template.render(variables)
    assert len(rendered) <= template.longest({name: len(value) for name, value in variables.items()})
    assert rendered.strip() or not template.never_blank
