// The report on a visit: photos are made small on the phone, and shown; the report is sent without leaving the page, so
// that nothing is lost where there is no signal. Without this script the form is sent as every other.

const form = document.getElementById("report");
const button = form.querySelector("[data-send]");
const unsent = form.querySelector("[data-unsent]");
const out = form.querySelector("[data-out]");
const refused = form.querySelector("[data-refused]");
// The server makes them as small; a stairwell has little signal.
const LONGEST_SIDE = 1600;
const QUALITY = 0.85;
const words = button.textContent;

const photos = new Map();
let isSending = false;

async function shrink(input) {
  photos.delete(input.name);
  const preview = form.querySelector(`[data-preview="${input.name}"]`);
  preview.hidden = true;
  const file = input.files[0];
  if (!file) return;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    draw(preview, picture, 160);
    preview.hidden = false;
    const canvas = document.createElement("canvas");
    draw(canvas, picture, LONGEST_SIDE);
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    if (small && small.size < file.size && input.files[0] === file) photos.set(input.name, small);
  } catch {
    // No picture, or none that this browser reads: the server says so.
  }
}

function draw(canvas, picture, longest) {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
}

function filled() {
  const data = new FormData(form);
  for (const [name, small] of photos) data.set(name, small, `${name}.jpg`);
  return data;
}

function post() {
  return fetch(form.action, {
    method: "POST", body: filled(), redirect: "manual", headers: { Accept: "application/json" },
  });
}

// After a new sign-in in another window the form needs that session's token.
async function renewToken() {
  const answer = await fetch(form.dataset.again, { cache: "no-store", redirect: "manual" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const token = page.querySelector("#report [name=csrfmiddlewaretoken]");
  if (token) form.elements.csrfmiddlewaretoken.value = token.value;
}

async function send() {
  if (!navigator.onLine) {
    unsent.hidden = false;
    unsent.scrollIntoView({ block: "nearest" });
    return;
  }
  isSending = true;
  button.textContent = button.dataset.busy;
  button.setAttribute("aria-disabled", "true");
  unsent.hidden = out.hidden = refused.hidden = true;
  let answer = null;
  try {
    answer = await post();
    if (answer.status === 403) {
      await renewToken();
      answer = await post();
    }
    if (answer.type === "opaqueredirect") out.hidden = false;
    else if (answer.ok) {
      const { to } = await answer.json();
      leave(to);
      return;
    } else refused.hidden = false;
  } catch {
    unsent.hidden = false;
  }
  isSending = false;
  button.textContent = words;
  button.removeAttribute("aria-disabled");
  [out, refused, unsent].find((note) => !note.hidden).scrollIntoView({ block: "nearest" });
}

// Back leads to where one was before, never to a form that would be sent again.
function leave(to) {
  const here = new URL(to, location.href);
  if (here.pathname === location.pathname) {
    history.replaceState(null, "", here);
    location.reload();
  } else location.assign(here);
}

for (const input of form.querySelectorAll("input[type=file]")) input.addEventListener("change", () => shrink(input));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!isSending) send();
});
window.addEventListener("online", () => {
  if (!unsent.hidden && !isSending) send();
});
