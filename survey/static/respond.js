// Shows the whole form page by page, keeps on this phone for a day what the site does not have yet (pages' fields, link by
// link; not the token or who), and sends it once. A link's address is kept with a finished form alone: any page of ours
// sends it. The form works without this script.
"use strict";
(() => {
  const OURS = "form:", DAY = 864e5, SLOWEST = 6e4, PATIENCE = 4e3;
  const base = location.pathname.split("/").slice(0, 3).join("/");
  const isShared = base.startsWith("/q/");
  const $ = (selector, from = document) => from.querySelector(selector);
  let mark = 2166136261, wait = 1e3, timer = 0, sending = null, others = 0, again = null, shown = location.pathname;
  let parts = null, at = "", submissionKey = ""; // of the whole form
  for (const letter of base) mark = Math.imul(mark ^ letter.charCodeAt(0), 16777619) >>> 0;
  const STORE = OURS + mark;

  const here = () => location.pathname.slice(base.length);
  const form = () => $("form#page");
  const isFirst = () => here() === "" && !parts;
  const isSilent = () => isFirst() && isShared;

  // what is kept of a link: the fields of the page that is open, and what waits to be sent, in its order
  function forget(name = STORE) {
    try { localStorage.removeItem(name); } catch (_) {}
  }
  function kept(name = STORE) {
    try {
      const found = JSON.parse(localStorage.getItem(name));
      if (found && found.queue && Date.now() - found.at < DAY) return found;
    } catch (_) {}
    forget(name);
    return { queue: [] };
  }
  function keep(found, name = STORE) {
    if (!found.queue.length && !found.open) return forget(name);
    try { localStorage.setItem(name, JSON.stringify({ ...found, at: Date.now() })); } catch (_) { if (name === STORE) memory = found; }
  }
  let memory = null; // where storage is full or forbidden
  const waiting = (name = STORE) => (name === STORE && memory) || kept(name);
  function drop(one, name = STORE) { // what the site took, unless another tab was faster
    const found = waiting(name), [first] = found.queue;
    if (!first || first.page !== one.page || first.body !== one.body) return;
    found.queue.shift();
    keep(found, name);
  }

  function say(why) {
    let line = $("#waiting");
    if (!why) return line && line.remove();
    if (!line) {
      line = document.createElement("p");
      line.id = "waiting";
      line.className = "note";
      line.setAttribute("role", "status");
      (form() || $("main")).append(line);
    }
    line.textContent = $("[data-waiting]").dataset[why];
  }

  async function post(page, body, isQuiet, to = base) {
    const fields = new URLSearchParams(body);
    fields.set("csrf_token", $("[name=csrf_token]").value);
    const headers = isQuiet ? { Accept: "application/json" } : {};
    let answer;
    try { answer = await fetch(to + page, { method: "POST", body: fields, headers }); } catch (_) { throw "waiting"; }
    if (answer.status >= 500 || answer.status === 429) {
      if (to === base) wait = Math.max(wait, 1e3 * answer.headers.get("retry-after"));
      throw answer.headers.get("x-state") || "busy";
    }
    return answer;
  }

  const cause = (why) => (typeof why === "string" ? why : "waiting");

  function flush() { // true: all was taken, this page stays
    sending = sending || sendAll().finally(() => { sending = null; });
    return sending;
  }
  async function sendAll() {
    clearTimeout(timer);
    let found, refused = null;
    try {
      while ((found = waiting()).queue.length) {
        const [one] = found.queue;
        if (refused && !one.isQuiet) break;
        const answer = await post(one.page, one.body, one.isQuiet);
        const text = answer.status === 204 ? null : await answer.text();
        drop(one);
        wait = 1e3;
        if (text !== null && (!refused || !one.isQuiet)) refused = { text, address: answer.url };
      }
    } catch (why) {
      if (!isSilent()) say(cause(why));
      timer = setTimeout(flush, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, SLOWEST);
      return false;
    }
    say("");
    if (!refused) return true;
    forget();
    memory = null;
    if (!isSilent()) show(refused.text, refused.address);
    return false;
  }
  function enqueue(page, body, isQuiet, isLast) {
    const found = waiting();
    delete found.open;
    found.queue = found.queue.filter((one, number) => one.page !== page || (sending && !number));
    found.queue.push({ page, body: String(body), isQuiet });
    if (isLast) found.to = base;
    keep(found);
    if (isLast && $(".kiosk")) { // whoever comes next sees nothing of it
      const told = document.createElement("h1");
      told.textContent = $("[data-waiting]").dataset.sending;
      parts = null;
      $("main").replaceChildren(told, $("[name=csrf_token]"));
    }
  }
  function finished() { // forms of other links; what is older than a day goes
    try {
      return Object.keys(localStorage).filter((name) => name.startsWith(OURS) && name !== STORE && kept(name).to);
    } catch (_) { return []; }
  }
  async function sendOthers() { // what is refused stays: its own link shows it
    if (others < 0) return;
    clearTimeout(others);
    others = -1;
    let isBusy = false;
    for (const name of finished()) {
      try {
        for (let found; (found = kept(name)).to && found.queue.length;) {
          const [one] = found.queue, answer = await post(one.page, one.body, one.isQuiet, found.to);
          const isTaken = answer.ok && one.page !== "/review";
          if (!isTaken && !/ data-state=/.test(await answer.text())) break;
          drop(one, name);
        }
      } catch (_) { isBusy = true; }
    }
    others = isBusy ? setTimeout(sendOthers, SLOWEST) : 0;
  }

  function show(text, address) {
    const next = new DOMParser().parseFromString(text, "text/html");
    const root = document.documentElement;
    for (const { name } of [...root.attributes]) root.removeAttribute(name);
    for (const { name, value } of next.documentElement.attributes) root.setAttribute(name, value);
    document.title = next.title;
    document.body.replaceWith(document.adoptNode(next.body));
    parts = null;
    scrollTo(0, 0);
    ($("[autofocus]") || $("main")).focus({ preventScroll: true });
    history[address === location.href ? "replaceState" : "pushState"](null, "", address);
    shown = location.pathname;
  }

  const controls = (from) => [...from.querySelectorAll("input, textarea")];
  const isChoice = (one) => /radio|checkbox/.test(one.type);
  const pairs = (all) => all.filter((one) => one.name && (isChoice(one) ? one.checked : one.value)).map((one) => [one.name, one.value]);
  function restore(values, from) { // in place of all that stood there
    const all = [...values];
    for (const one of controls(from)) {
      const given = all.filter(([name]) => name === one.name).map(([_, value]) => value);
      if (isChoice(one)) one.checked = given.includes(one.value);
      else if (one.type !== "hidden") one.value = given[0] || "";
    }
  }

  // the whole form
  const question = (name) => parts.reduce((found, part) => found || $(`[id="${name}"]`, part), null);
  const asks = (part) => [...part.querySelectorAll("fieldset, .line")];
  const answers = (box) => controls(box).filter((one) => one.name === box.id && (!isChoice(one) || one.checked));

  function isAsked(box) {
    const { route, choices } = box.dataset;
    if (!route) return true;
    const before = question(route), taken = choices.split(" ");
    return answers(before).some((one) => taken.includes(one.value)) && isAsked(before);
  }
  function reply(box) {
    const consent = $("[name$='~consent']", box);
    return consent && !consent.checked ? "" : answers(box).map((one) => {
      if (isChoice(one)) {
        const words = controls(box).find((other) => other.name === `${box.id}~${one.value}`);
        const told = one.nextElementSibling.textContent;
        return words && words.type === "text" && words.value.trim() ? `${told}: ${words.value.trim()}` : told;
      }
      if (one.type !== "date" || !one.value) return one.value.trim();
      const [year, month, day] = one.value.split("-");
      if (document.documentElement.lang !== "en") return `${day}/${month}/${year}`;
      return `${+day} ${"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")[month - 1]} ${year}`;
    }).join("; ");
  }
  function wording(box) {
    const label = $("legend, label", box), text = label.firstChild, unit = box.id.split(":").slice(0, -1).concat("").join(":");
    if (label.source === undefined) label.source = text.data;
    text.data = label.source.replace(/\{([^{}]*)\}/g, (_, code) => reply(question(unit + code)) || "…");
    return text.data.trim();
  }
  const path = () => parts.slice(0, -1).filter((part) => asks(part).some(isAsked));

  function titled(part, level) {
    const title = document.createElement(level);
    title.innerHTML = "<span class=step></span> <span class=soft></span>";
    title.childNodes[1].data = ` ${part.dataset.heading} `;
    title.lastChild.textContent = part.dataset.place || "";
    return title;
  }
  function review(part) {
    const box = $("div", part), data = form().dataset;
    box.replaceChildren(...path().map((one) => {
      const section = document.createElement("section"), list = document.createElement("dl"), link = document.createElement("a");
      section.className = "part";
      for (const asked of asks(one).filter(isAsked)) {
        const term = document.createElement("dt"), said = document.createElement("dd"), told = reply(asked);
        term.textContent = wording(asked);
        said.textContent = told || data.none;
        if (!told) said.className = "none";
        list.append(term, said);
      }
      link.href = `${base}/${one.dataset.page}`;
      link.innerHTML = "<span></span><span class=out></span>";
      link.firstChild.textContent = data.change;
      link.lastChild.textContent = `: ${one.dataset.heading} ${one.dataset.place || ""}`;
      link.addEventListener("click", (event) => { event.preventDefault(); go(one.dataset.page); });
      section.append(titled(one, "h2"), list, link);
      $(".step", section).remove();
      return section;
    }));
    const key = document.createElement("input");
    Object.assign(key, { type: "hidden", name: "key", value: submissionKey });
    box.append(key);
  }

  function go(page, isReturn) {
    const pages = path(), own = form(), part = parts.find((one) => one.dataset.page === page);
    const step = $(".step", part), number = pages.indexOf(part) + 1, isLast = page === "review";
    at = page;
    for (const box of asks(part)) {
      box.hidden = !isAsked(box);
      wording(box);
    }
    if (isLast) review(part);
    else step.textContent = part.dataset.step || own.dataset.step.replace("{n}", number).replace("{of}", pages.length);
    $("section", own) && $("section", own).remove();
    own.prepend(part);
    $(":scope > button", own).textContent = isLast ? own.dataset.send : own.dataset.go;
    document.title = `${isLast ? "" : `${step.textContent} `}${isLast ? $("h1", part).lastChild.data.trim() : part.dataset.heading} – ${own.dataset.title}`;
    if (!isReturn) history.pushState({ page }, "", `${base}/${page}`);
    shown = location.pathname;
    scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
  }

  async function start(own, button) {
    if (waiting().queue.length && !(await flush()) && waiting().queue.length) return say("waiting"); // it goes first
    if (sending || own !== form()) return;
    sending = begin(own, button).finally(() => { sending = null; });
  }
  async function begin(own, button) {
    const data = $("#form"), known = { at: "1", answers: [], order: [], form: data && data.innerHTML };
    if (!data || own.dataset.ask) {
      let answer;
      const fields = new URLSearchParams(data ? { whole: 1 } : {});
      if (button && button.name) fields.set(button.name, button.value);
      clearTimeout(timer);
      again = null;
      try { answer = await post("", fields, true); } catch (_) {
        say("begin");
        again = () => start(own, button);
        timer = setTimeout(again, wait);
        wait = Math.min(wait * 2, SLOWEST);
        return;
      }
      if (!/json/.test(answer.headers.get("content-type"))) return show(await answer.text(), answer.url);
      const told = await answer.json();
      Object.assign(known, told, { form: told.form || known.form, at: String(told.at) });
    }
    const made = new DOMParser().parseFromString(known.form, "text/html"), main = $("main");
    for (const one of made.querySelectorAll("[data-voice]")) {
      const player = $(".hear", made).cloneNode(true);
      $("audio", player).src = `/listen/${one.dataset.voice}.mp3`;
      one.replaceWith(player);
    }
    for (const one of made.querySelectorAll("[data-like]")) {
      const { like } = one.dataset, rest = [...made.getElementById(like).children].filter((part) => !part.matches("legend, .hear"));
      one.insertAdjacentHTML("beforeend", rest.map((part) => part.outerHTML).join("").replace(new RegExp(`"${like}(?=["~-])`, "g"), `"${one.id}`));
    }
    parts = [...made.querySelectorAll("form > section")];
    $("header").prepend(document.adoptNode($(".brand", made)));
    main.replaceChildren(document.adoptNode($("form", made)));
    for (const part of parts) {
      part.remove();
      if (part.dataset.heading) part.prepend(titled(part, "h1"));
    }
    for (const one of parts.flatMap(asks).filter((box) => $("[type=radio]", box))) {
      one.append(Object.assign(document.createElement("button"), { type: "button", className: "clear", textContent: form().dataset.clear }));
    }
    for (const name of known.order) question(name).parentNode.append(question(name));
    const { open } = waiting();
    for (const part of parts) {
      restore(known.answers, part);
      if (open && open.page === `/${part.dataset.page}`) {
        restore(new URLSearchParams(open.body), part);
        known.at = part.dataset.page;
      }
    }
    submissionKey = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
    go(known.at);
  }

  function ofPage(page) {
    const part = parts.find((one) => one.dataset.page === page);
    return page === "review" ? [] : pairs(asks(part).filter(isAsked).flatMap(controls));
  }
  async function leave(button) {
    const page = at, part = parts.find((one) => one.dataset.page === page), fields = new URLSearchParams(ofPage(page));
    const pages = [...path(), parts[parts.length - 1]], isBack = button && button.name === "back";
    if (button && button.name && !isBack) { // another language or look: the site's own pages from here on
      fields.append(button.name === "lang" ? "switch" : button.name, button.value);
      enqueue(`/${page}`, fields, false);
      return flush();
    }
    if (page === "review" && !isBack) {
      const all = new URLSearchParams(path().flatMap((one) => ofPage(one.dataset.page)));
      all.append("key", submissionKey);
      all.append("whole", 1);
      if ($("[name=compare]:checked")) all.append("compare", 1);
      enqueue("/review", all, false, true);
      return flush();
    }
    if (page !== "review") {
      if (isBack) fields.append("back", 1);
      enqueue(`/${page}`, fields, true);
      const taken = flush();
      if (part.dataset.wait && !isBack) await Promise.race([taken, new Promise((done) => setTimeout(done, PATIENCE))]);
      if (!parts || at !== page) return;
    }
    const next = pages[pages.indexOf(part) + (isBack ? -1 : 1)];
    if (next) go(next.dataset.page);
    else if (await flush()) location.assign(base);
  }

  document.addEventListener("change", ({ target }) => {
    if (isFirst() || !form()) return;
    const [name, code] = target.name.split("~"), box = target.value && parts && question(name);
    if (code && target.type === "text" && box && !answers(box).length) for (const one of controls(box)) one.checked = one.name === name && one.value === code;
    const found = waiting();
    found.open = { page: here(), body: String(new URLSearchParams(parts ? ofPage(at) : pairs(controls(form()).filter((one) => one.type !== "hidden")))) };
    keep(found);
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter, own = event.target;
    if (isFirst()) {
      if (button && button.value === "new" && !waiting().to) forget(); // what the last person left goes nowhere
      if (own !== form() || (button && button.value === "wrong_person") || $("[data-state]")) return;
      event.preventDefault();
      start(own, button);
    } else if (parts) {
      event.preventDefault();
      leave(button);
    } else if (own === form() && !own.getAttribute("action")) {
      event.preventDefault();
      if (sending) return;
      const fields = new URLSearchParams(pairs(controls(own)));
      fields.delete("csrf_token");
      if (button && button.name) fields.append(button.name, button.value);
      enqueue(here(), fields, false, here() === "/review" && !(button && button.name));
      flush();
    }
  });
  document.addEventListener("click", (event) => { // takes a choice back
    const clear = event.target.closest(".clear");
    if (!clear) return;
    event.preventDefault();
    const all = controls(clear.parentNode);
    restore([], clear.parentNode);
    all[0].focus();
    all[0].dispatchEvent(new Event("change", { bubbles: true }));
  });
  document.addEventListener("click", (event) => { // one tap opens the player and plays; no two voices at once
    const box = event.target.closest(".hear"), voice = box && event.target.closest("summary") && box.querySelector("audio");
    if (!voice) return;
    for (const other of document.querySelectorAll("audio")) other.pause();
    if (!box.open) voice.play().catch(() => { /* the player is there */ });
  });
  addEventListener("online", () => {
    if (again) again();
    else if (waiting().queue.length) flush();
    sendOthers();
  });
  addEventListener("popstate", (event) => {
    if (parts && event.state && event.state.page) go(event.state.page, true);
    else if (shown !== location.pathname && !waiting().to) location.reload(); // a link to a question stays
  });

  const old = kept("form"); // of the version before links were kept apart
  if (old.mark === mark) {
    keep(old);
    forget("form");
  }
  const found = kept();
  sendOthers();
  if ($("[data-state]")) forget();
  else if (found.queue.length) flush().then((isTaken) => isTaken && (isSilent() || location.reload()));
  else if (isSilent()) forget();
  else if (isFirst() && found.open && !form().dataset.ask) start(form());
  else if (found.open && form() && found.open.page === here()) restore(new URLSearchParams(found.open.body), form());
})();
