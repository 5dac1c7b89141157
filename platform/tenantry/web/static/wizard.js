/* The wizard without reloading: addresses while typing, pages that swap, secrets that stay in this page alone. */
"use strict";
(() => {
  const host = document.querySelector("[data-wizard]");
  if (!host) return;
  // Typed secrets, by key: the server never puts them back, so a later page gets them from here.
  const secrets = new Map();
  const SECRET = /^\s*([A-Z_][A-Z0-9_]*)=(.*)$/;
  let timer = 0, turn = 0, named = false;

  const form = () => host.querySelector("form");
  const field = (name) => form().elements[name];

  function remember() {
    for (const input of form().querySelectorAll("input[type=password]")) {
      const key = input.name.slice("secret.".length);
      if (input.value) secrets.set(key, input.value); else if (!input.dataset.again) secrets.delete(key);
    }
    const env = form().querySelector("textarea[name=env]");
    for (const line of env ? env.value.split("\n") : []) {
      const match = SECRET.exec(line);
      if (match) secrets.set(match[1], match[2]);
    }
  }

  function putBack() {
    for (const input of form().querySelectorAll("input[type=password]")) {
      const value = secrets.get(input.name.slice("secret.".length));
      if (value === undefined || input.value) continue;
      input.value = value;
      const words = input.closest("div").querySelector("[data-again-words]");
      if (words) words.textContent = "Still there: it stays in this page until it is sealed.";
    }
  }

  function draw(answer) {
    const box = host.querySelector("[data-addresses]");
    if (!box) return;
    const line = (good, host, service, note) => {
      const p = document.createElement("p"), mark = document.createElement("span"), text = document.createElement("span");
      p.className = "address";
      mark.className = good ? "tone-good" : "tone-bad";
      mark.append(symbol(good ? "circle-check" : "circle-x"));
      if (host) text.append(Object.assign(document.createElement("b"), { className: "mono", textContent: host }), Object.assign(document.createElement("span"), { className: "muted", textContent: service }));
      if (note) text.append(Object.assign(document.createElement("em"), { textContent: note }));
      p.append(mark, text);
      return p;
    };
    const lines = answer.addresses.filter((a) => a.hostname).map((a) => line(!a.owner, a.hostname, a.service, a.owner && `${a.owner} has it`));
    if (!lines.length && answer.problem) lines.push(line(false, "", "", answer.problem));
    box.replaceChildren(...lines);
  }

  function symbol(name) {
    const icon = document.querySelector("dialog[data-icons]").dataset.icons, svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${icon}#${name}`);
    svg.append(use);
    return svg;
  }

  async function check() {
    const mine = ++turn, value = field("subdomain").value.trim();
    if (!value) return;
    try {
      const answer = await fetch(`${host.dataset.check}&subdomain=${encodeURIComponent(value)}`, { headers: { Accept: "application/json", "X-Live": "1" } });
      if (mine === turn && answer.ok) draw(await answer.json());
    } catch { /* The server checks again when the page is sent. */ }
  }

  const label = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40).replace(/-+$/, "");

  host.addEventListener("input", (event) => {
    const name = event.target.name;
    if (name === "subdomain") named = event.target.value !== "";
    if (name === "name" && !named && field("subdomain")) field("subdomain").value = label(event.target.value);
    if (name === "name" || name === "subdomain") { clearTimeout(timer); timer = setTimeout(check, 200); }
  });

  // Steps share one address: the browser's Back and Forward go through them all the same.
  const STEPS = ["names", "settings", "review"];
  const step = () => STEPS.indexOf(field("at").value);

  async function swap(button, go) {
    const at = form(), body = new FormData(at, button), was = step();
    if (go) body.set("go", go);
    at.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(at.action, { method: "POST", body, headers: { Accept: "text/html", "X-Live": "1" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("[data-wizard]");
      // Logged out, or something unforeseen: the browser's own way tells.
      if (!next || answer.redirected) { send(at, button); return; }
      host.replaceChildren(...next.childNodes);
      if (!go && step() > was) history.pushState({ step: step() }, "");
      putBack();
      window.panel.times(host);
      const first = host.querySelector("[aria-invalid=true]") || host.querySelector(".wizard input:not([type=hidden]), .wizard textarea");
      (field("at").value === "review" && !host.querySelector("[aria-invalid=true]") ? host.querySelector(".stepper [aria-current]") : first)?.focus({ preventScroll: true });
      scrollTo({ top: 0 });
      host.querySelector("[aria-invalid=true]")?.scrollIntoView({ block: "center" });
    } catch { send(at, button); }
  }

  function send(at, button) {
    at.removeAttribute("aria-busy");
    at.dataset.native = "1";
    delete at.dataset.sent;
    at.requestSubmit(button);
  }

  host.addEventListener("submit", (event) => {
    remember();
    const button = event.submitter;
    // What is created is created by the browser itself, so that the next page is a real one.
    if (event.target.dataset.native || ["create", "deploy"].includes(button?.value)) return;
    event.preventDefault();
    event.stopPropagation();
    // The page's own Back is the browser's, where the step before was one of this page.
    if (STEPS.indexOf(button?.value) === step() - 1 && history.state?.step === step()) { history.back(); return; }
    swap(button || host.querySelector("button[name=go]"));
  });
  addEventListener("popstate", (event) => {
    const wanted = event.state?.step ?? 0;
    if (wanted !== step()) { remember(); swap(undefined, STEPS[wanted]); }
  });
  named = Boolean(field("subdomain")?.value);
  putBack();
  if (field("name")?.type !== "hidden" && !field("name")?.value) field("name")?.focus({ preventScroll: true });
  if (field("subdomain")?.type !== "hidden" && field("subdomain")?.value) check();
})();
