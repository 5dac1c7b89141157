"""The pages of the mailbox: no request leaves them, and nothing in a message can run in them."""

from html import escape

from tenantry.demo.mail_store import Message

# A message is shown in a frame that inherits this policy, hence inline styles; scripts are for the
# list alone, by a nonce. Sandboxed frames run none in any case.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

_STYLE = """
:root { color-scheme: light dark; --ground: #fbfbfa; --card: #fff; --ink: #1a1a18;
  --soft: #6b6a64; --line: #e7e6e2; --link: #3d5bf0; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d0e10; --card: #141518;
  --ink: #ecedee; --soft: #9a9ca3; --line: #25272c; --link: #7c93ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: .9rem; margin: 1.5rem 0 .5rem; color: var(--soft); }
a { color: var(--link); }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
ol { list-style: none; margin: 0; padding: 0; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; }
li + li { border-top: 1px solid var(--line); }
li a { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .65rem .9rem;
  color: inherit; text-decoration: none; }
li a:hover .subject { text-decoration: underline; }
.subject { font-weight: 600; overflow-wrap: anywhere; }
.soft, time { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
.empty { border: 1px dashed var(--line); border-radius: 10px; padding: 2.5rem 1rem;
  text-align: center; color: var(--soft); }
.empty strong { display: block; color: var(--ink); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 0;
  padding: .9rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
iframe { width: 100%; height: 65vh; border: 1px solid var(--line); border-radius: 10px;
  background: #fff; color-scheme: light; }
nav { margin-bottom: 1rem; font-size: .9rem; }
"""

_LOOK_AGAIN = """
const shown = document.body.dataset.newest;
setInterval(async () => {
  try {
    const answer = await fetch("/newest");
    if (answer.ok && (await answer.text()) !== shown) location.reload();
  } catch { /* the mailbox is away; the next look may find it */ }
}, 2000);
"""


def newest(messages: list[Message]) -> str:
    """Stand for the state of the list in a word, so that the page knows when to load again."""
    return f"{messages[0].number}-{len(messages)}" if messages else "none"


def list_page(messages: list[Message], nonce: str) -> str:
    """Show all messages, newest first, or say what to expect while there are none."""
    if messages:
        rows = "".join(_row(message) for message in messages)
        body = f"<ol>{rows}</ol>"
    else:
        body = (
            '<p class="empty"><strong>No mail yet</strong>'
            "What the demo sends is caught here and goes nowhere else.</p>"
        )
    count = f" ({len(messages)})" if messages else ""
    return _page(
        f"Mailbox{count}",
        f'<h1>Mailbox{count}</h1>{body}<script nonce="{escape(nonce)}">{_LOOK_AGAIN}</script>',
        attributes=f' data-newest="{newest(messages)}"',
    )


def message_page(message: Message) -> str:
    """Show one message: who, when, its text, its HTML in a frame that can do nothing."""
    facts = [
        ("From", message.header("From") or message.sender),
        ("To", message.header("To") or ", ".join(message.recipients)),
        ("Received", _time(message)),
        ("Attached", ", ".join(message.attachments)),
    ]
    facts_html = "".join(
        f"<dt>{name}</dt><dd>{value if name == 'Received' else escape(value)}</dd>"
        for name, value in facts
        if value
    )
    parts = [f"<h1>{escape(message.subject or '(no subject)')}</h1><dl>{facts_html}</dl>"]
    if message.text:
        parts.append(f"<h2>Text</h2><pre>{_with_links(message)}</pre>")
    if message.html:
        parts.append(f"<h2>HTML</h2>{_frame(message.html)}")
    if not message.text and not message.html:
        parts.append('<p class="empty">This message has no text.</p>')
    back = (
        '<nav aria-label="Mailbox"><a href="/">All mail</a> · '
        f'<a href="/messages/{message.number}/raw">Raw message</a></nav>'
    )
    return _page(message.subject or "(no subject)", back + "".join(parts))


def missing_page() -> str:
    """Say that there is nothing at this address."""
    return _page(
        "Not found",
        "<h1>There is no such message</h1>"
        '<p>It may have been deleted. <a href="/">All mail</a></p>',
    )


def _row(message: Message) -> str:
    to = message.header("To") or ", ".join(message.recipients)
    return (
        f'<li><a href="/messages/{message.number}">'
        f'<span class="subject">{escape(message.subject or "(no subject)")}</span>'
        f'{_time(message)}<span class="soft">to {escape(to)}</span></a></li>'
    )


def _time(message: Message) -> str:
    stamp = message.received_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f'<time datetime="{stamp}">{message.received_at:%d %b %H:%M:%S} UTC</time>'


def _with_links(message: Message) -> str:
    """Make the web addresses of the text into links, longest first so that none cuts another."""
    text = message.text
    marks: dict[str, str] = {}
    for index, link in enumerate(sorted(message.links, key=len, reverse=True)):
        mark = f"\0{index}\0"
        text = text.replace(link, mark)
        marks[mark] = link
    shown = escape(text)
    for mark, link in marks.items():
        address = escape(link)
        anchor = f'<a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'
        shown = shown.replace(mark, anchor)
    return shown


def _frame(html: str) -> str:
    """A frame without scripts, forms, plug-ins or a site of its own; links open in a new tab."""
    inside = (
        "<!doctype html><meta charset=utf-8><meta http-equiv=content-security-policy "
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        f"<base target=_blank>{html}"
    )
    return (
        '<iframe title="The message as HTML" referrerpolicy="no-referrer" '
        'sandbox="allow-popups allow-popups-to-escape-sandbox" '
        f'srcdoc="{escape(inside)}"></iframe>'
    )


def _page(title: str, body: str, *, attributes: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"</head><body{attributes}><main>{body}</main></body></html>"
    )
