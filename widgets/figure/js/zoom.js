// A zoom along x is one for all charts of a run: those whose layout has meta.zoom and the same uirevision. Their traces are
// cut to it, so that plotly fits y to what is in it. Where a figure was thinned, the kernel is asked for the span's rows.
// The first part is pure functions, tested without a page.

const sameSpan = (a, b) => Boolean(a && b) && a[0] === b[0] && a[1] === b[1];

// The part of a trace over [low, high]: a heatmap with the column on either side, of which a part may be seen; a line
// with its neighbours only where there are not two points between them.
function cutTrace(trace, [low, high]) {
  const { x, type } = trace;
  if (!x?.length || typeof x[0] !== "number") return trace;
  let first = 0;
  let end = x.length;
  while (first < end && !(x[first] >= low)) first++;
  while (end > first && !(x[end - 1] <= high)) end--;
  const between = first > 0 && end < x.length && end - first < 2 && !trace.mode?.startsWith("markers");
  if (type === "heatmap" || between) [first, end] = [Math.max(first - 1, 0), Math.min(end + 1, x.length)];
  if (end - first === x.length) return trace;
  const part = (array) => array.slice(first, end);
  if (type === "heatmap") return { ...trace, x: part(x), z: trace.z.map(part) };
  // Without a point a trace would vanish from the legend.
  if (first === end) return { ...trace, x: [NaN], y: [NaN] };
  return { ...trace, x: part(x), y: part(trace.y) };
}

// Whether there is something to fit an axis to: numbers that differ.
function fits(traces) {
  let low = Infinity;
  let high = -Infinity;
  for (const { y, type } of traces) {
    if (type === "heatmap") return false;
    for (const value of y ?? []) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return low < high;
}

// A figure's data and layout over a span: of its detail's rows if that is the span's. chosen: y axis -> range, of those
// that the reader has zoomed. An axis's own uirevision has plotly take what stands here, not what it was dragged to.
function zoomedFigure(store, span, chosen) {
  const near = sameSpan(store.detail?.span, span) ? store.detail : store;
  const data = near.data.map((trace) => cutTrace(trace, span));
  const own = { autorange: false, uirevision: `${store.layout.uirevision} ${span}` };
  const layout = { ...store.layout, yaxis: store.layout.yaxis ?? {} };
  layout.xaxis = { ...store.layout.xaxis, ...near.layout.xaxis, ...own, range: [...span] };
  for (const name of Object.keys(layout).filter((key) => /^yaxis\d*$/.test(key))) {
    const { range, rangemode, ...axis } = layout[name];
    if (chosen[name]) layout[name] = { ...layout[name], ...own, range: [...chosen[name]] };
    else if (fits(data.filter((trace) => (trace.yaxis ?? "y") === name.replace("axis", "")))) {
      layout[name] = { ...axis, ...own, autorange: true };
    }
  }
  return { data, layout };
}

// What the reader chose: [low, high], null for all of it, undefined if the change is none of x.
function chosenRange(change) {
  if (change["xaxis.autorange"]) return null;
  const ends = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
  return ends.includes(undefined) ? undefined : ends.map(Number).sort((a, b) => a - b);
}

// ---- the page

const zoomOf = (store) => (store.layout?.meta?.zoom ? store.layout.uirevision : null);

// The span that a figure is zoomed to, or null.
const spanOf = (store) => (page.zoom && page.zoom.key === zoomOf(store) ? page.zoom.span : null);

function shareZoom(div, store, view) {
  // Plotly's buttons zoom both axes, and a drag in its mode "pan" moves both: y is fitted all the same.
  const onButton = ({ target }) => (view.byButton = Boolean(target.closest?.('[data-attr="zoom"]')));
  div.addEventListener("click", onButton, { capture: true });
  div.on("plotly_relayout", (change) => {
    const key = zoomOf(store);
    const span = chosenRange(change);
    if (key === null) return;
    const fitted = view.byButton || (span && div._fullLayout.dragmode === "pan");
    view.byButton = false;
    for (const name of Object.keys(change)) {
      const [axis] = name.match(/^yaxis\d*/) ?? [];
      if (!axis) continue;
      if (fitted || name.endsWith("autorange")) delete view.chosen[axis];
      else view.chosen[axis] = [...div._fullLayout[axis].range];
    }
    if (span === undefined) return;
    page.zoom = span && { key, span };
    clearTimeout(rowRequests.timer);
    rowRequests.timer = null;
    for (const other of new Set([store, ...page.stores])) {
      for (const each of other.views) redraw(each, each === view);
      if (!spanOf(other)) other.detail = null;
      if (lacksRows(other) && (!spanOf(other) || [...other.views].some((each) => each.onScreen))) wantRows(other);
    }
  });
}

// ---- asking the kernel for a span's rows: when the zoom has rested, once at a time, the newest span then

const RESTED = 150; // ms
const LOST = 10_000; // ms after which an answer is no longer waited for

// Of the page: the stores that want rows, when each kernel was asked, the timer of the next look.
const rowRequests = (page.rowRequests ??= { wanted: new Set(), asked: new Map(), timer: null });

const keyOf = (store) => spanOf(store)?.join() ?? "";

const lacksRows = (store) => keyOf(store) !== (store.asked ?? "");

function wantRows(store) {
  rowRequests.wanted.add(store);
  rowRequests.timer ??= setTimeout(askForRows, RESTED);
}

function askForRows() {
  rowRequests.timer = null;
  const requests = new Map();
  for (const store of [...rowRequests.wanted]) {
    if (performance.now() - (rowRequests.asked.get(store.kernel) ?? -LOST) < LOST) continue; // its answer asks again
    rowRequests.wanted.delete(store);
    if (!store.kernel || !lacksRows(store)) continue;
    store.asked = keyOf(store);
    const to = `${store.kernel} ${store.asked}`;
    if (!requests.has(to)) requests.set(to, { store, range: spanOf(store), figures: [] });
    requests.get(to).figures.push(store.number);
  }
  for (const { store, range, figures } of requests.values()) {
    try {
      store.model.send({ type: "zoom", range, figures });
      rowRequests.asked.set(store.kernel, performance.now());
    } catch (error) {
      console.warn("live figure: the kernel does not know of a zoom", error); // it has gone: the thinned rows stay
    }
  }
}

function answerZoom(store) {
  rowRequests.asked.delete(store.kernel);
  if (rowRequests.wanted.size) askForRows();
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
