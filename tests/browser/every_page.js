// What a page must keep in every mode: no scrolling sideways, targets that a finger hits, type that is large enough.
({ least, type }) => {
  const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().width > 0;
  const words = (one) => `${one.tagName.toLowerCase()}.${one.className.baseVal ?? one.className} “${one.textContent.trim().slice(0, 30)}”`;
  // A link in running text is as high as its line.
  const isInText = (one) => {
    if (getComputedStyle(one).display !== "inline") return false;
    const block = one.closest("p, li, dd, td, th, div, label");
    return block.textContent.trim().length > one.textContent.trim().length;
  };
  // A shape of a drawing, where a link of a table beside it leads to the same place.
  const isDrawn = (one) => one.closest("svg") && document.querySelectorAll(`a[href="${CSS.escape(one.getAttribute("href"))}"]`).length > 0;
  const target = (one) => (one.matches("[type=radio], [type=checkbox]") ? one.closest("label") ?? one : one).getBoundingClientRect();
  const controls = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary");
  const small = [...controls].filter(seen).filter((one) => !isInText(one) && !isDrawn(one)).map((one) => [one, target(one)])
    .filter(([, box]) => box.width < least - 0.5 || box.height < least - 0.5)
    .map(([one, box]) => `${words(one)} is ${box.width.toFixed()}×${box.height.toFixed()}`);
  const tiny = [];
  if (type) {
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const one = walker.currentNode.parentElement;
      const size = parseFloat(getComputedStyle(one).fontSize);
      const isRead = walker.currentNode.data.trim() && seen(one) && !one.closest("svg, .unseen, option, script, style, noscript");
      if (isRead && size < type - 0.1) tiny.push(`${words(one)} is ${size} px`);
    }
  }
  // A state is a shape and a word, never a colour alone.
  const bare = [...document.querySelectorAll(".state:is(.good, .warn, .bad)")].filter(seen)
    .filter((one) => !one.querySelector("svg") || !one.textContent.trim()).map((one) => `${words(one)} says it by colour alone`);
  const root = document.documentElement;
  const wide = root.scrollWidth > root.clientWidth
    ? [...document.querySelectorAll("body *")].filter(seen).filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1).map(words).slice(-3)
    : [];
  // What is loaded twice is weighed once: the code page hands what the browser has loaded to its worker's store.
  const loaded = performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"));
  const weights = new Map(loaded.map((one) => [one.name, one.decodedBodySize]));
  const bytes = [...weights.values()].reduce((sum, one) => sum + one, 0);
  return { small, tiny, bare, wide, scroll: root.scrollWidth - root.clientWidth, bytes, mode: root.dataset.mode };
}
