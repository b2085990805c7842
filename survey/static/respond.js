// Keeps a page's answers on this phone until the site has them, and sends them once. The form works without it.
// What is kept: the page's number and its fields; not the link, the token or who. A day at most, one form at a time.
"use strict";
(() => {
  const STORE = "form", DAY = 864e5, SLOWEST = 6e4;
  const base = location.pathname.split("/").slice(0, 3).join("/");
  const isShared = base.startsWith("/q/");
  let mark = 2166136261, wait = 1e3, timer = 0, busy = false, shown = location.pathname;
  for (const letter of base) mark = Math.imul(mark ^ letter.charCodeAt(0), 16777619) >>> 0;

  const here = () => location.pathname.slice(base.length);
  const form = () => document.querySelector("form#page");
  const isFirst = () => here() === "";

  function forget() {
    try { localStorage.removeItem(STORE); } catch (_) { /* no storage: nothing to forget */ }
  }
  function kept() {
    try {
      const found = JSON.parse(localStorage.getItem(STORE));
      if (found && found.mark === mark && Date.now() - found.at < DAY) return found;
    } catch (_) { return null; }
    forget(); // too old, or of another link: the next person starts
    return null;
  }
  function keep(fields, isPending) {
    const body = new URLSearchParams(fields);
    body.delete("csrf_token");
    const found = { mark, at: Date.now(), page: here(), body: body.toString(), isPending };
    try { localStorage.setItem(STORE, JSON.stringify(found)); } catch (_) { /* full or forbidden */ }
    return found;
  }

  function say(isWaiting) {
    let line = document.getElementById("waiting");
    if (!line && isWaiting) {
      line = document.createElement("p");
      line.id = "waiting";
      line.className = "note";
      line.setAttribute("role", "status");
      (form() || document.querySelector("main")).append(line);
      line.textContent = document.querySelector("[data-waiting]").dataset.waiting;
    } else if (line && !isWaiting) line.remove();
  }

  function show(text, address) {
    const next = new DOMParser().parseFromString(text, "text/html");
    const root = document.documentElement;
    for (const { name } of [...root.attributes]) root.removeAttribute(name);
    for (const { name, value } of next.documentElement.attributes) root.setAttribute(name, value);
    document.title = next.title;
    document.body.replaceWith(document.adoptNode(next.body));
    scrollTo(0, 0);
    (document.querySelector("[autofocus]") || document.querySelector("main")).focus({ preventScroll: true });
    history[address === location.href ? "replaceState" : "pushState"](null, "", address);
    shown = location.pathname;
  }

  async function send(sending, isSilent) {
    if (busy || !sending) return;
    busy = true;
    clearTimeout(timer);
    try {
      const body = new URLSearchParams(sending.body);
      body.set("csrf_token", document.querySelector("[name=csrf_token]").value);
      const answer = await fetch(base + sending.page, { method: "POST", body });
      if (answer.status >= 502) throw new Error("busy");
      const text = await answer.text();
      forget();
      wait = 1e3;
      if (!isSilent) show(text, answer.url);
    } catch (_) {
      if (!isSilent) say(true);
      timer = setTimeout(() => send(sending, isSilent), wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, SLOWEST);
    } finally {
      busy = false;
    }
  }

  function restore(found) {
    for (const [name, value] of new URLSearchParams(found.body)) {
      for (const one of form().querySelectorAll("input:not([type=hidden]), textarea")) {
        if (one.name !== name) continue;
        if (/radio|checkbox/.test(one.type)) one.checked = one.checked || one.value === value;
        else one.value = value;
      }
    }
  }

  document.addEventListener("change", () => form() && !isFirst() && !busy && keep(new FormData(form()), false));
  document.addEventListener("submit", (event) => {
    if (event.target !== form() || isFirst() || event.target.getAttribute("action")) return;
    event.preventDefault();
    if (busy) return;
    const fields = new FormData(form()), button = event.submitter;
    if (button && button.name) fields.append(button.name, button.value);
    send(keep(fields, true), false);
  });
  addEventListener("online", () => { const found = kept(); if (found && found.isPending) send(found, isFirst() && isShared); });
  addEventListener("popstate", () => shown !== location.pathname && location.reload()); // a link to a question stays

  const found = kept();
  if (document.querySelector("[data-state]")) forget();
  else if (found && found.isPending) send(found, isFirst() && isShared);
  else if (found && isFirst() && isShared) forget();
  else if (found && form() && found.page === here()) restore(found);
})();
