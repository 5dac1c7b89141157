/* Small comforts; every page works without them. */
"use strict";
(() => {
  const root = document.documentElement;
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
  const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const near = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });

  const lasted = (s) => s < 60 ? `${Math.max(0, Math.round(s))} s` : s < 3600
    ? `${Math.floor(s / 60)} m ${Math.floor(s % 60)} s`
    : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} m`;

  function relative(then) {
    const s = (then - Date.now()) / 1000, far = Math.abs(s);
    if (far < 45) return s > 0 ? "in a moment" : "just now";
    const said = (n, unit) => near.format(Math.round(n), unit).replace(".", "");
    if (far < 3600) return said(s / 60, "minute");
    if (far < 86400) return said(s / 3600, "hour");
    if (far < 86400 * 14) return said(s / 86400, "day");
    return day.format(then);
  }

  function exact(then) {
    const year = then.getFullYear() === new Date().getFullYear() ? "" : ` ${then.getFullYear()}`;
    const today = then.toDateString() === new Date().toDateString();
    return (today ? "" : `${day.format(then)}${year}, `) + hour.format(then);
  }

  function times(within) {
    for (const el of within.querySelectorAll("time[datetime]")) {
      const then = new Date(el.dateTime);
      if (!isNaN(then)) set(el, "relative" in el.dataset ? relative(then) : exact(then));
    }
    tick(within);
  }

  const set = (el, text) => { if (el.textContent !== text) el.textContent = text; };

  function tick(within = document) {
    const now = Date.now() / 1000;
    for (const el of within.querySelectorAll("[data-since]")) set(el, lasted(now - el.dataset.since));
    for (const el of within.querySelectorAll("[data-until]")) {
      const left = el.dataset.until - now;
      set(el, left > 1 ? `in ${lasted(left)}` : "now");
    }
  }

  function theme() {
    const button = document.querySelector("[data-theme-toggle]");
    if (!button) return;
    const order = ["system", "light", "dark"];
    const now = () => root.dataset.theme || "system";
    const tell = () => { button.title = button.ariaLabel = `Theme: ${now()}. Press to change`; };
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = order[(order.indexOf(now()) + 1) % order.length];
      if (next === "system") { delete root.dataset.theme; localStorage.removeItem("theme"); }
      else { root.dataset.theme = next; localStorage.setItem("theme", next); }
      tell();
    });
    tell();
  }

  function menus() {
    document.addEventListener("click", (event) => {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
      }
      const link = event.target.closest(".sidebar a:not(.close)");
      if (link && location.hash === "#sidebar") history.replaceState(null, "", location.pathname + location.search);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        if (location.hash === "#sidebar") location.hash = "main";
        for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
      }
    });
    document.addEventListener("toggle", (event) => {
      const field = event.target.open && event.target.matches?.(".reasoned") && event.target.querySelector("input[name=reason]");
      if (field) field.focus();
    }, true);
  }

  /* A second press of a deed is the first one's; the button says so. */
  function forms() {
    document.addEventListener("submit", (event) => {
      if (event.target.method !== "post") return;
      if (event.target.dataset.sent) { event.preventDefault(); return; }
      event.target.dataset.sent = "1";
      setTimeout(() => { delete event.target.dataset.sent; }, 4000);
    });
    const all = document.querySelector("[data-tick-all]");
    const boxes = [...document.querySelectorAll("input[name=rowid]")];
    const bar = document.querySelector("[data-bulk]"), count = document.querySelector("[data-ticked]");
    if (!all || !bar) return;
    // Without this the bar stands below the list; with it, over the list while something is ticked.
    bar.classList.add("floats");
    const tell = () => {
      const chosen = boxes.filter((b) => b.checked).length;
      bar.hidden = chosen === 0;
      if (count) count.textContent = `${chosen} ticked`;
      for (const button of bar.querySelectorAll("[data-words]")) button.querySelector("span").textContent = button.dataset.words.replace("{}", chosen);
      all.checked = chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    };
    const none = bar.querySelector("[data-untick]");
    if (none) {
      none.hidden = false;
      none.addEventListener("click", () => { for (const b of boxes) b.checked = false; tell(); all.focus(); });
    }
    all.hidden = false;
    all.addEventListener("change", () => { for (const b of boxes) b.checked = all.checked; tell(); });
    for (const b of boxes) b.addEventListener("change", tell);
    tell();
  }

  window.panel = { times };
  theme(); menus(); forms(); times(document);
  setInterval(tick, 1000);
  setInterval(() => times(document), 30000);
})();
