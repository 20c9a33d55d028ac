// The page's half of LiveFigure. Each model has a store (what the kernel has sent); each view draws its model's store.
// One module with the other scripts of this folder, which come before it (see __init__.py).

// ---- what the kernel sends

// One answer for all figures of a kernel: each costs it as much as an update of a figure.
function acknowledge(store) {
  const others = {};
  for (const other of page.stores) {
    if (other === store || other.kernel !== store.kernel || !(other.seq > other.acked)) continue;
    others[other.number] = other.acked = other.seq;
  }
  store.acked = store.seq;
  store.model.send({ type: "ack", seq: store.seq, others });
}

// All that a kernel tells one figure, or several at once.
function take(store, message, buffers) {
  const parts = message.type === "many" ? [...partsOf(message, buffers[0])] : [[store, message, buffers]];
  for (const [of, part, own] of parts) {
    try {
      receive(of, of.model, part, own);
    } catch (error) {
      for (const view of of.views) view.fail(error);
    }
  }
  const owing = parts.find(([of]) => of.seq >= of.acked + 2);
  if (owing) acknowledge(owing[0]);
}

function* partsOf({ kernel, parts }, buffer) {
  let start = buffer?.byteOffset ?? 0;
  for (const [number, part, bytes] of parts) {
    const own = bytes ? [new DataView(buffer.buffer, start, bytes)] : [];
    start += bytes;
    for (const store of page.stores) if (store.kernel === kernel && store.number === number) yield [store, part, own];
  }
}

function receive(store, model, message, buffers) {
  if (message.type === "library") return loadLibrary(buffers[0]);
  if (message.type === "dragged") return answerDrag(store, model);
  if (message.type === "zoomed") return answerZoom(store);
  if (["slide", "file", "unsaved"].includes(message.type)) return takeFile(store, message, buffers);
  const ask = () => {
    store.seen = undefined; // what was said of it may be lost too: it is said again after the answer
    model.send({ type: "ready" });
  };
  const resync = () => {
    if (!store.resyncing) ask();
    store.resyncing = true;
  };
  if (message.type === "ping") {
    if (store.seq === message.seq) model.send({ type: "ack", seq: store.seq });
    else ask(); // asked for again even while resyncing: that request may be what was lost
    return;
  }
  if (message.type === "draw") {
    const { data, layout } = unpack(message, floatsOf(buffers[0]));
    const [kernel, number] = message.me;
    Object.assign(store, { data, layout, kernel, number, grow: message.grow, resyncing: false });
    Object.assign(store, { detail: null, asked: "" }); // a chart that is zoomed asks again
  } else if (store.seq === null || message.seq <= store.seq) {
    return; // on its way before this page was ready: contained in the whole that comes
  } else if (message.seq !== store.seq + 1) {
    return resync();
  } else if (message.type === "detail") {
    const { span, grow } = message;
    store.detail = { span, grow, ...unpack({ data: message.data, layout: message.layout }, floatsOf(buffers[0])) };
  } else if (!message.span || sameSpan(store.detail?.span, message.span)) {
    append(message.span ? store.detail : store, message, floatsOf(buffers[0]));
  }
  store.seq = message.seq;
  if (message.type === "draw") {
    acknowledge(store);
    reportSight();
  }
  for (const view of store.views) redraw(view, message.type === "detail");
}

// ---- the widget

