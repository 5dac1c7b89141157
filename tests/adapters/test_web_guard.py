"""SECURITY §5 D: hostile addresses. Nobody is really called here."""

import pytest

from tenantry.adapters.web import OutboundWeb
from tenantry.errors import Permanent
from tests.adapters.doors import resolver

PUBLIC = "93.184.216.34"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"


D1 = [
    "127.0.0.1",
    "localhost",
    "localhost.",
    "127.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "017700000001",
    "0x7f.1",
    "127.0.0.1.",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
]
D3 = [
    "169.254.169.254",
    "169.254.170.2",
    "metadata.google.internal",
    "100.100.100.200",
    "100.64.0.1",
    "192.0.0.192",
    "168.63.129.16",
    "[fd00:ec2::254]",
    "[fe80::1%25eth0]",
]
D5 = [
    "redis:6379",
    "dokploy-postgres",
    "host.docker.internal",
    "kubernetes.default.svc",
    "x.local",
    "x.internal",
    "acme.localhost",
    "x.lan",
    "1.0.0.127.in-addr.arpa",
]
D7 = [
    "file:///etc/passwd",
    "gopher://a.example/",
    "ftp://a.example/",
    "dict://a.example/",
    "jar:http://a.example!/",
    "data:text/plain,x",
    "unix:///run/docker.sock",
    "//a.example/",
    "http:a.example",
    "http:/a.example",
    "http:///a.example",
    "HTTP:\\\\a.example",
    "",
    "http://",
    "https:",
    "javascript:alert(1)",
    " http://a.example/",
    "http://a.example/\r\nHost: b",
    "http://a.example:0/",
    "http://a.example:99999/",
    "http://a.example:x/",
    "http://[::1/",
    "http://u@a.example/",
    "http://u:p@a.example/",
    "http://a.example\\@127.0.0.1/",
    "http://a.example\t/",
    "http://[v1.x]/",
    "http://a.example/" + "x" * 3000,
    "http://a_b.example/",
    "http://-a.example/",
    "http://a..example/",
    "http://%31.example/",
]
D9 = [
    "①②⑦.⓪.⓪.①",
    "ⓛocalhost",
    "127。0。0。1",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "0x7f。1",
    "xn--",
    "lo\u00adcalhost",
    "127.0.0.1\u200b",
]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "192.88.99.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "0.1.2.3",
    "::1",
    "::",
    "::ffff:10.0.0.1",
    "::ffff:93.184.216.34",
    "::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2001:10::1",
    "100::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
]


@pytest.mark.parametrize("host", D1 + D3 + D5 + D9)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_d1_d3_d5_d9_inner_machines_by_any_name_are_not_called(host, scheme, no_connection):
    web = OutboundWeb(resolve=resolver())
    answer = web.get(f"{scheme}://{host}/health", deadline=0.3)
    assert answer.status is None
    assert answer.problem.startswith("not called: ")
    with pytest.raises(Permanent, match="not called"):
        web.post(f"{scheme}://{host}/setup", headers={}, body={}, deadline=0.3)
    assert no_connection == []


@pytest.mark.parametrize("url", D7)
def test_d7_what_is_not_a_plain_web_address_is_not_called(url, no_connection):
    answer = OutboundWeb(resolve=resolver(a_example=[PUBLIC])).get(url, deadline=0.3)
    assert answer.status is None
    assert answer.problem.startswith("not called: ")
    assert no_connection == []


@pytest.mark.parametrize("address", PRIVATE)
def test_d11_one_bad_address_blocks_all(address, no_connection):
    web = OutboundWeb(resolve=resolver(shop_example=[PUBLIC, address]))
    answer = web.get("https://shop.example/", deadline=0.3)
    assert answer.problem.startswith("not called: it leads to")
    assert no_connection == []


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_are_called_and_only_those_that_were_checked(address, no_connection):
    resolve = resolver(shop_example=[address])
    answer = OutboundWeb(resolve=resolve).get("https://shop.example/", deadline=0.3)
    assert "not reached" in answer.problem
    assert no_connection == [(address, 443)]
    # Resolved once: a name that changes its mind in between gains nothing.
    assert resolve.asked == ["shop.example"]


@pytest.mark.parametrize("port", [22, 25, 2375, 3000, 5432, 6379, 8080, 8443])
def test_other_ports_are_not_called(port, no_connection):
    web = OutboundWeb(resolve=resolver(shop_example=[PUBLIC]))
    assert "not called" in web.get(f"http://shop.example:{port}/", deadline=0.3).problem
    assert no_connection == []


def test_the_68th_address_really_goes_to_its_host(no_connection):
    web = OutboundWeb(resolve=resolver(good_example=[PUBLIC]))
    web.get("http://good.example#@127.0.0.1/", deadline=0.3)
    assert no_connection == [(PUBLIC, 80)]


def test_names_are_ascii_by_the_rules_before_anybody_is_asked(no_connection):
    resolve = resolver()
    OutboundWeb(resolve=resolve).get("https://Bücher.example./", deadline=0.3)
    assert resolve.asked == ["xn--bcher-kva.example"]


def test_d15_a_name_without_an_address_is_trouble_and_no_verdict():
    web = OutboundWeb(resolve=resolver())
    assert web.get("https://gone.example/", deadline=0.3).problem == "its name has no address"
    answer = web.post("https://gone.example/", headers={}, body={}, deadline=0.3)
    assert answer.status is None
