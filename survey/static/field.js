// An interviewer's phone: what is recorded waits here until the site has it. Kept are answers, outcomes and a key; names,
// addresses and phones stand in the kept page alone, which signing out removes.
"use strict";
(() => {
  const own = document.currentScript.dataset, HOME = own.home, STORE = `field:${own.account}`, SOONEST = 5e3;
  const $ = (selector, from = document) => from.querySelector(selector);
  const words = (why, count) => own[why].replace("{n}", count);
  let sending = null, why = "waits", isLeaving = false;

  function read(name) {
    try { return JSON.parse(localStorage.getItem(name)); } catch (_) { return null; }
  }
  function write(name, value) {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(value));
  }
  const queue = () => read(STORE) || [];
  const openForm = (person) => `${STORE}:open:${person}`;
  const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");

  function say(text, isGood) {
    const line = $("#waiting");
    line.textContent = text;
    line.hidden = !text;
    line.className = isGood ? "saved" : "withheld";
  }
  function show() {
    const waiting = queue();
    for (const one of waiting) {
      const how = $(`#c-${one.person} .how`);
      if (how) how.textContent = `${one.told} – ${own.unsent}`;
    }
    if (waiting.length) say(words(why, waiting.length));
  }

  // sending: the list brings a token that is still good, then everything goes out in its order
  function flush() {
    sending = sending || sendAll().finally(() => { sending = null; });
    return sending;
  }
  async function sendAll() {
    const all = queue(), refused = [];
    if (!all.length) return;
    let page;
    try { page = await fetch(HOME, { cache: "no-store" }); } catch (_) { return show(); }
    if (page.redirected) return say(words("signin", all.length));
    if (!page.ok) return show();
    const token = $("[name=csrf_token]", new DOMParser().parseFromString(await page.text(), "text/html"));
    for (const one of all) {
      const fields = new URLSearchParams(one.body);
      fields.set("csrf_token", token.value);
      let answer;
      try { answer = await fetch(one.to, { method: "POST", body: fields, headers: { Accept: "application/json" } }); } catch (_) { return show(); }
      if (answer.redirected) return say(words("signin", queue().length));
      if (answer.status >= 500 || answer.status === 429 || answer.status === 400) return show();
      if (answer.status === 422 && one.form) write(openForm(one.person), one.body); // it opens again as it was
      if (answer.status !== 204) refused.push(`${nameOf(one.person)}: ${await answer.text()}`);
      write(STORE, queue().filter((other) => other.key !== one.key));
    }
    if (refused.length) return say(refused.join(" "));
    why = "waits";
    say(own.sent, true);
    if (location.pathname === HOME && !$("details[open]")) location.replace(HOME);
  }
  const nameOf = (person) => { const who = $(`#c-${person} .who`); return who ? who.textContent.trim() : ""; };
  function enqueue(form, person, told, isForm, extra) {
    const fields = new URLSearchParams(new FormData(form)), key = newKey();
    fields.delete("csrf_token");
    for (const [name, value] of [...fields]) if (!value) fields.delete(name);
    fields.set("sending", key);
    fields.set("at", new Date().toISOString());
    for (const name of extra) fields.set(name, "1");
    write(STORE, [...queue(), { key, to: form.action, body: String(fields), person, told, form: isForm }]);
  }

  // the form: the person stands in the address, for the kept page too
  const form = $("form#interview");
  function restore(values) {
    for (const [name, value] of values) {
      for (const one of form.elements) {
        if (one.name !== name || one.type === "hidden") continue;
        if (/radio|checkbox/.test(one.type)) one.checked = one.checked || one.value === value;
        else one.value = value;
      }
    }
  }
  const given = (name) => [...form.elements].filter((one) => one.name === name && (!/radio|checkbox/.test(one.type) || one.checked)).map((one) => one.value);
  function isAsked(box) {
    const { route, choices } = box.dataset;
    if (!route) return true;
    const before = document.getElementById(route);
    return isAsked(before) && given(route).some((one) => choices.split(" ").includes(one));
  }
  function lead() {
    for (const box of form.querySelectorAll("[data-route]")) box.hidden = !isAsked(box);
  }
  // earlier answers in the wording of a question, as the respondent's own phone shows them
  const said = (code) => [...form.elements].filter((one) => one.name === code && (one.type !== "radio" || one.checked))
    .map((one) => (one.type === "radio" ? one.nextElementSibling.textContent : one.value.trim())).join("");
  function fill() {
    for (const [name, text] of Object.entries(JSON.parse(form.dataset.wording || "{}")))
      $("legend, label", document.getElementById(name)).firstChild.data = text.replace(/\{([^{}]*)\}/g, (_, code) => said(code) || "…");
  }
  function mix(kept) { // one kept page serves many people: another random order for each, the same when it opens again
    const line = form.elements.order, chance = () => crypto.getRandomValues(new Uint32Array(1))[0];
    if (!line) return; // kept by an older version
    const order = kept ? kept.split(" ") : line.value.split(" ").map((name) => [chance(), name]).sort(([a], [b]) => a - b).map(([, name]) => name);
    for (const name of order) {
      const box = name && document.getElementById(name);
      if (box) box.parentNode.append(box);
    }
    line.value = order.join(" ");
  }
  function waitFor(person) { // the answer goes through the queue, whatever else of the page does not work
    form.action = `${HOME}/${person}/answer`;
    form.addEventListener("change", () => {
      const fields = new URLSearchParams(new FormData(form));
      for (const name of ["csrf_token", "sending"]) fields.delete(name);
      write(openForm(person), String(fields));
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      for (const box of form.querySelectorAll("[data-route][hidden]")) box.remove(); // not asked, not said
      const isBroken = event.submitter && event.submitter.name === "broken_off";
      enqueue(form, person, isBroken ? own.partial : own.complete, true, isBroken ? ["broken_off"] : []);
      write(openForm(person), null);
      flush().finally(() => location.replace(HOME));
    });
  }
  async function openInterview() {
    const person = new URLSearchParams(location.search).get("case"), isKept = /^[0-9a-f]{32}$/.test(person || "");
    const open = new URLSearchParams((isKept && read(openForm(person))) || "");
    if (isKept) waitFor(person);
    mix(open.get("order"));
    restore(open);
    lead();
    fill();
    form.addEventListener("change", () => { lead(); fill(); });
    if (!isKept) return;
    try { // the kept page was made for nobody: the name comes from the list
      const list = new DOMParser().parseFromString(await (await fetch(HOME)).text(), "text/html"), who = $(`#c-${person} .who`, list);
      $("#person").textContent = who ? who.textContent : "";
    } catch (_) { /* it is opened without a name */ }
  }

  document.addEventListener("submit", (event) => {
    const target = event.target;
    if (target.matches(".attempt")) {
      event.preventDefault();
      const chosen = $("input[name=outcome]:checked", target), when = $("input[name=back]", target);
      when.setCustomValidity(chosen && chosen.value === "callback" && !when.value.trim() ? own.when : "");
      if (!target.reportValidity()) return;
      const box = target.closest("details");
      enqueue(target, box.dataset.case, chosen.parentNode.textContent.trim(), false, []);
      box.open = false;
      target.reset();
      show();
      flush();
    } else if (/sign-out$/.test(target.action)) {
      if (queue().length) {
        event.preventDefault();
        why = "stay";
        show();
        flush();
      } else {
        event.preventDefault();
        leave(target);
      }
    }
  });
  document.addEventListener("input", ({ target }) => target.setCustomValidity && target.setCustomValidity(""));
  async function leave(target) {
    isLeaving = true;
    try { await forgetKept(HOME); } catch (_) { /* there is none */ }
    for (const name of Object.keys(localStorage)) if (name.startsWith(`${STORE}:open:`)) localStorage.removeItem(name);
    target.submit();
  }

  async function prepare() {
    if (!("serviceWorker" in navigator)) return;
    await navigator.serviceWorker.register(own.worker, { scope: HOME });
    const { active } = await navigator.serviceWorker.ready, port = new MessageChannel();
    if (isLeaving) return;
    port.port1.onmessage = ({ data }) => { $("#ready").textContent = data ? own.ready : own.unready; };
    const assets = [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map((one) => one.href || one.src);
    active.postMessage([HOME, ...own.forms.split(" ").filter(Boolean), ...assets], [port.port2]);
  }

  if (form) openInterview();
  else prepare().catch(() => { $("#ready").textContent = own.unready; });
  show();
  flush();
  addEventListener("online", flush);
  setInterval(() => queue().length && flush(), SOONEST);
})();
