"""How long sending takes: the same number, wherever the recipients come from."""

from __future__ import annotations

import io

import pytest

from broadcaster.services.audiences.imports import import_file
from broadcaster.services.campaigns.audience_submission import submit_over_audience
from broadcaster.services.campaigns.contents import text_content
from broadcaster.services.campaigns.submission import Submission, submit
from broadcaster.services.recipients.reader import RecipientOptions, read_recipients
from tests.support.shop import Shop


@pytest.mark.parametrize(
    ("rates", "people", "seconds"),
    [
        (("2/s", "1/s"), 30, 10),
        (("1/h", "1/h"), 3, 7200),
        # The one with a limit gets three of them, and those without one take no time that can be told.
        (("20/min", "unlimited"), 1000, 9),
        (("unlimited", "unlimited"), 30, None),
    ],
)
def test_a_file_and_an_audience_of_the_same_people_take_the_same_time(
    shop: Shop, rates: tuple[str, str], people: int, seconds: float | None
) -> None:
    for name, rate in zip("ab", rates, strict=True):
        shop.add(name, rate=rate)
    rows = "".join(f"62812{number:07d}\n" for number in range(people))
    file = f"phone\n{rows}".encode()
    submission = Submission(name="promo", instances=["a", "b"], content=text_content("Hi"), max_attempts=3)
    with read_recipients(io.BytesIO(file), RecipientOptions()) as recipients:
        from_file = submit(shop.engine, submission, recipients, dry_run=True)
    with read_recipients(io.BytesIO(file), RecipientOptions()) as recipients:
        import_file(shop.engine, "people", recipients)
    from_audience = submit_over_audience(shop.engine, submission, "people", dry_run=True)
    assert from_file.total == from_audience.total == people
    assert from_file.seconds_to_send == from_audience.seconds_to_send == (seconds and pytest.approx(seconds))
