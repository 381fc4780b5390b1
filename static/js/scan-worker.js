// Reads QR codes from pictures of the camera, off the page's own thread. Its own answer's policy lets it compile
// WebAssembly; the page's does not.

let ready = null;

const OPTIONS = {
  formats: ["QRCode"],
  tryHarder: true,
  tryInvert: true,
  // The text as it stands in the code: a token may hold spaces.
  textMode: "Plain",
  maxNumberOfSymbols: 4,
};

function load({ library, wasm }) {
  importScripts(library);
  ready = ZXingWASM.prepareZXingModule({
    // The library would ask a CDN.
    overrides: { locateFile: () => wasm },
    fireImmediately: true,
  });
  return ready;
}

async function read({ pixels, width, height }) {
  await ready;
  const found = await ZXingWASM.readBarcodes(new ImageData(new Uint8ClampedArray(pixels), width, height), OPTIONS);
  return found.filter((one) => one.isValid).map((one) => one.text);
}

self.addEventListener("message", async ({ data }) => {
  try {
    if (data.library) {
      await load(data);
      self.postMessage({ ready: true });
    } else {
      self.postMessage({ texts: await read(data) });
    }
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
});
