// Points that a person moves with the pointer: those of traces with meta {drag: "x"}, "y" or "xy". The page only asks;
// the kernel decides where the point goes and draws. One request at a time is on its way, and the newest place replaces
// one that still waits, so that a fast drag leaves no queue of stale places behind. Comes before live_figure.js.

const REACH = 22; // CSS pixels: half of the smallest target that a finger hits

function axesOf(div, trace) {
  const named = (id) => div._fullLayout[id.replace(/^[xy]/, "$&axis")];
  return [named(trace.xaxis), named(trace.yaxis)];
}

// The nearest point that can be dragged, or null.
function pointAt(div, event) {
  const corner = div.getBoundingClientRect();
  let best = null;
  for (const trace of div._fullData ?? []) {
    const ways = trace.visible === true && trace.meta?.drag;
    if (!ways) continue;
    const axes = axesOf(div, trace);
    for (let point = 0; point < trace.x.length; point++) {
      const at = axes.map((axis, i) => axis._offset + axis.d2p(trace["xy"[i]][point]));
      const distance = Math.hypot(event.clientX - corner.x - at[0], event.clientY - corner.y - at[1]);
      if (distance <= (best?.distance ?? REACH)) best = { trace, point, ways, axes, distance };
    }
  }
  return best;
}

// Where the pointer is on the point's axes, not beyond their ends; the point's own place on an axis it cannot move along.
function placeOf(div, { trace, point, ways, axes }, event) {
  const corner = div.getBoundingClientRect();
  const [x, y] = axes.map((axis, i) => {
    if (!ways.includes("xy"[i])) return trace["xy"[i]][point];
    const pixel = i ? event.clientY - corner.y : event.clientX - corner.x;
    return axis.p2d(Math.min(Math.max(pixel - axis._offset, 0), axis._length));
  });
  return { type: "drag", trace: trace.name, point, x, y };
}

function sendDrag(store, model) {
  if (store.dragSent || !store.dragTo) return;
  model.send(store.dragTo);
  Object.assign(store, { dragSent: true, dragTo: null });
}

function answerDrag(store, model) {
  store.dragSent = false;
  sendDrag(store, model);
}

// Before Plotly sees the events, which would zoom.
function letDrag(box, div, store, model) {
  let grabbed = null;
  const move = (event) => {
    store.dragTo = placeOf(div, grabbed, event);
    sendDrag(store, model);
  };
  const take = (event) => {
    event.preventDefault(); // no mouse events of it, no scrolling by touch
    event.stopPropagation();
  };
  box.addEventListener(
    "pointerdown",
    (event) => {
      // Not of the Save menu, which may lie over points.
      grabbed = event.button === 0 && div.contains(event.target) ? pointAt(div, event) : null;
      if (!grabbed) return;
      take(event);
      box.setPointerCapture(event.pointerId);
      store.dragSent = false; // an answer that was lost holds up one drag only
    },
    { capture: true },
  );
  box.addEventListener("touchstart", (event) => grabbed && take(event), { capture: true, passive: false });
  box.addEventListener("pointermove", (event) => {
    if (grabbed) move(event);
    else box.classList.toggle("live-figure-grab", event.buttons === 0 && pointAt(div, event) !== null);
  });
  for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, () => (grabbed = null));
}
