// The code page: ticks the server's clock, draws a new token every half minute, and asks now and then what the code says.
// It is loaded anew only when the code says something else. What it shows is never better than the last answer: when that
// is old, or the server cannot be reached, the page says of when it is and does not look like a fresh one.

import { forget, keepPage, keepState, keptState } from "./code_kept.js";
import { loadMore } from "./code_more.js";
import { renewSquare } from "./code_square.js";

const card = document.getElementById("code");
const says = card.dataset;
const PERIOD_MS = Number(says.period) * 1000;
const FRESH_MS = 120_000;
// Asked anew every 30 to 60 s, so that the phones of a city do not ask all at once; after failures less and less often.
const ASK_MS = 30_000;
const FIRST_RETRY_MS = 4000;
const LONGEST_RETRY_MS = 120_000;
const PATIENCE_MS = 15_000;
const JUST_READ_MS = 10_000;
const KEY_MS = 15_000;

const wording = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });
const part = (name) => card.querySelector(`[data-${name}]`);
const clockDay = part("clock").firstChild;
const clockTime = part("clock").querySelector("b");

const [number, keyId, keyText, keyDay, at, read, since, validUntil] = says.facts.split(" ");
let key = { number, keyId: Number(keyId), key: keyText, day: keyDay };
// How far the server's clock is ahead of this device's.
let ahead = Number(at) - Date.now();
let readAt = Number(read);
let isReached = true;
let drawn = 0;
let failures = 0;
let asking = false;
let next = 0;
let keyWanted = 0;
let mayReload = !location.search.includes("changed");

const now = () => Date.now() + ahead;
const jitter = (milliseconds) => milliseconds * (1 + Math.random());

function showAge() {
  card.classList.toggle("stale", !isReached || now() - readAt > FRESH_MS);
}

// Past its time a code says by itself that it has run out, also without a network.
function runOut() {
  if (!validUntil || says.state === "expired" || now() < Number(validUntil)) return;
  part("word").replaceChildren(document.querySelector("[data-ran-out]").content.cloneNode(true));
  card.classList.replace(says.state, "expired");
  says.state = "expired";
  for (const line of document.querySelectorAll("[data-of-state]")) line.hidden = true;
  ask();
}

async function redraw() {
  const counter = Math.floor(now() / PERIOD_MS);
  if (counter === drawn) return;
  // The key makes tokens of one day only; the next day's is fetched in its first seconds, by each phone at another moment.
  if (wording.format(new Date(counter * PERIOD_MS)).slice(0, 10) !== key.day) {
    if (now() >= keyWanted) fetchKey();
    return;
  }
  drawn = counter;
  part("no-picture").hidden = true;
  await renewSquare(card, key, counter);
}

async function fetchKey() {
  const isFirst = keyWanted === 0;
  keyWanted = now() + jitter(KEY_MS);
  if (isFirst && drawn) return;
  try {
    const answer = await fetch(says.keyOfDay, { cache: "no-store", redirect: "manual" });
    if (!answer.ok) throw new Error(answer.statusText);
    const told = await answer.json();
    key = { number: told.number, keyId: told.key_id, key: told.key, day: told.day };
    keyWanted = 0;
    redraw();
  } catch {
    // What is drawn is of yesterday: no gate takes it two minutes later.
    if (now() - drawn * PERIOD_MS < FRESH_MS) return;
    part("square").replaceChildren();
    part("no-picture").hidden = false;
  }
}

function tick() {
  const [day, time] = wording.format(new Date(now())).split(" ");
  clockDay.data = `${day} `;
  clockTime.textContent = time;
  part("read-at").textContent = wording.format(new Date(readAt));
  runOut();
  showAge();
  redraw();
}

const isAt = (text, milliseconds) => (text === null ? milliseconds === "" : Date.parse(text) === Number(milliseconds));

function take(told) {
  ahead = Date.parse(told.at) - Date.now();
  const isSame = told.state === says.state && isAt(told.since, since) && isAt(told.valid_until, validUntil);
  if (isSame && told.number === number) {
    readAt = Date.parse(told.at);
    remember();
  } else if (mayReload) location.replace(`${says.page}?changed=1`);
  // Loaded anew because of a change and still of another opinion: not again before the next answer.
  mayReload = true;
}

function remember() {
  return keepState({ state: says.state, number, at: new Date(readAt).toISOString(), ahead });
}

// The session is over. With the cookie still there the code is shown on, as not current; else somebody signed out.
async function lead() {
  const answer = await fetch(says.keyOfDay, { cache: "no-store", redirect: "manual" });
  if (answer.type === "opaqueredirect") {
    document.body.hidden = true;
    await forget();
    location.replace(says.open);
    return;
  }
  part("signed-out").hidden = false;
  isReached = false;
}

async function answered() {
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    return await fetch(says.renew, { cache: "no-store", redirect: "manual", signal: stop.signal });
  } finally {
    clearTimeout(patience);
  }
}

// Returns after how long to ask again.
async function askOnce() {
  const answer = await answered();
  if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) {
    await lead();
    return LONGEST_RETRY_MS;
  }
  if (!answer.ok) {
    // It is there, and has no time just now: what was read last is as good as its age.
    failures += 1;
    return Math.max(Number(answer.headers.get("Retry-After")) * 1000, retry());
  }
  take(await answer.json());
  isReached = true;
  failures = 0;
  part("signed-out").hidden = true;
  return ASK_MS;
}

function retry() {
  return Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS / 2);
}

async function ask() {
  // Nobody looks at a hidden page; it asks when it is seen again.
  if (asking || document.hidden) return;
  asking = true;
  clearTimeout(next);
  let pause = ASK_MS;
  try {
    pause = await askOnce();
  } catch {
    failures += 1;
    isReached = false;
    pause = retry();
  }
  asking = false;
  tick();
  next = setTimeout(ask, jitter(pause));
}

function askUnlessJustRead() {
  if (!isReached || now() - readAt > JUST_READ_MS) ask();
  tick();
}

// A page from the worker's store is of another moment: whatever clock it was drawn by, this device's goes on.
async function recall() {
  const kept = await keptState();
  ahead = kept?.ahead ?? 0;
  isReached = false;
  const isSame = kept && kept.state === says.state && kept.number === number;
  if (isSame) readAt = Math.max(readAt, Date.parse(kept.at));
}

async function start() {
  const mark = location.search;
  if (mark) history.replaceState(null, "", says.page);
  const isKept = "kept" in document.documentElement.dataset;
  if (isKept) await recall();
  tick();
  setInterval(tick, 1000);
  if (isKept || now() - readAt > JUST_READ_MS) await ask();
  else next = setTimeout(ask, jitter(ASK_MS));
  loadMore();
  if (!isKept) {
    await keepPage(card, mark);
    await remember();
  }
}

window.addEventListener("online", ask);
window.addEventListener("offline", () => {
  isReached = false;
  tick();
});
document.addEventListener("visibilitychange", askUnlessJustRead);
// What a browser keeps to go back to quickly holds no code, and asks whose it is.
window.addEventListener("pagehide", () => { document.body.hidden = true; });
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
start();
