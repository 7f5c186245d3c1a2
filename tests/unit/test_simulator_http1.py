import pytest

from broadcaster.simulator.http1 import MAX_BODY_BYTES, BadRequestError, Response, parse_head, render_response


def test_a_head_is_split_into_method_path_query_and_lower_case_headers() -> None:
    head = parse_head(b"POST /wa/send?x=1 HTTP/1.1\r\nHost: h\r\nContent-LENGTH:  12 \r\nAccept: a\r\nAccept: b")

    assert (head.method, head.path, head.query, head.length) == ("POST", "/wa/send", "x=1", 12)
    assert head.headers == {"host": "h", "content-length": "12", "accept": "a, b"}


@pytest.mark.parametrize(
    ("raw", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\nHost: h", True),
        (b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Close", False),
        (b"GET / HTTP/1.0", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive", True),
    ],
)
def test_the_connection_is_kept_as_the_protocol_version_and_header_say(raw: bytes, keep_alive: bool) -> None:
    assert parse_head(raw).keep_alive is keep_alive


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"POST /wa/send", 400),
        (b"POST wa/send HTTP/1.1\r\nHost: h", 400),
        (b"POST /wa/send HTTP/2.0\r\nHost: h", 400),
        (b"POST  /wa/send HTTP/1.1\r\nHost: h", 400),
        (b"POST /wa/send HTTP/1.1", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nno colon", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\n folded: x", 400),
        (b"POST / HTTP/1.1\r\nHost : h", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nHost: i", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2", 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked", 411),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d" % (MAX_BODY_BYTES + 1), 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + b"9" * 5000, 413),
    ],
)
def test_a_head_that_is_not_plain_http_is_refused(raw: bytes, status: int) -> None:
    with pytest.raises(BadRequestError) as refused:
        parse_head(raw)

    assert refused.value.status == status


def test_a_response_is_framed_by_its_length() -> None:
    raw = render_response(Response(429, b"{}", headers={"Retry-After": "2"}), keep_alive=False)

    assert raw == (
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        b"Retry-After: 2\r\nConnection: close\r\n\r\n{}"
    )


def test_a_status_without_a_name_can_be_sent() -> None:
    assert render_response(Response(520, b"")).startswith(b"HTTP/1.1 520 Unassigned\r\n")
