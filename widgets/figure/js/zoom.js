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
