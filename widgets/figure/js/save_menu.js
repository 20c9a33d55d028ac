// A chart's Save menu. The kernel makes the files; a PNG or SVG it sends as a figure in a slide's size, which the page
// draws out of sight.

const KINDS = {
  png: "PNG picture",
  svg: "SVG drawing",
  pdf: "PDF",
  html: "Web page (HTML)",
  csv: "Data as CSV",
  xlsx: "Data for Excel (XLSX)",
  json: "Data as JSON",
};
const PIXELS = 2; // of a PNG, for each CSS pixel of the slide

// The axes that the reader has zoomed, with y as it was fitted to that, and the traces that the reader has switched off. An
// axis that leaves out far points by itself is not zoomed: the kernel leaves them out, too, and says so.
function seenOn(div, original) {
  const ranges = {};
  const { clipped, whole } = div._fullLayout?.meta ?? {};
  for (const [name, axis] of Object.entries(div._fullLayout ?? {})) {
    const fitted = name[0] === "y" && (spanOf(original) || (whole && name === "yaxis"));
    if (!/^[xy]axis\d*$/.test(name) || (axis.autorange && !fitted)) continue;
    const ends = original.layout[name]?.range ?? (name === "yaxis" ? clipped : undefined);
    if (!ends || axis.range.some((end, i) => end !== ends[i])) ranges[name] = [...axis.range];
  }
  const hidden = (div._fullData ?? []).filter((trace) => trace.visible === "legendonly").map((trace) => trace.index);
  return { ranges, hidden };
}

function download(content, name, media) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: media }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function drawnSlide({ data, layout }, name) {
  const Plotly = await page.plotly;
  const format = name.split(".").pop();
  const { width, height } = layout;
  const options = { format, width, height, scale: format === "png" ? PIXELS : 1, imageDataOnly: true };
  const made = await Plotly.toImage({ data, layout, config: { plotlyServerURL: "" } }, options);
  if (format === "svg") return [made, "image/svg+xml"];
  return [Uint8Array.from(atob(made), (letter) => letter.charCodeAt(0)), "image/png"];
}

// An answer of the kernel: to a wish of this page, or (id "") to a button beside the charts.
async function takeFile(store, message, buffers) {
  const answer = store.wishes.get(message.id);
  store.wishes.delete(message.id);
  if (message.id && !answer) return; // another page has asked
  try {
    if (message.type === "unsaved") return answer?.(message.why, true);
    if (message.type === "file") {
      download(buffers[0] ?? "", message.name, message.media);
    } else {
      const [content, media] = await drawnSlide(unpack(message.figure, floatsOf(buffers[0])), message.name);
      download(content, message.name, media);
    }
    answer?.(`Saved ${message.name}`);
  } catch (error) {
    console.error("live figure:", error);
    answer?.(`It could not be saved: ${error?.message ?? error}`, true);
  }
}

function letSave(bar, div, store, model, signal) {
  const menu = document.createElement("details");
  menu.className = "live-figure-save";
  const label = model.get("label");
  menu.innerHTML = '<summary>Save</summary><div role="group"><div role="status"></div></div>';
  const [summary, group] = menu.children;
  const [told] = group.children;
  summary.setAttribute("aria-label", label ? `Save: ${label}` : "Save this chart");
  group.setAttribute("aria-label", "Save as");
  let waiting = 0;
  const tell = (words, bad = false) => {
    told.textContent = words;
    told.classList.toggle("live-figure-bad", bad);
  };
  const ask = (kind) => {
    const id = `${Date.now()}-${Math.random()}`;
    waiting += 1;
    tell("Working …");
    store.wishes.set(id, (words, bad) => {
      waiting -= 1;
      if (bad || !waiting) tell(words, bad);
    });
    model.send({ type: "save", id, kind, ...seenOn(div, store) });
  };
  for (const [kind, words] of Object.entries(KINDS)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", () => ask(kind));
    told.before(button);
  }
  const close = (event) => {
    if (!menu.open || (event.type === "pointerdown" && menu.contains(event.target))) return;
    if (event.type === "keydown" && event.key !== "Escape") return;
    menu.open = false;
    if (event.type === "keydown") summary.focus();
  };
  addEventListener("pointerdown", close, { signal, capture: true });
  menu.addEventListener("keydown", close);
  menu.addEventListener("toggle", () => menu.open && !waiting && tell(""));
  const show = () => (menu.hidden = !model.get("savable"));
  show();
  model.on("change:savable", show);
  signal.addEventListener("abort", () => model.off("change:savable", show));
  bar.append(menu);
}
