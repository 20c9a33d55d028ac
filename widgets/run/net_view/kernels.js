// The kernels of one channel: how it reads each channel of the layer before. See message.pack_kernels.

const numbers = (values) => Array.from(values, short).join(" ");

function kernelWords({ kernels: { layer, channel, inputs, count, height, width, step }, before }) {
  const cut = count < inputs ? ` (the first ${count} of them)` : "";
  const each = inputs === 1 || !before ? "" : `, one for each channel of ${before}${cut}`;
  return `${layer}, channel ${channel + 1}: ${inputs} ${inputs === 1 ? "kernel" : "kernels"}, ${height} × ${width}${each}. After step ${step}.`;
}

// The numbers of kernel `tile`; of a large one the weight at `cell`, if a pointer is on one.
function weightWords({ kernels: { inputs, height, width }, weights, before }, tile, cell) {
  const of = weights.subarray(tile * height * width, (tile + 1) * height * width);
  const over = inputs === 1 ? "over the input" : `over ${before || "the layer before"}, channel ${tile + 1}`;
  if (of.length <= 25) {
    const rows = Array.from({ length: height }, (_, row) => numbers(of.subarray(row * width, (row + 1) * width)));
    return `${over}: ${rows.join(" | ")}`;
  }
  const at = cell === undefined ? "" : `, row ${Math.floor(cell / width) + 1}, column ${(cell % width) + 1}: ${short(of[cell])}`;
  return `${over}: ${short(Math.min(...of))} to ${short(Math.max(...of))}${at}`;
}

function kernelGrid({ count, height, width }) {
  const side = height * width === 1 ? 14 : Math.max(22, Math.min(196, 7 * Math.max(height, width)));
  return { columns: Math.min(count, Math.max(1, Math.floor(300 / (side + 2)))), side };
}

// { root, show(message, weights, before), hide() }; `closed` is called when a person closes it.
function makeKernels({ closed }) {
  const root = part("div", "net-kernels net-over", { ariaLabel: "Kernels of one channel", hidden: true });
  root.setAttribute("role", "group");
  const head = part("p", "net-told");
  const canvas = part("canvas", "net-tiles", { tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.ariaLabel = "Kernels. Arrow keys go from one to the next.";
  const told = part("p", "net-told net-weights");
  const close = part("button", "net-button", { type: "button", textContent: "Close" });
  root.append(head, canvas, told, close);
  let [shown, marked, at] = [null, -1, undefined];

  function draw() {
    const { kernels, weights } = shown;
    const { columns, side } = kernelGrid(kernels);
    const { count, height, width } = kernels;
    const size = [columns * (side + 2) - 2, Math.ceil(count / columns) * (side + 2) - 2];
    [canvas.width, canvas.height] = size;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.strokeStyle = getComputedStyle(canvas).color;
    const scale = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) || 1;
    const one = new OffscreenCanvas(width, height);
    const inner = one.getContext("2d");
    for (let tile = 0; tile < count; tile++) {
      const [x, y] = [(tile % columns) * (side + 2), Math.floor(tile / columns) * (side + 2)];
      const image = inner.createImageData(width, height);
      for (let i = 0; i < width * height; i++) {
        const weight = weights[tile * width * height + i];
        paint(image.data, 4 * i, Number.isFinite(weight) ? 128 + Math.round((127 * weight) / scale) : 0);
      }
      inner.putImageData(image, 0, 0);
      context.drawImage(one, x, y, side, side);
      context.globalAlpha = tile === marked ? 1 : 0.22;
      context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
      context.globalAlpha = 1;
    }
  }
  const point = (tile, cell, byKey = false) => {
    [marked, at] = [tile, cell];
    told.ariaLive = byKey ? "polite" : "off"; // else it would be read out twice a second
    told.textContent = tile < 0 ? "Point at one for its numbers." : weightWords(shown, tile, cell);
    draw();
  };
  canvas.addEventListener("pointermove", (event) => {
    const { kernels } = shown;
    const grid = kernelGrid(kernels);
    const box = canvas.getBoundingClientRect();
    const [x, y] = [((event.clientX - box.left) * canvas.width) / box.width, ((event.clientY - box.top) * canvas.height) / box.height];
    const tile = tileAt(grid, kernels.count, x, y);
    const inside = (at, cells) => Math.min(cells - 1, Math.floor(((at % (grid.side + 2)) / grid.side) * cells));
    point(tile, inside(y, kernels.height) * kernels.width + inside(x, kernels.width));
  });
  canvas.addEventListener("keydown", (event) => {
    const { columns } = kernelGrid(shown.kernels);
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    if (!(event.key in by)) return;
    event.preventDefault();
    point(marked < 0 ? 0 : Math.min(shown.kernels.count - 1, Math.max(0, marked + by[event.key])), undefined, true);
  });
  const shut = () => {
    root.hidden = true;
    closed();
  };
  close.addEventListener("click", shut);
  root.addEventListener("keydown", (event) => event.key === "Escape" && shut());
  return {
    root,
    show(kernels, weights, before) {
      const same = shown && !root.hidden && shown.kernels.layer === kernels.layer && shown.kernels.channel === kernels.channel;
      shown = { kernels, weights, before };
      head.textContent = kernelWords(shown);
      root.hidden = false;
      point(same ? marked : -1, at);
      if (same) return;
      canvas.focus({ preventScroll: true });
      root.scrollIntoView({ block: "nearest" });
    },
    hide: () => (root.hidden = true),
  };
}
