/* Keeps a deployment's page fresh: told by events, else by asking; changes only what has changed. */
"use strict";
(() => {
  const host = document.querySelector("[data-live]");
  if (!host) return;
  const lost = document.querySelector("[data-lost]"), announce = document.querySelector("[data-announce]");
  const PACES = { live: 1000, slow: 5000 }, AWAY = 20000;
  const served = new Map();
  let tag = null, failures = 0, timer = 0, away = 0, asking = false, again = false, streaming = false, held = null, ended = false;

  const live = () => host.querySelector(".live");
  const pace = () => PACES[live().dataset.pace];
  const busy = (el) => el.contains(document.activeElement) && document.activeElement.matches("input, textarea") || el.querySelector("details.menu[open]");
  const say = (text) => { lost.hidden = !text; lost.querySelector("span").textContent = text; };
  const nameOf = (el) => el.getAttribute("href") ?? el.form?.getAttribute("action") ?? el.textContent.trim();

  function how() {
    const el = host.querySelector("[data-how]");
    el.hidden = !pace();
    el.classList.toggle("is-live", streaming);
    el.lastElementChild.textContent = streaming ? "Live" : "Asks every few seconds";
  }

  function replace(fresh, old) {
    const html = fresh.outerHTML;
    if (served.get(fresh.id) === html) return;
    if (busy(old)) { held = true; return; }       // nobody loses what they are typing
    served.set(fresh.id, html);
    const focus = old.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    const kept = [...old.querySelectorAll("details[data-keep][open]")].map((d) => d.dataset.keep);
    const open = old.querySelector("[data-open]")?.getAttribute("aria-expanded") === "true";
    old.replaceWith(fresh);
    for (const d of fresh.querySelectorAll("details[data-keep]")) d.open = kept.includes(d.dataset.keep);
    const link = fresh.querySelector("[data-open]");
    if (link && open) { link.setAttribute("aria-expanded", "true"); show(link); }
    if (focus) [...fresh.querySelectorAll("a, button, summary")].find((el) => nameOf(el) === focus)?.focus();
    window.panel.times(fresh);
    left(fresh);
  }

  function update(html) {
    const next = new DOMParser().parseFromString(html, "text/html").querySelector(".live"), now = live();
    held = null;
    now.dataset.pace = next.dataset.pace;
    // What was said at the start of a state is no longer true in the next one.
    if (document.title !== next.dataset.title && tag) for (const old of document.querySelectorAll(".flash.is-good")) old.remove();
    document.title = next.dataset.title;
    if (now.dataset.says !== next.dataset.says) announce.textContent = now.dataset.says = next.dataset.says;
    for (const part of [...next.querySelectorAll("[data-part]")]) {
      const old = document.getElementById(part.id);
      if (old) replace(part, old);
    }
    const list = now.querySelector("[data-rows]"), rows = [...next.querySelectorAll("[data-rows] > li")];
    const wanted = new Set(rows.map((row) => row.id));
    let at = null;
    for (const row of rows) {
      const old = document.getElementById(row.id);
      if (old) replace(row, old); else { at ? at.after(row) : list.prepend(row); window.panel.times(row); }
      at = document.getElementById(row.id);
      if (at.nextElementSibling?.classList.contains("detail")) at = at.nextElementSibling;
    }
    for (const li of [...list.querySelectorAll(":scope > li[id]:not(.detail)")]) if (!wanted.has(li.id)) li.remove();
    if (held) held = html;
  }

  async function ask() {
    if (asking) { again = true; return; }          // one question at a time; the next covers the rest
    asking = true;
    again = false;
    try {
      const headers = { "X-Live": "1", Accept: "text/html" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(host.dataset.live, { headers, cache: "no-store", credentials: "same-origin" });
      if ([401, 403, 404].includes(answer.status)) { over(answer.status); return; }
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
      tag = answer.headers.get("ETag");
      if (answer.status === 200) update(await answer.text());
      failures = 0;
      say("");
    } catch {
      failures += 1;
      if (failures > 2) say("Out of touch with the panel. Trying again…");
    } finally {
      asking = false;
    }
    if (again && !failures) ask(); else plan();
  }

  function over(status) {
    ended = true;
    stream.close();
    say({ 401: "You are logged out. Reload to log in again.", 403: "You may not see this any more. Reload.", 404: "This deployment is not there any more." }[status]);
  }

  /* While the stream is open little is asked without being told. */
  function plan() {
    clearTimeout(timer);
    timer = 0;
    if (ended) return;
    if (!pace()) { stream.close(); streaming = false; } else if (!stream.opened && !document.hidden) stream.open();
    how();
    if (!pace() && !failures) return;
    // Whatever a stream may miss is seen a little later all the same; most answers are "not changed".
    if (streaming && !failures) { timer = setTimeout(() => { timer = 0; ask(); }, document.hidden ? 60000 : 15000); return; }
    const slower = document.hidden ? 15 : 1;
    timer = setTimeout(() => { timer = 0; ask(); }, Math.min((pace() || 5000) * slower * 2 ** Math.min(failures, 4), 30000));
  }

  const stream = window.follow(host, {
    open() { streaming = true; failures = 0; say(""); plan(); },
    // A browser that tries again by itself says so each time: what is planned already stays.
    lost() { if (!streaming && timer) return; streaming = false; plan(); },
    log: (lines) => window.logs.news(lines),
    gap: () => { for (const link of host.querySelectorAll("[data-open][aria-expanded=true]")) show(link); },
    state: () => ask(),
  });

  /* Details below a row: parts are replaced where they differ; a log is only ever added to. */
  async function show(link) {
    const row = link.closest("li");
    let detail = document.getElementById(link.dataset.open);
    if (!detail) {
      detail = document.createElement("li");
      detail.id = link.dataset.open;
      detail.className = "detail";
      detail.textContent = "…";
      row.after(detail);
    }
    const answer = await fetch(link.href, { headers: { "X-Live": "1", Accept: "text/html" }, cache: "no-store" }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".inside");
    if (!detail.querySelector(".inside")) {
      detail.replaceChildren(fresh);
      window.logs.wake(detail);
    } else for (const part of fresh.querySelectorAll("[data-bit]")) merge(part, detail.querySelector(`[data-bit="${part.dataset.bit}"]`));
    window.panel.times(detail);
  }

  function merge(part, old) {
    if (part.dataset.bit === "log") {
      const log = old.querySelector("[data-log]"), now = part.querySelector("[data-log]");
      log.dataset.log = now.dataset.log;
      window.logs.add(log, [...now.children].map((l) => ({ seq: Number(l.dataset.seq), stream: l.className, text: l.textContent.replace(/\n$/, "") })));
    } else if (!busy(old)) old.replaceWith(part);
  }

  function left(within) {
    for (const el of within.querySelectorAll("[data-left]")) {
      const s = el.dataset.left - Date.now() / 1000, m = Math.round(s / 60), tens = Math.round(m / 10) * 10;
      const text = s < -4 ? "longer than usual" : s < 10 ? "a few seconds" : s < 55 ? `about ${Math.round(s / 10) * 10} s` : m < 60 ? `about ${m} m` : `about ${Math.floor(tens / 60)} h ${tens % 60} m`;
      if (el.textContent !== text) el.textContent = text;
    }
  }

  host.addEventListener("click", (event) => {
    const link = event.target.closest("[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const open = link.getAttribute("aria-expanded") !== "true";
    link.setAttribute("aria-expanded", String(open));
    if (open) show(link); else document.getElementById(link.dataset.open)?.remove();
  });
  // What was held back for somebody who typed is shown when they are done.
  for (const name of ["focusout", "toggle"]) host.addEventListener(name, () => setTimeout(() => { if (held) update(held); }, 200), true);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(away);
    if (ended) return;
    // A browser opens few connections to one host: tabs behind others give theirs back.
    if (document.hidden) away = setTimeout(() => { stream.close(); streaming = false; clearTimeout(timer); timer = 0; }, AWAY);
    else ask();
  });
  setInterval(() => left(document), 1000);
  plan();
})();
