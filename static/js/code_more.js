// What the code can be shown without (reasons, family, language and type size): loaded after it, and sent away first when
// many people ask at once. Then the page says so and asks again later.

const AGAIN_MS = 30_000;
const SPREAD_MS = 30_000;

const slot = document.querySelector("[data-more]");
const later = document.querySelector("[data-more-later]");

export async function loadMore() {
  let answer = null;
  try {
    answer = await fetch(slot.dataset.more, { cache: "no-store", redirect: "manual" });
  } catch {
    return;
  }
  later.hidden = answer.status !== 503;
  if (answer.ok) put(await answer.text());
  else if (answer.status === 503) {
    const wanted = Number(answer.headers.get("Retry-After")) * 1000 || AGAIN_MS;
    setTimeout(loadMore, wanted + Math.random() * SPREAD_MS);
  }
}

function put(text) {
  slot.innerHTML = text;
  const tools = slot.querySelector("[data-tools]");
  if (tools) document.querySelector(".frame-line [data-tools]").replaceWith(tools);
}
