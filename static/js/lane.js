// A check by hand, on a network that may fail: the form stays on the page, with its photo, until there is an answer.
// Without this script the form is sent as any other.

const form = document.querySelector("[data-lane]");
const lost = document.querySelector("[data-notice=lost]");
const PATIENCE_MS = 30000;

// Shows what came back in the place of the form's content, with the files that were chosen.
function redraw(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const main = fresh.querySelector("[data-lane]");
  if (!main) return false;
  for (const field of form.querySelectorAll("input[type=file]")) {
    if (field.files.length) main.querySelector(`[name="${field.name}"]`)?.replaceWith(field);
  }
  main.querySelector("[data-files-forgotten]")?.remove();
  form.replaceChildren(...main.childNodes);
  document.title = fresh.title;
  form.querySelector("[role=alert], .field-error")?.scrollIntoView({ block: "center" });
  return true;
}

async function send(event) {
  event.preventDefault();
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  lost.hidden = true;
  try {
    const options = { method: "POST", body: new FormData(form, event.submitter), cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
    const response = await fetch(form.action, options);
    if (response.status >= 500) throw new Error(response.statusText);
    if (response.redirected || !redraw(await response.text())) location.assign(response.redirected ? response.url : form.action);
  } catch (error) {
    console.warn(error);
    lost.hidden = false;
    lost.scrollIntoView({ block: "nearest" });
  }
  delete form.dataset.sending;
}

form.addEventListener("submit", send);
