/* Asks a page for its parts again now and then, and changes those that changed; nothing moves else. */
"use strict";
(() => {
  const host = document.querySelector("[data-fresh]");
  if (!host) return;
  const every = (Number(host.dataset.every) || 10) * 1000;
  const served = new Map();
  let tag = null, failures = 0, timer = 0;

  // Nobody loses what they are typing, or a menu that they have opened.
  const busy = (part) => part.querySelector("details.menu[open]")
    || part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");

  function replace(fresh) {
    const old = document.getElementById(fresh.id);
    const html = fresh.outerHTML;
    if (!old || served.get(fresh.id) === html || busy(old)) return;
    const first = !served.has(fresh.id);
    served.set(fresh.id, html);
    const scrolled = [...old.querySelectorAll(".scroll")].map((el) => [el.scrollLeft, el.scrollTop]);
    const kept = [...old.querySelectorAll("details[data-keep][open]")].map((d) => d.dataset.keep);
    const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const status = old.querySelector("[role=status]")?.textContent;
    old.replaceWith(fresh);
    for (const d of fresh.querySelectorAll("details[data-keep]")) d.open = kept.includes(d.dataset.keep);
    [...fresh.querySelectorAll(".scroll")].forEach((el, n) => { if (scrolled[n]) [el.scrollLeft, el.scrollTop] = scrolled[n]; });
    if (focus) [...fresh.querySelectorAll("a")].find((a) => a.getAttribute("href") === focus)?.focus();
    window.panel?.times(fresh);
    // A live region speaks when its text changes, not when it is put there with it.
    const told = fresh.querySelector("[role=status]");
    if (told && !first && status !== told.textContent) { const words = told.textContent; told.textContent = ""; setTimeout(() => { told.textContent = words; }, 60); }
  }

  async function ask() {
    try {
      const headers = { "X-Live": "1", Accept: "text/html" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(host.dataset.fresh, { headers, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 401) return;
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.status);
      tag = answer.headers.get("ETag");
      if (answer.status === 200) {
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of [...next.querySelectorAll("[data-part]")]) replace(part);
      }
      failures = 0;
    } catch { failures += 1; }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, every * 2 ** Math.min(failures, 3));
  }

  // A click anywhere in a row opens what its first link opens.
  host.addEventListener("click", (event) => {
    const row = event.target.closest("[data-row]");
    if (row && !event.target.closest("a, button")) row.querySelector("a").click();
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else ask(); });
  plan();
})();
