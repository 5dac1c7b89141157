/* One stream of server-sent events; it goes on from the last id, so nothing is told twice or missed. */
"use strict";
window.follow = (host, on) => {
  const url = host.dataset.events;
  const QUIET = 45000;                 // a planned stream says goodbye long before
  let last = host.dataset.last, source = null, again = 0, deaf = 0;

  const hear = () => { clearTimeout(deaf); deaf = setTimeout(open, QUIET); };
  function take(event) { last = event.lastEventId || last; hear(); }

  function close() {
    clearTimeout(again);
    clearTimeout(deaf);
    source?.close();
    source = null;
    again = 0;
  }

  function open() {
    close();
    if (!("EventSource" in window)) return;   // then the page asks now and then
    const here = source = new EventSource(`${url}?last=${encodeURIComponent(last)}`);
    hear();
    here.onopen = () => { hear(); on.open?.(); };
    here.addEventListener("log", (event) => { take(event); on.log?.(JSON.parse(event.data)); });
    here.addEventListener("gap", (event) => { take(event); on.gap?.(); });
    here.addEventListener("state", (event) => { take(event); on.state?.(JSON.parse(event.data)); });
    here.addEventListener("bye", open);
    here.onerror = () => {
      if (here !== source) return;
      on.lost();
      // Refused, so the browser has given up: the page polls, and a stream is tried again later.
      if (here.readyState === EventSource.CLOSED) { close(); again = setTimeout(open, 8000 + Math.random() * 8000); }
    };
  }

  return { open, close, get opened() { return source !== null || again !== 0; } };
};
