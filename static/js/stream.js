// The live connection of a page: a fresh ticket for each connection, and the page is told when it is lost.

// Longer without a picture than this, the connection counts as lost even when the browser has not noticed.
const PATIENCE_MS = 5000;
const RECONNECT_MS = 2000;

// `ticket` is the address that answers with the stream's address, `show` takes each picture, `tell` takes "live",
// "lost" (it will be tried again) or "closed" (it will not).
export function listen({ ticket, show, tell }) {
  let stream = null;
  let lastPictureAt = 0;

  // Every connection needs a fresh address: its ticket lives for a minute, and so is no use to whoever reads it in a log.
  async function connect() {
    let url;
    try {
      const answer = await fetch(ticket, { cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 403) {
        // Signed out, or not in the role any more: trying again would change nothing.
        tell("closed");
        return;
      }
      ({ url } = await answer.json());
    } catch {
      lose();
      return;
    }
    lastPictureAt = performance.now();
    stream = new EventSource(url);
    stream.addEventListener("message", (message) => {
      lastPictureAt = performance.now();
      show(JSON.parse(message.data));
      tell("live");
    });
    stream.addEventListener("error", lose);
  }

  function lose() {
    stream?.close();
    stream = null;
    tell("lost");
    setTimeout(connect, RECONNECT_MS);
  }

  setInterval(() => {
    if (stream && performance.now() - lastPictureAt > PATIENCE_MS) lose();
  }, 1000);
  connect();
}

// Shows the one of some words that applies. Set only on a change: such lines are read aloud by screen readers.
export function choose(elements, name, chosen) {
  for (const words of elements) {
    const hidden = words.dataset[name] !== chosen;
    if (words.hidden !== hidden) words.hidden = hidden;
  }
}

export const clock = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium",
});
