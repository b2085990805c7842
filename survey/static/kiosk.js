// A kiosk goes back to its start when nobody touches it: the draft is dropped here and on the site. What was sent whole
// and waits for the network is not lost: the page, without the answers, stays until it went out.
"use strict";
(() => {
  const own = document.currentScript.dataset, start = location.pathname.split("/").slice(0, 3).join("/");
  let touched = Date.now(), leaving = false;
  const touch = () => { touched = Date.now(); };
  const isEnded = () => document.querySelector("[data-state]");
  const isClean = () => location.pathname === start && !isEnded();
  function goesTo(name) { // where a form that waits whole goes
    try { return JSON.parse(localStorage.getItem(name)).to; } catch (_) { return ""; }
  }
  function names() {
    try { return Object.keys(localStorage); } catch (_) { return []; }
  }
  function forget() { // but not what waits whole
    for (const name of names()) if (!goesTo(name)) try { localStorage.removeItem(name); } catch (_) {}
  }
  const isSending = () => names().some((name) => goesTo(name) === start);
  async function leave() {
    leaving = true;
    const token = document.querySelector("[name=csrf_token]");
    document.querySelector("main").hidden = true; // whoever comes next sees nothing of it, without a network too
    forget();
    try {
      if (!isEnded() && token) await fetch(start, { method: "POST", body: new URLSearchParams({ csrf_token: token.value, action: "leave" }) });
      await fetch(start, { method: "HEAD" });
      location.replace(start);
    } catch (_) { leaving = false; } // tried again every second
  }
  for (const name of ["pointerdown", "keydown", "input", "scroll", "touchstart"]) addEventListener(name, touch, { passive: true });
  if (isEnded()) forget();
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  setInterval(() => {
    const limit = 1e3 * (isEnded() ? own.thanks : own.idle);
    if (!leaving && !isClean() && !isSending() && Date.now() - touched > limit) leave();
  }, 1e3);
  new MutationObserver(touch).observe(document.body.parentNode, { childList: true }); // a new page counts as a touch
})();
