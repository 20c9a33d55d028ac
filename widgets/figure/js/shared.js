// What must be one for the whole page, whatever the number of figures: plotly's script, the queue of drawings, and the
// names of sliders.

const page = (globalThis[Symbol.for("foundations-lab/live-figure/3")] ??= makePage());

function makePage() {
  const made = { id: Math.random().toString(36).slice(2), reporting: false };
  Object.assign(made, { waiting: new Set(), asked: null, arrived: false, queue: new Set(), drawing: false, stores: new Set() });
  made.plotly = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.plotly.catch((error) => console.error("live figure: no chart library", error));
  document.addEventListener("visibilitychange", () => {
    pump();
    reportSight();
  });
  addEventListener("pagehide", () => sendSight(() => false));
  nameSliders();
  letEscapeHideWords();
  return made;
}

// ---- plotly's script: the first figure shown asks for it, all figures use it

function askForLibrary(delay = 30_000) {
  const [model] = page.waiting;
  if (!model || page.asked === model) return;
  page.asked = model;
  model.send({ type: "library" });
  setTimeout(() => {
    if (page.asked !== model) return;
    page.asked = null; // the request or its answer may be lost, or the kernel busy: ask again, ever more rarely
    askForLibrary(2 * delay);
  }, delay);
}

async function loadLibrary(gzipped) {
  if (page.arrived) return; // asked for twice
  page.arrived = true;
  page.waiting.clear();
  page.asked = null;
  try {
    if (!globalThis.DecompressionStream) throw new Error("this browser is too old: it has no DecompressionStream");
    const stream = new Blob([gzipped]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = await new Response(stream).text();
    // plotly's file exports by CommonJS where there is a `module`, and would otherwise depend on the page's loader.
    const parts = ["const module = { exports: {} };\n", script, "\nexport default module.exports;"];
    const url = URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
    page.resolve((await import(url)).default);
    URL.revokeObjectURL(url);
  } catch (error) {
    page.reject(error);
  }
}

// ---- drawing: each figure that waits once, then as long a pause as that took, so that half of the time stays free

const frame = () => new Promise(requestAnimationFrame);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function pump() {
  if (page.drawing) return;
  page.drawing = true;
  const round = new Set();
  let took = 0;
  while (!document.hidden) {
    const ready = [...page.queue].filter((view) => view.onScreen && view.width > 0 && !view.held);
    const view = ready.find((view) => view.urgent) ?? ready.find((view) => !round.has(view));
    if (!view && !round.size) break;
    if (!view) {
      await Promise.race([pause(took), new Promise((resolve) => (page.hurry = resolve))]);
      round.clear();
      took = 0;
      continue;
    }
    round.add(view);
    view.urgent = false;
    page.queue.delete(view);
    const start = performance.now();
    await view.draw();
    const drawn = performance.now();
    await frame();
    const painting = performance.now();
    await pause(0); // what came in meanwhile, a pointer's movement, goes first
    took += drawn - start + performance.now() - painting;
  }
  page.drawing = false;
}

// A person who acts waits for what it does: the pause after the last round ends.
if (!page.hurried) {
  page.hurried = true;
  for (const act of ["pointerdown", "keydown"]) addEventListener(act, () => page.hurry?.(), { capture: true });
}

// ---- which figures are in sight: the kernel updates the others rarely. Changes within a moment are sent together

function reportSight() {
  if (page.reporting) return;
  page.reporting = true;
  setTimeout(() => {
    page.reporting = false;
    sendSight((view) => !document.hidden && view.onScreen);
  }, 50);
}

function sendSight(isSeen) {
  const kernels = new Map();
  for (const store of page.stores) {
    const seen = [...store.views].some(isSeen);
    if (!store.kernel || store.seen === seen) continue;
    store.seen = seen;
    if (!kernels.has(store.kernel)) kernels.set(store.kernel, [store.model, {}]);
    kernels.get(store.kernel)[1][store.number] = seen;
  }
  for (const [model, figures] of kernels.values()) {
    try {
      model.send({ type: "seen", page: page.id, figures });
    } catch (error) {
      // It has gone, as when a page is left; there may be others.
      console.warn("live figure: the kernel does not know what is in sight", error);
    }
  }
}

// urgent: before all others, and without a pause: it is what the reader has just zoomed.
function redraw(view, urgent = false) {
  page.queue.add(view);
  view.urgent ||= urgent;
  if (urgent) page.hurry?.();
  pump();
}
