/* Search and jump: a dialog over the page; without this the field in the top bar leads to /find. */
"use strict";
(() => {
  const dialog = document.querySelector("[data-palette]");
  if (!dialog?.showModal) return;
  const field = dialog.querySelector("input"), list = dialog.querySelector(".hits"), told = dialog.querySelector("[data-told]");
  const SVG = "http://www.w3.org/2000/svg";
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  let at = -1, timer = 0, turn = 0, asked = null;

  if (mac) for (const kbd of document.querySelectorAll("kbd[data-mod]")) kbd.textContent = "⌘ K";

  const options = () => [...list.querySelectorAll("[role=option]")];

  function make(tag, name, text) {
    const el = document.createElement(tag);
    if (name) el.className = name;
    if (text) el.textContent = text;
    return el;
  }

  function symbol(name) {
    const svg = document.createElementNS(SVG, "svg"), use = document.createElementNS(SVG, "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${dialog.dataset.icons}#${name}`);
    svg.append(use);
    return svg;
  }

  function line(hit, number) {
    const link = make("a", "hit");
    link.id = `hit-${number}`;
    link.href = hit.url;
    link.tabIndex = -1;
    link.setAttribute("role", "option");
    link.append(symbol(hit.icon), make("b", "", hit.title), make("span", "muted", hit.hint));
    if (hit.state) link.append(make("span", `badge is-${hit.tone}`, hit.state));
    return link;
  }

  function choose(next) {
    const all = options();
    at = all.length ? (next + all.length) % all.length : -1;
    all.forEach((el, n) => el.setAttribute("aria-selected", String(n === at)));
    if (at < 0) { field.removeAttribute("aria-activedescendant"); return; }
    field.setAttribute("aria-activedescendant", all[at].id);
    all[at].scrollIntoView({ block: "nearest" });
  }

  function draw(answer) {
    let number = 0;
    list.replaceChildren(...answer.groups.map((group, n) => {
      const part = make("div", "hit-group"), label = make("p", "", group.label);
      label.id = `hits-${n}`;
      part.setAttribute("role", "group");
      part.setAttribute("aria-labelledby", label.id);
      part.append(label, ...group.hits.map((hit) => line(hit, number++)));
      return part;
    }));
    if (!number) list.append(make("p", "nothing", `Nothing fits “${answer.q}”.`));
    told.textContent = number === 1 ? "1 result" : `${number} results`;
    choose(0);
  }

  async function ask() {
    const mine = ++turn, q = field.value.trim();
    if (q === asked) return;
    try {
      const answer = await fetch(`${dialog.dataset.palette}?q=${encodeURIComponent(q)}`, { headers: { Accept: "application/json", "X-Live": "1" } });
      if (mine !== turn) return;
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(answer.status);
      asked = q;
      draw(await answer.json());
    } catch {
      if (mine !== turn) return;
      list.replaceChildren(make("p", "nothing", "The panel does not answer. Press Enter to search on a page of its own."));
      choose(-1);
    }
  }

  function open() {
    if (dialog.open) return;
    dialog.showModal();
    field.select();
    ask();
  }

  const jump = () => {
    const chosen = options()[at];
    location.href = chosen && field.value.trim() === asked ? chosen.href : `${dialog.dataset.palette}?q=${encodeURIComponent(field.value)}`;
  };

  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 90); });
  field.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (event.key in moves && plain && !(["Home", "End"].includes(event.key) && field.value)) { event.preventDefault(); choose(moves[event.key]); }
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      clearTimeout(timer);
      // What was typed last counts, not what was found before it.
      ask().then(jump);
    }
  });
  list.addEventListener("pointermove", (event) => {
    const hit = event.target.closest("[role=option]");
    if (hit && options()[at] !== hit) choose(options().indexOf(hit));
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("[data-close]")) dialog.close(); });
  for (const opener of document.querySelectorAll("[data-palette-opener]")) {
    opener.addEventListener(opener.matches("input") ? "mousedown" : "click", (event) => { event.preventDefault(); open(); });
    if (opener.matches("input")) opener.addEventListener("keydown", (event) => {
      if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) { field.value = ""; open(); }
      else if (event.key === "Enter") { event.preventDefault(); open(); }
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (mac ? event.metaKey : event.ctrlKey) && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (dialog.open) dialog.close(); else open();
    }
  });
})();
