// Takes an interviewer's kept pages off the phone when he signs out, from the list or from any other page: they have names.
"use strict";
async function forgetKept(home) { // the worker first: it may be about to keep something
  const found = await navigator.serviceWorker.getRegistration(home), port = new MessageChannel();
  if (found && found.active) {
    await new Promise((done) => {
      port.port1.onmessage = done;
      setTimeout(done, 2000);
      found.active.postMessage([], [port.port2]);
    });
  }
  await caches.delete("field");
}
const { left } = document.currentScript.dataset;
if (left && self.caches && navigator.serviceWorker) forgetKept(left).catch(() => {});
