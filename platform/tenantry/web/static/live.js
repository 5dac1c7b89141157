/* Keeps a deployment's page fresh: asks with the last ETag, changes only rows that changed. */
"use strict";
(() => {
  const host = document.querySelector("[data-live]");
  const lost = document.querySelector("[data-lost]");
  if (!host) return;
  const PACES = { live: 1000, slow: 5000 };
  let tag = null, failures = 0, timer = 0;
  const served = new Map();

  const pace = () => host.querySelector(".live").dataset.pace;
  const busy = (el) => el.contains(document.activeElement) && document.activeElement.matches("input") || el.querySelector("details.menu[open]");
  const say = (text) => { lost.hidden = !text; lost.querySelector("span").textContent = text; };

  function replace(fresh, old) {
    const html = fresh.outerHTML;
    if (served.get(fresh.id) === html) return;
    if (busy(old)) return;                       // nobody loses what they are typing
    served.set(fresh.id, html);
    const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const kept = [...old.querySelectorAll("details[data-keep][open]")].map((d) => d.dataset.keep);
    const open = old.querySelector("[data-open]")?.getAttribute("aria-expanded") === "true";
    old.replaceWith(fresh);
    for (const d of fresh.querySelectorAll("details[data-keep]")) d.open = kept.includes(d.dataset.keep);
    const link = fresh.querySelector("[data-open]");
    if (link && open) { link.setAttribute("aria-expanded", "true"); show(link); }
    if (focus) [...fresh.querySelectorAll("a")].find((a) => a.getAttribute("href") === focus)?.focus();
    window.panel.times(fresh);
  }

  function update(html) {
    const next = new DOMParser().parseFromString(html, "text/html").querySelector(".live");
    const now = host.querySelector(".live");
    now.dataset.pace = next.dataset.pace;
    document.title = next.dataset.title;
    for (const part of next.querySelectorAll("[data-part]")) replace(part, document.getElementById(part.id));
    const list = now.querySelector("[data-rows]");
    let at = null;
    for (const row of [...next.querySelectorAll("[data-rows] > li")]) {
      const old = document.getElementById(row.id);
      if (old) replace(row, old); else (at ? at.after(row) : list.prepend(row), window.panel.times(row));
      at = document.getElementById(row.id);
      const below = at.nextElementSibling;
      if (below?.classList.contains("detail")) at = below;
    }
    const wanted = new Set([...next.querySelectorAll("[data-rows] > li")].map((li) => li.id).concat([...list.querySelectorAll("li.step")].filter((li) => html.includes(li.id)).map((li) => li.id)));
    for (const li of [...list.querySelectorAll(":scope > li.step")]) if (!wanted.has(li.id)) li.remove();
  }

  async function ask() {
    try {
      const headers = { "X-Live": "1", Accept: "text/html" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(host.dataset.live, { headers, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) { say("You are logged out. Reload to log in again."); return; }
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
      tag = answer.headers.get("ETag");
      if (answer.status === 200) update(await answer.text());
      failures = 0;
      say("");
    } catch {
      failures += 1;
      if (failures > 2) say("Out of touch with the panel. Trying again…");
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    const wait = PACES[pace()];
    if (!wait && !failures) return;
    const slower = document.hidden ? 15 : 1;
    timer = setTimeout(ask, Math.min((wait || 5000) * slower * 2 ** Math.min(failures, 4), 30000));
  }

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
    const answer = await fetch(link.href, { headers: { "X-Live": "1", Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok || busy(detail)) return;
    const log = detail.querySelector(".log"), end = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    const top = log ? log.scrollTop : 0;
    detail.innerHTML = await answer.text();
    const fresh = detail.querySelector(".log");
    if (fresh) fresh.scrollTop = end ? fresh.scrollHeight : top;
    window.panel.times(detail);
  }

  host.addEventListener("click", (event) => {
    const link = event.target.closest("[data-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const open = link.getAttribute("aria-expanded") !== "true";
    link.setAttribute("aria-expanded", String(open));
    if (open) show(link); else document.getElementById(link.dataset.open)?.remove();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && PACES[pace()]) ask(); });
  plan();
})();
