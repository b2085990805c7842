// Keeps an interviewer's list and form on the phone: what the network brings is newer, without it the kept page serves.
"use strict";
const KEPT = "field", HOME = "/staff/field";
const isOwn = (url) => url.origin === location.origin && (url.pathname.startsWith(HOME) || url.pathname.startsWith("/static/"));
let leavings = 0; // who signed out leaves nothing: what was asked for before is not kept when it comes
const asKept = (url) => url.pathname.startsWith("/static/") ? url.href : url.origin + url.pathname; // whoever the form is for

async function keep(request) {
  const before = leavings, answer = await fetch(request, { credentials: "same-origin" });
  if (answer.ok && !answer.redirected && before === leavings) (await caches.open(KEPT)).put(asKept(new URL(answer.url)), answer.clone());
  return answer;
}
async function serve(request) {
  try {
    return await keep(request);
  } catch (error) {
    const found = await (await caches.open(KEPT)).match(asKept(new URL(request.url)));
    if (found) return found;
    throw error;
  }
}
addEventListener("install", () => self.skipWaiting());
addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
const isKept = async (url) => { // brought anew, or there from before
  try { return (await keep(url)).ok; } catch (_) { return Boolean(await (await caches.open(KEPT)).match(asKept(new URL(url, location)))); }
};
addEventListener("message", ({ data, ports }) => { // an empty list: forget everything
  leavings += !data.length;
  const done = data.length ? Promise.all(data.map(isKept)) : caches.delete(KEPT).then(() => []);
  done.then((all) => ports[0].postMessage(all.every(Boolean)));
});
addEventListener("fetch", (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method === "GET" && isOwn(url) && !url.pathname.endsWith("/worker.js")) event.respondWith(serve(request));
});
