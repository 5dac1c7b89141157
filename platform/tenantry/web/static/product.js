/* The product editor without reloading for each card, and names completed after ${. */
"use strict";
(() => {
  const host = document.querySelector("[data-editor]");
  if (!host) return;
  const LOCAL = /^(add|remove:|up:|down:|values$)/;

  /* Cards move and values show in place; whatever is unforeseen goes the browser's own way. */
  async function swap(form, button) {
    const body = new FormData(form, button), deed = button.value;
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action || location.href, { method: "POST", body, headers: { Accept: "text/html", "X-Live": "1" } });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-editor]");
      if (!next || answer.redirected) throw new Error("another page");
      const open = [...host.querySelectorAll("details")].map((d) => d.open), y = scrollY;
      host.replaceChildren(...next.childNodes);
      if (deed === "values") {
        [...host.querySelectorAll("details")].forEach((d, n) => { d.open = d.open || open[n]; });
        scrollTo(0, y);
        host.querySelector("#values")?.focus();
      } else place(deed, y);
      window.panel.times(host);
    } catch {
      form.removeAttribute("aria-busy");
      form.dataset.native = "1";
      form.requestSubmit(button);
    }
  }

  function place(deed, y) {
    const [what, number] = deed.split(":"), cards = [...host.querySelectorAll("[data-card]")];
    const at = { add: cards.length - 1, up: number - 1, down: Number(number) + 1, remove: Math.min(number, cards.length - 1) }[what];
    scrollTo(0, y);
    const card = cards[Math.max(at, 0)];
    if (!card) return;
    const back = what === "add" ? card.querySelector("input[name$='.name']") : card.querySelector(`button[value^="${what}:"]:not(:disabled)`) || card.querySelector("button");
    back.focus();
    card.scrollIntoView({ block: "nearest" });
  }

  host.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target.dataset.native || !button || !LOCAL.test(button.value)) return;
    event.preventDefault();
    event.stopPropagation();
    swap(event.target, button);
  });

  // Completion of ${NAMES}.
  let box = null, area = null, at = 0;
  const names = () => [...host.querySelectorAll("[data-name]")].map((el) => [el.dataset.name, el.nextElementSibling.textContent]);

  function close() { box?.remove(); box = null; area?.removeAttribute("aria-activedescendant"); }

  function started(field) {
    const before = field.value.slice(0, field.selectionStart);
    return /\$\{([A-Z0-9_]*)$/i.exec(before);
  }

  function suggest(field) {
    close();
    const match = started(field);
    if (!match) return;
    const typed = match[1].toUpperCase(), found = names().filter(([name]) => name.includes(typed)).sort((a, b) => b[0].startsWith(typed) - a[0].startsWith(typed));
    if (!found.length) return;
    area = field;
    box = document.createElement("div");
    box.className = "completes";
    box.id = "completes";
    box.tabIndex = 0;
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Names you may use");
    found.forEach(([name, words], n) => {
      const line = document.createElement("div"), code = document.createElement("span"), says = document.createElement("small");
      line.id = `complete-${n}`;
      line.dataset.value = name;
      line.setAttribute("role", "option");
      code.className = "mono";
      code.textContent = name;
      says.textContent = words;
      line.append(code, says);
      box.append(line);
    });
    field.after(box);
    field.setAttribute("aria-controls", "completes");
    choose(0);
  }

  function choose(next) {
    const lines = [...box.children];
    at = (next + lines.length) % lines.length;
    lines.forEach((line, n) => line.setAttribute("aria-selected", String(n === at)));
    lines[at].scrollIntoView({ block: "nearest" });
    area.setAttribute("aria-activedescendant", lines[at].id);
  }

  function take(name) {
    const match = started(area), from = area.selectionStart - match[1].length;
    let to = area.selectionStart;
    const rest = /^[A-Z0-9_]*\}?/.exec(area.value.slice(to))[0];
    to += rest.length;
    area.setRangeText(`${name}}`, from, to, "end");
    const field = area;
    close();
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  host.addEventListener("input", (event) => {
    if (event.target.matches("[data-env]")) suggest(event.target);
    if (/^s\d+\.name$/.test(event.target.name)) event.target.closest("[data-card]").querySelector("[data-card-name]").textContent = event.target.value || "New service";
  });
  host.addEventListener("keydown", (event) => {
    if (!box || event.target !== area) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); choose(at + (event.key === "ArrowDown" ? 1 : -1)); }
    else if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); take(box.children[at].dataset.value); }
    else if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(); }
  });
  host.addEventListener("mousedown", (event) => {
    const line = event.target.closest(".completes [role=option]");
    if (line) { event.preventDefault(); take(line.dataset.value); }
  });
  host.addEventListener("focusout", (event) => { if (event.target === area) close(); });
})();
