/* What was typed survives the end of a session: kept in this tab alone, put back after the log-in, never secrets. */
"use strict";
(() => {
  const KEY = "typed:", LONGEST = 12 * 3600e3;
  const NEVER = ["csrf_token", "sealed", "confirm", "password"];
  // Lines such as SMTP_PASSWORD=… hold secrets; a mask is none.
  const SECRET = /^[ \t]*[\w.-]*(?:PASS|SECRET|TOKEN|PRIVATE|CREDENTIAL|API_?KEY)[\w.-]*[ \t]*[=:](?!\s*(?:•+|\$\{[A-Z0-9_]+\})\s*$).*$\n?/gim;
  const framed = document.body.classList.contains("framed");
  const place = () => KEY + location.pathname;

  function entries(form) {
    const found = [];
    for (const el of form.elements) {
      if (!el.name || el.disabled || NEVER.includes(el.name) || ["password", "file", "submit", "button"].includes(el.type)) continue;
      if (["checkbox", "radio"].includes(el.type) && !el.checked) continue;
      if (el.type === "select-multiple") { for (const o of el.selectedOptions) found.push([el.name, o.value]); continue; }
      found.push([el.name, el.value.replace(SECRET, "")]);
    }
    return found;
  }

  function putBack(form, kept) {
    const left = new Map();
    for (const [name, value] of kept) left.set(name, [...(left.get(name) || []), value]);
    for (const el of [...form.elements]) {
      if (!el.name || NEVER.includes(el.name) || ["password", "file", "submit", "button"].includes(el.type)) continue;
      const values = left.get(el.name);
      if (["checkbox", "radio"].includes(el.type)) el.checked = Boolean(values?.includes(el.value));
      else if (el.type === "select-multiple") for (const o of el.options) o.selected = Boolean(values?.includes(o.value));
      else if (values) el.value = values[0];
      if (values) left.set(el.name, []);
    }
    // Pages of one form that are not shown now stand in hidden fields, as the server puts them.
    if (!("keepAll" in form.dataset)) return;
    for (const [name, values] of left) for (const value of values) {
      const hidden = document.createElement("input");
      Object.assign(hidden, { type: "hidden", name, value });
      form.append(hidden);
    }
  }

  function tell(form) {
    const p = document.createElement("p"), span = document.createElement("span");
    p.className = "flash is-info whole-line";
    p.setAttribute("role", "status");
    span.textContent = "What you typed before you were logged out is back; nothing of it was saved. Secret values are not kept: type them again.";
    p.append(span);
    form.prepend(p);
  }

  try {
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (form.method !== "post" || !framed || !form.closest("main")) return;
      const kept = entries(form);
      if (kept.length) sessionStorage.setItem(place(), JSON.stringify({ at: Date.now(), kept }));
    }, true);
    if (!framed) return;
    const from = document.referrer ? new URL(document.referrer) : null;
    const back = from?.origin === location.origin && from.pathname === "/login";
    const text = sessionStorage.getItem(place());
    const form = [...document.querySelectorAll("main form[method=post]")].find((f) => !f.matches(".deed, [data-bulk]"));
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(KEY)) sessionStorage.removeItem(key);
    if (!back || !text || !form) return;
    const { at, kept } = JSON.parse(text);
    if (Date.now() - at > LONGEST) return;
    putBack(form, kept);
    tell(form);
    form.dispatchEvent(new Event("input", { bubbles: true }));
  } catch { /* Without storage nothing is kept. */ }
})();
