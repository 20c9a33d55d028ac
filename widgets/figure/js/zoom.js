// A zoom along x is one for all charts of a run: those whose layout has meta.zoom and the same uirevision.

const zoomOf = (store) => (store.layout?.meta?.zoom ? store.layout.uirevision : null);

// What the reader chose: [low, high], null for all of it, undefined if the change is none of x.
function chosenRange(change) {
  if (change["xaxis.autorange"]) return null;
  if (change["xaxis.range"]) return [...change["xaxis.range"]];
  const ends = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  return ends.includes(undefined) ? undefined : ends;
}

function shareZoom(div, store) {
  div.on("plotly_relayout", (change) => {
    const key = zoomOf(store);
    const range = chosenRange(change);
    if (key === null || range === undefined || div.dataset.zooming) return;
    page.zoom = { key, range };
    for (const other of page.stores) if (other !== store) other.views.forEach(redraw);
  });
}

async function applyZoom(Plotly, div, store) {
  const { key, range } = page.zoom ?? {};
  if (key === undefined || zoomOf(store) !== key) return;
  const axis = div._fullLayout.xaxis;
  if (range ? axis.range.every((end, i) => end === range[i]) : axis.autorange) return;
  div.dataset.zooming = "yes";
  try {
    await Plotly.relayout(div, range ? { "xaxis.range": range } : { "xaxis.autorange": true });
  } finally {
    delete div.dataset.zooming;
  }
}

// Ends as near to each other as floats can tell apart leave an axis without a tick, on which plotly's drawing fails.
const NARROW = 1e-12;

function undoTooNarrow(Plotly, div, store) {
  div.on("plotly_relayout", () => {
    const undo = {};
    for (const [name, axis] of Object.entries(div._fullLayout)) {
      if (!/^[xy]axis\d*$/.test(name) || axis.autorange) continue;
      const [low, high] = axis.range.map(Number);
      if (!(Math.abs(high - low) < Math.max(NARROW * Math.max(Math.abs(low), Math.abs(high)), 1e-200))) continue;
      const drawn = store.layout[name]?.range;
      if (drawn) undo[`${name}.range`] = [...drawn];
      else undo[`${name}.autorange`] = true;
    }
    if (Object.keys(undo).length) Plotly.relayout(div, undo);
  });
}
