// Says in the frame when the network is gone, and keeps a form on the page instead of sending it into nothing.

const notice = document.querySelector("[data-offline]");

function tell() {
  // Set only on a change: the line is read aloud by screen readers.
  if (notice.hidden !== navigator.onLine) notice.hidden = navigator.onLine;
}

function keep(event) {
  if (navigator.onLine || event.defaultPrevented) return;
  event.preventDefault();
  tell();
  notice.scrollIntoView({ block: "nearest" });
}

window.addEventListener("online", tell);
window.addEventListener("offline", tell);
document.addEventListener("submit", keep);
tell();
