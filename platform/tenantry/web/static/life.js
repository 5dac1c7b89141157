/* What a deed would bring about is asked again while its form is filled in; without this, a button asks. */
"use strict";
(() => {
  const form = document.querySelector("form[data-preview]");
  if (!form) return;
  const ahead = form.querySelector("[data-ahead]");
  let timer = 0, turn = 0;

  async function ask() {
    const mine = ++turn, body = new FormData(form);
    body.set("step", "preview");
    ahead.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(location.pathname + location.search, { method: "POST", body, headers: { "X-Live": "1" } });
      if (mine !== turn || !answer.ok) return;
      ahead.innerHTML = await answer.text();
      window.panel.times(ahead);
    } catch { /* The button asks the server itself. */ } finally {
      if (mine === turn) ahead.removeAttribute("aria-busy");
    }
  }

  const shapes = (event) => !["reason", "confirm"].includes(event.target.name);
  form.addEventListener("input", (event) => { if (shapes(event)) { clearTimeout(timer); timer = setTimeout(ask, 450); } });
  form.addEventListener("change", (event) => { if (shapes(event)) { clearTimeout(timer); ask(); } });
})();
