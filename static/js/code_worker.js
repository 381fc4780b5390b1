// The code page's worker, served at /code/worker.js so that it answers for /code/ and nothing above it. With a network it
// passes everything on; without one it hands out the page that was kept last, marked, so that the page says how old it is.

const STORE = "code";
const PAGE = "/code/";
const LONGEST_MS = 24 * 60 * 60 * 1000;
const PATIENCE_MS = 5000;

async function keep(address, answer) {
  const kept = await caches.open(STORE);
  if (answer.type === "opaqueredirect") {
    // The server knows nobody here any more.
    await caches.delete(STORE);
  } else if (answer.ok && !address.search) {
    const headers = new Headers(answer.headers);
    headers.set("X-Kept-At", String(Date.now()));
    await kept.put(PAGE, new Response(await answer.text(), { status: answer.status, headers }));
  }
}

async function lastPage() {
  const kept = await caches.match(PAGE, { cacheName: STORE });
  if (!kept) return null;
  if (Date.now() - Number(kept.headers.get("X-Kept-At")) > LONGEST_MS) {
    await caches.delete(STORE);
    return null;
  }
  const text = (await kept.text()).replace("<html ", "<html data-kept ");
  return new Response(text, { status: 200, headers: kept.headers });
}

async function page(event, address) {
  const asked = fetch(event.request);
  event.waitUntil(asked.then((answer) => keep(address, answer.clone()), () => null));
  const inTime = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  const answer = await Promise.race([asked.catch(() => null), inTime]);
  if (answer && answer.status < 500) return answer;
  return (await lastPage()) ?? answer ?? asked;
}

async function part(request) {
  try {
    return await fetch(request);
  } catch (problem) {
    const kept = await caches.match(request, { cacheName: STORE, ignoreVary: true });
    if (kept) return kept;
    throw problem;
  }
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== self.location.origin) return;
  if (event.request.mode === "navigate") {
    if (address.pathname === PAGE) event.respondWith(page(event, address));
  } else if (address.pathname.startsWith("/static/")) {
    event.respondWith(part(event.request));
  }
});
