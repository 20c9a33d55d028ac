// The pad on which a person draws a picture for the net: by mouse, finger, pen, or from the keyboard.

const ZOOM = 10; // pixels of the canvas along a cell

// { root, canvas, show(open), mark(drawn, says), empty() }; `changed(cells)` is called at each change.
function makePad({ changed, back, closed }) {
  const cells = new Uint8Array(SIDE * SIDE);
  const root = part("div", "net-pad net-over", { ariaLabel: "Draw a picture for the net", hidden: true });
  root.setAttribute("role", "group");
  const canvas = part("canvas", "net-sheet", { width: SIDE * ZOOM, height: SIDE * ZOOM, tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.ariaLabel = "Drawing, 28 × 28 cells. Arrow keys move the cursor, Space or Enter paints, Delete erases.";
  const told = part("small", "net-pad-told", { textContent: "Draw here; or arrow keys, Space, Delete." });
  told.ariaLive = "polite";
  const says = part("b", "net-pad-says", { textContent: "\u00a0" });
  const button = (text) => part("button", "net-button", { type: "button", textContent: text });
  const [erase, clear, use, close] = ["Erase", "Clear", "Use my drawing", "Close"].map(button);
  erase.setAttribute("aria-pressed", "false");
  const buttons = part("div", "net-pad-buttons");
  buttons.append(erase, clear, use, close);
  root.append(canvas, says, told, buttons);
  let cursor = { row: 14, column: 14 };
  let [keys, last, drawn] = [false, null, false];

  function paintSheet() {
    const context = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = style.color;
    cells.forEach((value, i) => {
      if (!value) return;
      context.globalAlpha = value / 255;
      context.fillRect((i % SIDE) * ZOOM, Math.floor(i / SIDE) * ZOOM, ZOOM, ZOOM);
    });
    context.globalAlpha = 1;
    if (!keys || document.activeElement !== canvas) return;
    context.strokeStyle = "#d55e00";
    context.lineWidth = 3;
    context.strokeRect(cursor.column * ZOOM + 0.5, cursor.row * ZOOM + 0.5, ZOOM - 1, ZOOM - 1);
  }
  const change = () => {
    paintSheet();
    changed(cells);
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  const erasing = (event) => erase.getAttribute("aria-pressed") === "true" || event.buttons === 32; // a pen's rubber
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 && event.button !== 5) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    keys = false;
    last = place(event);
    stroke(cells, last, last, erasing(event));
    change();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const between = event.getCoalescedEvents?.() ?? [];
    for (const each of between.length ? between : [event]) {
      const to = place(each);
      stroke(cells, last, to, erasing(event));
      last = to;
    }
    change();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
  canvas.addEventListener("keydown", (event) => {
    const done = keyed(event.key, cursor);
    if (!done || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys = true;
    cursor = done.cursor;
    if (done.paint) {
      dab(cells, cursor.column + 0.5, cursor.row + 0.5, done.rub);
      change();
    } else paintSheet();
    told.textContent = cellWords(cells, cursor);
  });
  for (const event of ["focus", "blur"]) canvas.addEventListener(event, paintSheet);
  erase.addEventListener("click", () => erase.setAttribute("aria-pressed", String(erase.getAttribute("aria-pressed") !== "true")));
  clear.addEventListener("click", () => {
    cells.fill(0);
    erase.setAttribute("aria-pressed", "false");
    told.textContent = "Cleared.";
    change();
  });
  use.addEventListener("click", () => (drawn ? back() : changed(cells)));
  const show = (open) => {
    root.hidden = !open;
    if (!open) return closed();
    paintSheet();
    canvas.focus({ preventScroll: true });
    root.scrollIntoView({ block: "nearest" });
  };
  close.addEventListener("click", () => show(false));
  root.addEventListener("keydown", (event) => event.key === "Escape" && show(false));
  const mark = (isDrawn, words) => {
    drawn = isDrawn;
    use.textContent = drawn ? "Back to examples" : "Use my drawing";
    says.textContent = drawn ? words : "\u00a0";
  };
  return { root, show, mark };
}
