/* Logs: lines are added once each, the view follows the end until scrolled up, search within, wrap, copy. */
"use strict";
(() => {
  const NEAR = 24, MOST = 5000;
  const keep = (name, value) => { try { if (value === undefined) return localStorage.getItem(name); localStorage.setItem(name, value); } catch { return null; } };
  const box = (el) => el.closest(".logbox");
  const pre = (el) => box(el).querySelector("pre.log");
  const follows = (log) => log.dataset.held !== "1";
  const toEnd = (log) => { log.scrollTop = log.scrollHeight; };

  function press(button, on) { button?.setAttribute("aria-pressed", String(on)); }

  /* Marks what was looked for inside one line; without words the line is as it was. */
  function mark(line, words) {
    const text = line.textContent;
    const low = text.toLowerCase();
    let at = words ? low.indexOf(words) : -1;
    line.hidden = Boolean(words) && at < 0;
    if (at < 0) { if (line.firstElementChild) line.textContent = text; return !line.hidden; }
    const parts = [];
    let from = 0;
    while (at >= 0) {
      const found = document.createElement("mark");
      found.textContent = text.slice(at, at + words.length);
      parts.push(text.slice(from, at), found);
      from = at + words.length;
      at = low.indexOf(words, from);
    }
    line.replaceChildren(...parts, text.slice(from));
    return true;
  }

  const sought = (log) => (box(log).querySelector("[data-log-find]")?.value ?? log.dataset.find ?? "").trim().toLowerCase();

  function count(log, shown) {
    const all = log.children.length, words = sought(log), el = box(log).querySelector("[data-log-count]");
    const text = words && !log.dataset.find ? `${shown} of ${all} lines` : `${all} ${all === 1 ? "line" : "lines"}`;
    if (el && el.textContent !== text) el.textContent = text;
  }

  function search(log) {
    const words = sought(log);
    let shown = 0;
    for (const line of log.children) if (mark(line, words)) shown += 1;
    count(log, shown);
  }

  /* `lines` as events bring them; whatever stands there already is skipped. */
  function add(log, lines) {
    let last = Number(log.lastElementChild?.dataset.seq ?? 0), added = false;
    const words = sought(log);
    for (const { seq, stream, text } of lines) {
      if (seq <= last) continue;
      const line = document.createElement("span");
      line.className = stream;
      line.dataset.seq = last = seq;
      line.textContent = `${text}\n`;
      if (words) mark(line, words);
      log.append(line);
      added = true;
    }
    if (!added) return;
    while (log.children.length > MOST) log.firstElementChild.remove();
    count(log, words ? [...log.children].filter((l) => !l.hidden).length : 0);
    if (follows(log)) toEnd(log);
  }

  function news(lines) {
    for (const log of document.querySelectorAll("[data-log]")) {
      const ids = log.dataset.log;
      add(log, ids === "*" ? lines : lines.filter((line) => line.step && ids.includes(line.step)));
    }
  }

  async function copy(log, button) {
    const text = [...log.children].filter((line) => !line.hidden).map((line) => line.textContent).join("");
    const said = button.querySelector("span");
    try { await navigator.clipboard.writeText(text); said.textContent = "Copied"; } catch {
      getSelection().selectAllChildren(log);
      said.textContent = "Selected: press Ctrl C";
    }
    setTimeout(() => { said.textContent = "Copy"; }, 2500);
  }

  function wrap(log, on) { log.classList.toggle("nowrap", !on); press(box(log).querySelector("[data-log-wrap]"), on); }

  /* What needs a script is shown by the script. */
  function wake(within) {
    for (const el of within.querySelectorAll("[data-js]")) el.hidden = false;
    for (const log of within.querySelectorAll("pre.log")) {
      if (!box(log)) continue;
      wrap(log, keep("log-wrap") !== "off");
      if (log.dataset.find) search(log);
      if (follows(log)) toEnd(log);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-log-wrap], [data-log-follow], [data-log-copy]");
    if (!button) return;
    const log = pre(button);
    if ("logCopy" in button.dataset) copy(log, button);
    else if ("logWrap" in button.dataset) {
      const on = log.classList.contains("nowrap");
      keep("log-wrap", on ? "on" : "off");
      wrap(log, on);
    } else {
      log.dataset.held = follows(log) ? "1" : "";
      press(button, follows(log));
      if (follows(log)) toEnd(log);
    }
  });
  document.addEventListener("input", (event) => { if (event.target.matches("[data-log-find]")) search(pre(event.target)); });
  document.addEventListener("scroll", (event) => {
    const log = event.target;
    if (!log.matches?.(".logbox pre.log")) return;
    log.dataset.held = log.scrollTop + log.clientHeight < log.scrollHeight - NEAR ? "1" : "";
    press(box(log).querySelector("[data-log-follow]"), follows(log));
  }, true);

  window.logs = { add, news, wake };
  wake(document);

  const alone = document.querySelector(".logbox[data-events]");
  if (!alone) return;
  const lost = document.querySelector("[data-lost]");
  let over = false;                    // what has ended writes no more
  const stream = window.follow(alone, {
    log: news,
    gap: () => location.reload(),
    state: ({ active }) => { if (!active) { over = true; stream.close(); } },
    open: () => { lost.hidden = true; },
    lost: () => { lost.hidden = false; lost.querySelector("span").textContent = "Out of touch with the panel. Trying again…"; },
  });
  stream.open();
  document.addEventListener("visibilitychange", () => { if (document.hidden) stream.close(); else if (!over) stream.open(); });
})();
