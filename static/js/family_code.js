// A family member's code: the page is drawn anew every period, while somebody looks at it and the network is there.

const period = Number(document.getElementById("code").dataset.period) * 1000;

function renew() {
  if (!document.hidden && navigator.onLine) location.reload();
}

setInterval(renew, period);
document.addEventListener("visibilitychange", renew);
