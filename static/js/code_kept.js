// What this phone keeps for the time without a network: the last page with its styles and scripts, and how old it is.
// code_worker.js hands it out, and only when the network does not. Signing in and out wipe it (code_forget.js).

const STORE = "code";
const STATE = "/code/kept-state";

const canKeep = "serviceWorker" in navigator && "caches" in globalThis;

async function store() {
  return caches.open(STORE);
}

function parts() {
  const loaded = performance.getEntriesByType("resource").map((one) => new URL(one.name));
  return loaded.filter((url) => url.origin === location.origin && url.pathname.startsWith("/static/")).map((url) => url.href);
}

// Whatever fails here (no room, a private window) leaves a page that works with the network alone.
export async function keepPage(card, address) {
  if (!canKeep) return;
  try {
    await navigator.serviceWorker.register(card.dataset.worker, { scope: card.dataset.page });
    const kept = await store();
    await kept.addAll([...new Set(parts())]);
    // The worker keeps each page that it passes on: all but the first, and those with a mark in their address.
    if (navigator.serviceWorker.controller && !address) return;
    const answer = await fetch(card.dataset.page, { redirect: "manual", cache: "no-store" });
    if (answer.ok) await kept.put(card.dataset.page, new Response(await answer.text(), withTime(answer)));
  } catch (problem) {
    console.info("not kept for the time without a network", problem);
  }
}

function withTime(answer) {
  const headers = new Headers(answer.headers);
  headers.set("X-Kept-At", String(Date.now()));
  return { status: answer.status, headers };
}

export async function keepState(state) {
  if (!canKeep) return;
  try {
    await (await store()).put(STATE, new Response(JSON.stringify(state)));
  } catch (problem) {
    console.info("not kept for the time without a network", problem);
  }
}

export async function keptState() {
  if (!canKeep) return null;
  const found = await caches.match(STATE, { cacheName: STORE });
  return found ? found.json() : null;
}

export async function forget() {
  if (!canKeep) return;
  await caches.delete(STORE);
  const worker = await navigator.serviceWorker.getRegistration("/code/");
  if (worker) await worker.unregister();
}
