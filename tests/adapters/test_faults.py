"""KERNEL R12 as a table: what each answer means, and whether the outcome is known."""

import json
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest

from tenantry.adapters.dokploy.client import DokployClient, anything, serve
from tenantry.adapters.dokploy.faults import Gone, retry_after
from tenantry.adapters.wire import DeadlineTransport, WireTrouble
from tenantry.clock import utcnow
from tenantry.errors import KeyRefused, Permanent, TargetDown, Transient

KEY = "the-api-key-4711"
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


def client_with(answer):
    """A client whose server always answers so: a response, or trouble on the wire."""

    def handle(request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return DokployClient(serve("main", "https://d.example/", httpx.MockTransport(handle)), KEY)


def refusal(status, message, code="SOME_CODE", path="project.create", **detail):
    data = {"code": code, "httpStatus": status, "zodError": None, **detail}
    if path:
        data["path"] = path
    return httpx.Response(status, json={"message": message, "code": code, "data": data})


def ask(client):
    client.ask("project.all", anything)


def tell(client):
    client.tell("project.create", {"name": "a"}, anything)


def trouble_of(deed, answer):
    with pytest.raises((Permanent, Transient, KeyRefused)) as trouble:
        deed(client_with(answer))
    return trouble.value


@pytest.mark.parametrize("status", [400, 402, 403, 405, 410, 413, 415, 418, 422, 451])
def test_a_refusal_is_permanent_in_the_targets_words(status):
    trouble = trouble_of(tell, refusal(status, "Host must be bare"))
    assert type(trouble) is Permanent
    assert str(trouble) == f"Target main, project.create: it answered {status}, Host must be bare"


def test_a_refusal_names_the_fields():
    errors = {"formErrors": [], "fieldErrors": {"name": ["Too small"], "host": ["Required", "x"]}}
    trouble = trouble_of(tell, refusal(400, "Input validation failed", zodError=errors))
    assert "Input validation failed: name: Too small; host: Required" in str(trouble)


@pytest.mark.parametrize("text", ["Invalid JSON", "Body exceeded 1mb limit"])
def test_a_refusal_in_plain_text_is_permanent(text):
    assert type(trouble_of(tell, httpx.Response(400, text=text))) is Permanent


@pytest.mark.parametrize("status", [502, 503, 504, 520, 524])
@pytest.mark.parametrize("body", [HTML, "no available server", ""])
def test_a_proxys_answer_is_an_outage_and_a_change_under_it_is_unknown(status, body):
    for deed, known in ((ask, True), (tell, False)):
        trouble = trouble_of(deed, httpx.Response(status, text=body))
        assert type(trouble) is TargetDown
        assert trouble.outcome_known is known


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
def test_html_where_json_belongs_is_an_outage(status):
    trouble = trouble_of(tell, httpx.Response(status, html=HTML))
    assert type(trouble) is TargetDown
    assert not trouble.outcome_known


def test_a_404_that_is_not_json_comes_from_a_proxy_without_a_route():
    assert type(trouble_of(ask, httpx.Response(404, text="404 page not found"))) is TargetDown


def test_a_404_of_the_target_says_that_the_object_is_gone():
    assert type(trouble_of(ask, refusal(404, "Project not found", "NOT_FOUND"))) is Gone


def test_a_404_without_a_path_is_an_unknown_call_and_not_a_missing_object():
    trouble = trouble_of(ask, refusal(404, "Not found", "NOT_FOUND", path=None))
    assert type(trouble) is Permanent


@pytest.mark.parametrize("body", ["garbage{{{", "[" * 100_000, "v0.30.2", '{"a":'])
def test_a_200_that_is_not_json_is_transient_and_a_change_under_it_unknown(body):
    for deed, known in ((ask, True), (tell, False)):
        trouble = trouble_of(deed, httpx.Response(200, text=body))
        assert type(trouble) is Transient
        assert trouble.outcome_known is known


def test_a_200_of_another_shape_is_transient_and_shows_nothing_of_itself():
    client = client_with(httpx.Response(200, json={"secretish": "hunter2"}))
    with pytest.raises(Transient) as trouble:
        client.tell("project.create", {}, lambda row: row["project"])
    assert "hunter2" not in str(trouble.value)
    assert "KeyError" in str(trouble.value)
    assert not trouble.value.outcome_known


def test_an_empty_200_is_a_success():
    assert client_with(httpx.Response(200)).tell("application.deploy", {}, lambda d: d) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status):
    answer = httpx.Response(status, headers={"location": "http://169.254.169.254/"})
    trouble = trouble_of(tell, answer)
    assert type(trouble) is TargetDown
    assert "check its URL" in str(trouble)


def test_too_many_requests_is_the_word_of_a_proxy_and_costs_no_try():
    answer = httpx.Response(429, text="slow down", headers={"retry-after": "17"})
    trouble = trouble_of(tell, answer)
    assert type(trouble) is TargetDown
    assert trouble.retry_after == 17
    assert not trouble.outcome_known
    assert trouble_of(ask, httpx.Response(429)).outcome_known


