// Makes a phone's token as healthcode/tokens.py does: 16 bytes that say which key, whose code and which half minute, the
// first 16 of their HMAC under the person's key of the day, all as 48 characters of base45. A space is one of them.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const VERSION = 1;
const SIGNED_BYTES = 16;
const TAG_BYTES = 16;

// Absent where a page came by plain http from another machine.
export const canMake = Boolean(globalThis.crypto?.subtle);

function bytes(hex) {
  return Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
}

function base45(raw) {
  let text = "";
  for (let at = 0; at < raw.length; at += 2) {
    const value = raw[at] * 256 + raw[at + 1];
    text += ALPHABET[value % 45] + ALPHABET[Math.floor(value / 45) % 45] + ALPHABET[Math.floor(value / 2025)];
  }
  return text;
}

// `key`: number and key in hexadecimal, the key's id; `counter`: half minutes since 1970.
export async function makeToken({ number, keyId, key }, counter) {
  const raw = new Uint8Array(SIGNED_BYTES + TAG_BYTES);
  raw.set([VERSION, keyId]);
  raw.set(bytes(number), 2);
  raw.set(bytes(counter.toString(16).padStart(12, "0")), 10);
  const secret = await crypto.subtle.importKey("raw", bytes(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const tag = await crypto.subtle.sign("HMAC", secret, raw.subarray(0, SIGNED_BYTES));
  raw.set(new Uint8Array(tag, 0, TAG_BYTES), SIGNED_BYTES);
  return base45(raw);
}