const liveFigure = () => {
  const store = { data: null, layout: null, grow: [], seq: null, acked: 0, resyncing: false };
  Object.assign(store, { views: new Set(), wishes: new Map() });

  function initialize({ model }) {
    store.model = model;
    model.on("msg:custom", (message, buffers) => take(store, message, buffers));
    page.stores.add(store);
    model.send({ type: "ready" });
    return () => {
      page.stores.delete(store);
      page.waiting.delete(model);
      if (page.asked === model) page.asked = null;
      askForLibrary();
    };
  }

  function render({ model, el }) {
    const life = new AbortController();
    const box = document.createElement("div");
    box.className = "live-figure-frame";
    box.innerHTML =
      '<div class="live-figure-bar"></div><div class="live-figure" role="figure"></div>' +
      '<div class="live-figure-note" role="status"></div>';
    const [bar, div, note] = box.children;
    div.setAttribute("aria-label", model.get("label"));
    el.style.minWidth = "0";
    el.append(box);
    note.textContent = "Loading the figure …";

    let Plotly = null;
    const view = { onScreen: false, width: 0, height: 0, small: false, whole: false, colours: null, chosen: {} };
    view.fail = (error) => {
      console.error("live figure:", error);
      note.textContent = `This figure cannot be drawn: ${error?.message ?? error}`;
      div.style.visibility = "hidden";
    };
    view.draw = async () => {
      if (!store.data || !Plotly || life.signal.aborted) return;
      try {
        view.colours ??= coloursOf(box);
        const { seq } = store;
        const first = !div._fullLayout; // drawn whole, so that plotly's buttons go back to that
        const span = first ? null : spanOf(store);
        if (span && lacksRows(store)) wantRows(store);
        if (!span) view.chosen = {};
        const figure = span ? zoomedFigure(store, span, view.chosen) : store;
        const data = figure.data.map((trace) => ({ ...trace })); // Plotly writes into them, at a click on the legend
        const config = { displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove };
        config.displayModeBar = view.small ? false : "hover";
        const shown = data.filter((trace) => trace.showlegend !== false && trace.type !== "heatmap");
        view.names = shown.map((trace) => trace.name ?? "");
        const layout = styled(figure.layout, view);
        if (view.whole) layout.meta = { ...layout.meta, whole: true };
        const far = !view.whole && clipFarPoints(data, layout);
        whole.hidden = !far && !view.whole;
        whole.textContent = view.whole ? "Without far points" : "Show far points";
        await Plotly.react(div, data, layout, config);
        if (first) {
          shareZoom(div, store, view);
          undoTooNarrow(Plotly, div, store);
          // Not on a touch of the legend, nor while a point is dragged: plotly tells of points only.
          div.on("plotly_click", ({ points: [{ x, y }] }) => model.get("clickable") && model.send({ type: "click", x, y }));
          div.on("plotly_relayout", ({ shapes }) => {
            const path = shapes?.at(-1)?.path;
            if (path && model.get("sketchable")) model.send({ type: "sketch", path });
          });
        }
        if (first && spanOf(store)) redraw(view);
        nameButtons(div);
        div.dataset.seq = seq;
        div.style.visibility = "";
        note.textContent = "";
      } catch (error) {
        if (!life.signal.aborted) view.fail(error);
      }
    };
    const sizeToModel = () => {
      measureView(view, box, bar, model);
      div.style.height = `${view.height}px`;
      redraw(view);
    };
    sizeToModel();
    letEnlarge(box, div, bar, model.get("label"), sizeToModel, life.signal);
    explainWords(bar, model.get("label"), model.get("words"));
    model.on("change:height", sizeToModel);
    // Drawn anew under the pointer, a figure would lose the reader's drag; Plotly takes its end right after these events.
    div.addEventListener("pointerdown", () => (view.held = true));
    for (const end of ["pointerup", "pointercancel"]) {
      addEventListener(end, () => view.held && setTimeout(() => pump((view.held = false))), { signal: life.signal });
    }
    letDrag(box, div, store, model);
    letArrows(div);
    const whole = Object.assign(document.createElement("button"), { type: "button", hidden: true });
    whole.className = "live-figure-whole";
    whole.title = "Some last points lie far outside of the axis: show them, or leave them out";
    whole.addEventListener("click", () => {
      view.whole = !view.whole;
      redraw(view);
    });
    bar.append(whole);
    letSave(bar, div, store, model, life.signal);
    const resized = new ResizeObserver(() => {
      const { width, height, small } = view;
      measureView(view, box, bar, model);
      if (width !== view.width || height !== view.height || small !== view.small) sizeToModel();
    });
    resized.observe(box);
    const seen = new IntersectionObserver(
      (entries) => {
        view.onScreen = entries.at(-1).isIntersecting;
        reportSight();
        pump();
      },
      { rootMargin: "200px" },
    );
    seen.observe(box);
    watchTheme(life.signal, () => {
      const colours = coloursOf(box);
      if (JSON.stringify(colours) === JSON.stringify(view.colours)) return;
      view.colours = colours;
      redraw(view);
    });

    store.views.add(view);
    page.plotly.then((loaded) => {
      Plotly = loaded;
      redraw(view);
    }, view.fail);
    if (!page.arrived) {
      page.waiting.add(model);
      askForLibrary();
    }
    return () => {
      life.abort();
      model.off("change:height", sizeToModel);
      store.views.delete(view);
      reportSight();
      page.queue.delete(view);
      resized.disconnect();
      seen.disconnect();
      if (Plotly) Plotly.purge(div);
    };
  }

  return { initialize, render };
};
