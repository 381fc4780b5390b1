// The code page: ticks the server's clock and takes a fresh picture every period, without loading the page anew. It is
// loaded anew only when the code says something else now, or nobody is signed in any more.

const card = document.getElementById("code");
const period = Number(card.dataset.period) * 1000;
const RETRY_MS = 5000;
const PATIENCE_MS = 15000;

const wording = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });
const clockDay = card.querySelector("[data-clock]").firstChild;
const clockTime = card.querySelector("[data-clock] b");
const failed = card.querySelector("[data-failed]");

// How far the server's clock is ahead of this device's; the first renewal tells it to the second.
let ahead = Date.parse(card.dataset.at) - Date.now();
let renewedAt = Date.parse(card.dataset.at);
let renewing = false;
let next = 0;

function tick() {
  const [day, time] = wording.format(new Date(Date.now() + ahead)).split(" ");
  clockDay.data = `${day} `;
  clockTime.textContent = time;
}

function draw(bitmap) {
  let canvas = card.querySelector("canvas");
  if (!canvas) {
    const picture = card.querySelector("img");
    canvas = document.createElement("canvas");
    canvas.className = picture.className;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", picture.alt);
    picture.replaceWith(canvas);
  }
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
}

async function fetchPicture() {
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(card.dataset.picture, { cache: "no-store", redirect: "manual", signal: stop.signal });
    const isOurs = answer.type !== "opaqueredirect" && ![403, 404].includes(answer.status);
    if (isOurs && !answer.ok) throw new Error(answer.statusText);
    if (!isOurs || answer.headers.get("X-Code-State") !== card.dataset.state) {
      location.reload();
      return;
    }
    draw(await createImageBitmap(await answer.blob()));
    renewedAt = Date.parse(answer.headers.get("X-Code-Time"));
    ahead = renewedAt - Date.now();
  } finally {
    clearTimeout(patience);
  }
}

async function renew() {
  // Nobody looks at a hidden page; it is renewed when it is seen again.
  if (renewing || document.hidden) return;
  renewing = true;
  clearTimeout(next);
  let pause = period;
  try {
    await fetchPicture();
    failed.hidden = true;
  } catch {
    pause = RETRY_MS;
    failed.querySelector("[data-renewed]").textContent = wording.format(new Date(renewedAt)).split(" ")[1];
    failed.hidden = false;
  }
  renewing = false;
  tick();
  next = setTimeout(renew, pause);
}

tick();
setInterval(tick, 1000);
if (window.createImageBitmap) {
  next = setTimeout(renew, period);
  window.addEventListener("online", renew);
  document.addEventListener("visibilitychange", renew);
} else {
  setTimeout(() => location.reload(), period);
}
