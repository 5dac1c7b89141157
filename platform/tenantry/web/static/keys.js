/* Keys: g and a letter goes somewhere, j and k move in lists, / searches, n begins something, ? tells. */
"use strict";
(() => {
  const sheet = document.querySelector("[data-keys]");
  if (!sheet?.showModal) return;
  const single = sheet.querySelector("[data-single-keys]");
  let first = 0;

  const stored = () => { try { return localStorage.getItem("single-keys") !== "off"; } catch { return true; } };
  single.checked = stored();
  single.addEventListener("change", () => { try { localStorage.setItem("single-keys", single.checked ? "on" : "off"); } catch { /* For this page only. */ } });

  const show = () => { if (!sheet.open && !document.querySelector("dialog[open]")) sheet.showModal(); };
  sheet.addEventListener("click", (event) => { if (event.target === sheet || event.target.closest("[data-close]")) sheet.close(); });
  for (const button of document.querySelectorAll("[data-show-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => { button.closest("details").open = false; show(); });
  }

  const shown = (el) => el && el.offsetParent !== null;

  function move(step) {
    const links = [...document.querySelectorAll("main .rows tbody .main[href], main .rows tbody td:first-child > a")].filter(shown);
    if (!links.length) return;
    const row = document.activeElement.closest?.("tr");
    const at = links.findIndex((link) => link === document.activeElement || link.closest("tr") === row);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
    links[next].focus();
    links[next].scrollIntoView({ block: "nearest" });
  }

  function tick() {
    const box = document.activeElement.closest?.("tr")?.querySelector("input[type=checkbox]");
    if (shown(box)) box.click();
  }

  function search() {
    const field = [...document.querySelectorAll("[data-slash]")].find(shown);
    if (field) { field.focus(); field.select(); } else document.querySelector("[data-palette-opener]:not(input)")?.click();
  }

  const deeds = {
    j: () => move(1),
    k: () => move(-1),
    x: tick,
    n: () => document.querySelector("[data-new]")?.click(),
    "/": search,
    "?": show,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable], dialog[open]")) return;
    if (!single.checked) return;
    if (Date.now() - first < 1500) {
      first = 0;
      const place = sheet.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
      if (place) { event.preventDefault(); location.href = place.href; return; }
    }
    if (event.key === "g") { first = Date.now(); return; }
    if (event.key in deeds) { event.preventDefault(); deeds[event.key](); }
  });
})();
