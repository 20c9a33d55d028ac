// How a figure takes on the page that it stands on: its width, and its colours, whatever gives them, be it JupyterLab's
// or voila's variables, the page's own style, or the browser's setting. Comes before live_figure.js, in one module with it.

let pixel = null;

function rgba(colour) {
  pixel ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return pixel.getImageData(0, 0, 1, 1).data;
}

const css = ([r, g, b], alpha = 1) => `rgba(${r},${g},${b},${alpha})`;

function luminance([r, g, b]) {
  const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

// What the browser paints under a page without a background: white, or dark where the page's color-scheme allows it.
function canvasColour(el) {
  const probe = document.createElement("i");
  probe.style.color = "Canvas";
  el.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function coloursOf(el) {
  let ground = null;
  for (let at = el; at && !ground; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] > 127) ground = colour;
  }
  ground ??= rgba(canvasColour(el));
  const style = getComputedStyle(el);
  const offered = [style.getPropertyValue("--jp-content-font-color1").trim(), style.color].filter(Boolean).map(rgba);
  // A page may set its background and leave the variables of the other theme in place.
  const plain = luminance(ground) > 0.18 ? [34, 34, 34] : [225, 225, 225];
  const text = offered.find((colour) => contrast(colour, ground) >= 4.5) ?? plain;
  return { text: css(text), grid: css(text, 0.14), zero: css(text, 0.35), faint: css(text, 0.6), ground: css(ground) };
}

// Letters grow with the window, for a projector's sake.
const letters = (least, most) => Math.round(Math.min(most, Math.max(least, (innerWidth / 1440) * least)));

function templateOf({ text, grid, zero, faint, ground }) {
  const axis = { gridcolor: grid, zerolinecolor: zero, linecolor: zero, tickcolor: zero, automargin: true };
  return {
    layout: {
      font: { color: text, family: "system-ui, sans-serif", size: letters(12, 16) },
      title: { yref: "container", y: 1, yanchor: "top", pad: { t: 10 }, font: { size: letters(15, 20) } },
      xaxis: axis,
      yaxis: axis,
      legend: { bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: { bgcolor: ground, bordercolor: faint, font: { color: text } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: faint, activecolor: text },
      annotationdefaults: { font: { color: text }, arrowcolor: faint },
      shapedefaults: { line: { color: faint } },
      margin: { l: 56, r: 16, t: 40, b: 44 },
    },
  };
}

function watchTheme(signal, check) {
  const observer = new MutationObserver(check);
  for (const root of [document.documentElement, document.body]) observer.observe(root, { attributes: true });
  observer.observe(document.head, { childList: true, subtree: true, characterData: true });
  signal.addEventListener("abort", () => observer.disconnect());
  document.head.addEventListener("load", check, { capture: true, signal }); // a theme's style sheet, arrived
  document.addEventListener("transitionend", check, { signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", check, { signal });
}

// Title, plot and a legend of as few rows as its names need, in small letters; the pointer enlarges, and does not zoom.
function makeSmall(layout, original, view) {
  const size = letters(10, 14);
  const names = view.names.map((name) => name.replace(/<[^>]*>/g, "").length * size * 0.58 + 38);
  const rows = layout.showlegend === false ? 0 : Math.ceil(names.reduce((sum, wide) => sum + wide, 0) / (view.width - 5 * size));
  const above = (original.annotations ?? []).filter((note) => note.yref === "paper" && note.y >= 1 && note.text);
  const lines = original.margin?.t > 60 ? 2 : Math.min(above.length, 1); // of words under its title
  Object.assign(layout, { dragmode: false, font: { size }, hoverlabel: { ...layout.hoverlabel, font: { size } } });
  layout.title = { ...layout.title, font: { size: size + 2 }, pad: { t: 5, l: 8 } };
  layout.legend = { ...layout.legend, font: { size }, indentation: -7, xref: "container", x: 0.02, itemclick: false, itemdoubleclick: false };
  layout.margin = { l: 4 * size, r: size, t: (2.4 + 1.6 * lines) * size, b: (3.1 + 1.5 * rows) * size };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
    const axis = layout[name];
    const title = axis.title && { ...axis.title, ...(name[0] === "y" && { standoff: 2 }), font: { size } };
    layout[name] = { ...axis, fixedrange: true, tickfont: { size }, ...(title && { title }) };
  }
  layout.annotations = layout.annotations?.map((note) => ({ ...note, font: { ...note.font, size: size - 1 } }));
}

// A figure's layout, in the page's colours and at the view's size.
function styled(original, view) {
  const layout = structuredClone(original);
  const clear = "rgba(0,0,0,0)";
  Object.assign(layout, { width: view.width, height: view.height, paper_bgcolor: clear, plot_bgcolor: clear });
  layout.template = templateOf(view.colours);
  if (view.width < 480 && layout.legend?.orientation !== "h") {
    const above = { orientation: "h", x: 0, xanchor: "left", y: 1, yref: "paper", yanchor: "bottom" };
    layout.legend = { ...layout.legend, ...above }; // beside the plot it would take half of a phone's width
  }
  for (const [name, axis] of Object.entries(layout)) {
    // By its standoff plotly places an x-axis's title below the tick labels: nowhere, where a zoom has left none.
    if (/^xaxis/.test(name)) delete axis.title?.standoff;
  }
  if (view.small) makeSmall(layout, original, view);
  // A swipe scrolls the page; zooming and panning are buttons of the figure, and a choice of them stays.
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) layout.transition = { duration: 0 };
  return layout;
}
