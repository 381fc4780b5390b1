// My orders: hears from the live stream how many there are, and fetches the list anew when that has changed. While
// there is no stream it asks every few seconds. Nothing moves under the finger: cards that stay are left alone, and the
// one in view keeps its place. All words stand in the page.

import { listen } from "./stream.js";

const root = document.getElementById("orders");
const say = root.querySelector("[data-say]");
const lost = root.querySelector("[data-lost]");
const ring = root.querySelector("[data-ring]");
const ASK_MS = 10_000;
const RING_KEY = "citybrain.orders.ring";

let seen = [root.dataset.open, root.dataset.overdue, root.dataset.newest].join();
let refs = listed(root);
let audio = null;
// How far the server's clock is ahead of this device's, as of the time that the page was drawn.
const skew = Date.parse(root.querySelector(".as-of time").dateTime) - Date.now();

function listed(part) {
  return new Set([...part.querySelectorAll("[data-order]")].map((order) => order.dataset.order));
}

// A browser lets a page make a sound only after it was touched.
function mayRing() {
  return ring.getAttribute("aria-pressed") === "true";
}

function unlock() {
  if (!mayRing()) return;
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
}

function beep() {
  if (!mayRing() || audio?.state !== "running") return;
  for (const [start, pitch] of [[0, 880], [0.22, 1175]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.25, audio.currentTime + start);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + start + 0.2);
    tone.connect(volume).connect(audio.destination);
    tone.start(audio.currentTime + start);
    tone.stop(audio.currentTime + start + 0.2);
  }
}

// What a card says, but for what differs each time it is drawn.
function told(order) {
  const copy = order.cloneNode(true);
  for (const token of copy.querySelectorAll("[name=csrfmiddlewaretoken]")) token.remove();
  for (const due of copy.querySelectorAll("[data-due]")) due.textContent = "";
  return copy.outerHTML;
}

// Changes the list and scrolls so that the first card in view that is still there stays where it was.
function keepInView(change) {
  const shown = [...root.querySelectorAll("[data-order]")]
    .map((order) => [order.dataset.order, order.getBoundingClientRect()])
    .filter(([, box]) => box.bottom > 0);
  change();
  for (const [ref, before] of shown) {
    const now = root.querySelector(`[data-order="${ref}"]`);
    if (now) {
      window.scrollBy(0, now.getBoundingClientRect().top - before.top);
      return;
    }
  }
}

// How long there is still time goes on while the page stands.
function tellDue() {
  for (const due of root.querySelectorAll("[data-due]")) {
    const left = Math.floor((Date.parse(due.dataset.due) - (Date.now() + skew)) / 60_000);
    const late = due.closest(".due-state") !== null;
    const minutes = Math.max(0, late ? -left - 1 : left);
    const hours = Math.floor(minutes / 60);
    const days = Math.floor(hours / 24);
    const time = (days ? root.dataset.days : hours ? root.dataset.hours : root.dataset.minutes)
      .replace("{m}", minutes % 60).replace("{h}", hours % 24).replace("{d}", days);
    due.textContent = (late ? root.dataset.late : root.dataset.in).replace("{time}", time);
  }
}

async function renew() {
  const answer = await fetch(location.href, { cache: "no-store", redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    // The purpose has run out: the page itself asks for it.
    location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.id;
  keepInView(() => {
    for (const part of root.querySelectorAll("[data-fresh]")) {
      const fresh = page.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
      for (const order of fresh.querySelectorAll("[data-order]")) {
        const old = part.querySelector(`[data-order="${order.dataset.order}"]`);
        if (old && told(old) === told(order)) order.replaceWith(old);
      }
      part.replaceChildren(...fresh.childNodes);
    }
  });
  tellDue();
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  const now = listed(root);
  const added = [...now].filter((ref) => !refs.has(ref)).length;
  refs = now;
  if (added && new URLSearchParams(location.search).get("show") !== "done") {
    say.textContent = added === 1 ? root.dataset.one : root.dataset.many.replace("{number}", added);
    beep();
  }
}

let taking = false;

async function take({ open, overdue, newest }) {
  const now = [open, overdue, newest ?? ""].join();
  if (now !== seen && !taking) {
    taking = true;
    try {
      await renew();
      seen = now;
    } finally {
      taking = false;
    }
  }
  lost.hidden = true;
}

let askedAt = -Infinity;

// What the stream would have told, while there is none.
async function ask() {
  if (performance.now() - askedAt < ASK_MS) return;
  askedAt = performance.now();
  try {
    const answer = await fetch(root.dataset.state, { cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 403) location.reload();
    else await take(await answer.json());
  } catch {
    lost.hidden = false;
  }
}

ring.hidden = false;
ring.setAttribute("aria-pressed", localStorage.getItem(RING_KEY) === "yes");
ring.addEventListener("click", () => {
  ring.setAttribute("aria-pressed", !mayRing());
  localStorage.setItem(RING_KEY, mayRing() ? "yes" : "no");
  unlock();
  beep();
});
setInterval(tellDue, 10_000);
document.addEventListener("pointerdown", unlock);
document.addEventListener("keydown", unlock);
listen({
  ticket: root.dataset.ticket,
  show: (picture) => take(picture).catch(() => { lost.hidden = false; }),
  tell: (state) => {
    if (state === "lost") ask();
    // Signed out, or not in the role any more: the page itself says so.
    if (state === "closed") location.reload();
  },
});