@pytest.mark.parametrize(("status", "known"), [(408, False), (409, True), (425, True)])
def test_h1_later_means_later(status, known):
    answer = httpx.Response(status, text="later", headers={"retry-after": "17"})
    trouble = trouble_of(tell, answer)
    assert type(trouble) is Transient
    assert trouble.retry_after == 17
    assert trouble.outcome_known is known
    assert trouble_of(ask, httpx.Response(status)).outcome_known


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("soon", None),
        ("nan", None),
        ("0", 1),
        ("-5", 1),
        ("-inf", 1),
        ("2.5", 2.5),
        ("300", 300),
        ("1e9", 300),
        ("inf", 300),
        ("9" * 400, 300),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300),
        ("Thu, 32 Jan 2026 00:00:00 GMT", None),
        ("Thu, 01 Jan 2026 00:00:00", None),
    ],
)
def test_h1_retry_after_is_clamped(text, seconds):
    assert retry_after({"retry-after": text}) == seconds


def test_h1_retry_after_as_a_date():
    date = format_datetime(utcnow() + timedelta(seconds=60), usegmt=True)
    assert 55 < (retry_after({"retry-after": date}) or 0) <= 60


def test_trap_49_a_500_of_a_procedure_is_tried_three_times_and_its_outcome_known():
    words = "Error on deploy postgresError: Error response from daemon: manifest unknown"
    trouble = trouble_of(tell, refusal(500, words, path="postgres.deploy"))
    assert type(trouble) is Transient
    assert trouble.most_tries == 3
    assert trouble.outcome_known
    assert "manifest unknown" in str(trouble)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(501, json={}),
        refusal(500, "Internal Server Error", path=None),
    ],
)
def test_another_500_is_transient_and_a_change_under_it_unknown(answer):
    trouble = trouble_of(tell, answer)
    assert type(trouble) is Transient
    assert trouble.most_tries is None
    assert not trouble.outcome_known


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"message": "Unauthorized"}),
        refusal(401, "UNAUTHORIZED", "UNAUTHORIZED"),
        httpx.Response(401, text="Unauthorized"),
        httpx.Response(401),
        httpx.Response(401, json=[]),
    ],
)
def test_trap_12_rate_limited_key_answers_401(answer):
    trouble = trouble_of(tell, answer)
    assert type(trouble) is KeyRefused
    assert "rateLimitEnabled=false" in str(trouble)
    assert not trouble.outcome_known
    assert trouble_of(ask, answer).outcome_known


def test_trap_48_a_401_with_a_code_is_a_permission_and_fails_the_step():
    answer = refusal(401, "You don't have access to this service", "UNAUTHORIZED")
    trouble = trouble_of(ask, answer)
    assert type(trouble) is Permanent
    assert "You don't have access" in str(trouble)


def test_a_wire_that_broke_after_sending_leaves_a_change_unknown():
    broken = WireTrouble("it broke off its answer", sent=True)
    assert not trouble_of(tell, broken).outcome_known
    assert trouble_of(ask, broken).outcome_known
    assert type(trouble_of(tell, broken)) is Transient


def test_a_target_that_was_not_reached_is_an_outage_with_a_known_outcome():
    trouble = trouble_of(tell, WireTrouble("it was not reached: refused", sent=False))
    assert type(trouble) is TargetDown
    assert trouble.outcome_known


def test_no_message_ever_holds_the_key():
    for status in (400, 401, 404, 409, 429, 500, 502):
        answer = refusal(status, f"bad {KEY} in x-api-key: {KEY}")
        assert KEY not in str(trouble_of(tell, answer))


def test_one_call_is_one_request_with_our_headers():
    seen = []

    def handle(request):
        seen.append(request)
        return httpx.Response(200, json={})

    client = DokployClient(serve("main", "https://d.example/", httpx.MockTransport(handle)), KEY)
    client.ask("project.one", anything, projectId="a b&c", serverId=None)
    client.tell("project.create", {"name": "ä"}, anything)
    query, change = seen
    assert str(query.url) == "https://d.example/api/project.one?projectId=a+b%26c"
    assert (query.method, change.method) == ("GET", "POST")
    assert json.loads(change.content) == {"name": "ä"}
    assert change.headers["content-type"] == "application/json"
    for request in seen:
        assert request.headers["x-api-key"] == KEY
        assert request.headers["user-agent"].startswith("tenantry/")
        assert "authorization" not in request.headers


H3 = {
    "silence": lambda talk: talk.silence(),
    "a drip": lambda talk: talk.drip(b"HTTP/1.1 200 OK\r\n" * 99),
    "a reset": lambda talk: talk.reset(),
    "half an answer": lambda talk: (
        talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{") and False
    ),
}


@pytest.mark.parametrize("how", H3)
def test_h3_a_change_is_sent_once_whatever_happens_to_its_answer(door, how):
    server = door(H3[how])
    transport = DeadlineTransport()
    client = DokployClient(serve("main", server.url, transport, 0.3), KEY)
    with pytest.raises(Transient) as trouble:
        client.tell("project.create", {"name": "a"}, anything)
    assert not trouble.value.outcome_known
    assert len(server.requests) == 1
    transport.close()
