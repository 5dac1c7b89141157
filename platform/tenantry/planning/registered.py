"""
Registered domains: what certificate authorities count by.

That is the last two labels of a hostname, or three where the last two are a suffix under which
people register. The list holds the suffixes of countries that sell names one level deeper; one that
is missing makes us count too many names together, which refuses too early and never too late.
"""

from tenantry.errors import Invalid
from tenantry.planning.inputs import INNER_ENDINGS
from tenantry.planning.naming import LABEL, LONGEST_HOSTNAME

SECOND_LEVEL = frozenset(
    "ac.id ac.il ac.in ac.jp ac.ke ac.kr ac.nz ac.th ac.uk ac.za co.at co.bw co.cr co.id co.il "
    "co.in co.jp co.ke co.kr co.ma co.mz co.nz co.th co.tz co.ug co.uk co.uz co.ve co.za co.zm "
    "co.zw com.ar com.au com.bd com.bh com.bn com.bo com.br com.by com.cn com.co com.cy com.do "
    "com.ec com.eg com.es com.et com.fj com.gh com.gr com.gt com.hk com.jm com.kh com.kw com.lb "
    "com.ly com.mk com.mm com.mt com.mx com.my com.na com.ng com.ni com.np com.om com.pa com.pe "
    "com.ph com.pk com.pl com.pt com.py com.qa com.ro com.sa com.sg com.sv com.tr com.tw com.ua "
    "com.uy com.ve com.vn edu.au edu.pk firm.in gen.in gen.tr go.id go.jp go.ke gob.mx gov.au "
    "gov.br gov.in gov.pk gov.uk govt.nz ind.in ltd.uk me.uk ne.jp net.ar net.au net.br net.cn "
    "net.id net.il net.in net.nz net.pk net.pl net.tr net.uk net.za or.at or.id or.jp or.ke or.kr "
    "org.ar org.au org.br org.cn org.il org.in org.nz org.pk org.pl org.tr org.uk org.za plc.uk "
    "school.nz web.id web.za".split()
)
# What a hostname may be that is nobody's own: too short a name to be registered.
_OWN = 2


def registered_domain(hostname: str) -> str:
    """`shop.example.co.uk` → `example.co.uk`; a name that is shorter stays as it is."""
    labels = hostname.lower().split(".")
    deep = ".".join(labels[-2:]) in SECOND_LEVEL
    return ".".join(labels[-3:] if deep else labels[-2:])


def additional_hostname(text: str, field: str = "hostname") -> str:
    """
    A client's own public hostname, in lower case: an apex, a www or anything below.

    No scheme, port, path, wildcard, blank or trailing dot; names with other letters are given in
    their `xn--` form. Not a public suffix, and nothing that only an inner network knows.
    """
    name = text.strip().lower() if isinstance(text, str) and text.isascii() else ""
    labels = name.split(".")
    plain = len(labels) >= _OWN and all(LABEL.fullmatch(label) for label in labels)
    if not plain or len(name) > LONGEST_HOSTNAME:
        raise Invalid(field, "must be a bare hostname such as www.example.com", text)
    if not labels[-1][:1].isalpha() or labels[-1] in INNER_ENDINGS or name in SECOND_LEVEL:
        raise Invalid(field, "must be a public hostname of somebody", text)
    return name
