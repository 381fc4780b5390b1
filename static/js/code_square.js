// The square that a gate reads: drawn here from the token, or fetched as a picture where this browser cannot make one.

import { encode } from "../vendor/uqr/uqr.js";
import { canMake, makeToken } from "./code_token.js";

const MARGIN = 4;
const MODULE = 10;

function element(square, tag, label) {
  let found = square.querySelector(tag);
  if (!found) {
    found = document.createElement(tag);
    found.className = "code-picture";
    if (tag === "canvas") {
      found.setAttribute("role", "img");
      found.setAttribute("aria-label", label);
    } else found.alt = label;
    square.replaceChildren(found);
  }
  return found;
}

function draw(canvas, text) {
  const { data, size } = encode(text, { ecc: "M", border: MARGIN });
  canvas.width = canvas.height = size * MODULE;
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  paper.fillStyle = "#000";
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      if (data[row][column]) paper.fillRect(column * MODULE, row * MODULE, MODULE, MODULE);
    }
  }
}

export async function renewSquare(card, key, counter) {
  const square = card.querySelector("[data-square]");
  if (canMake) draw(element(square, "canvas", card.dataset.label), await makeToken(key, counter));
  else element(square, "img", card.dataset.label).src = `${card.dataset.picture}?${counter}`;
}
