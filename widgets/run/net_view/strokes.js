// The pure half of the pad: a drawing of 28 x 28 cells, 0 to 255, its brush and its cursor.

const SIDE = 28;

// Presses the brush's soft tip at (x, y), in cells: full within 0.6 of one, nothing beyond 1.6, as MNIST's lines are.
function dab(cells, x, y, rub = false) {
  for (let row = Math.max(0, Math.floor(y - 2)); row < Math.min(SIDE, y + 2); row++) {
    for (let column = Math.max(0, Math.floor(x - 2)); column < Math.min(SIDE, x + 2); column++) {
      const near = 1.6 - Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const ink = Math.round(255 * Math.min(1, Math.max(0, near)));
      const at = row * SIDE + column;
      cells[at] = rub ? Math.min(cells[at], 255 - ink) : Math.max(cells[at], ink);
    }
  }
}

function stroke(cells, [x0, y0], [x1, y1], rub = false) {
  const dabs = Math.max(1, Math.ceil(2 * Math.hypot(x1 - x0, y1 - y0)));
  for (let i = 0; i <= dabs; i++) dab(cells, x0 + ((x1 - x0) * i) / dabs, y0 + ((y1 - y0) * i) / dabs, rub);
}

// What a key does: { cursor, paint, rub }, or null for a key of none of them.
function keyed(key, { row, column }) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const inside = (place) => Math.min(SIDE - 1, Math.max(0, place));
  if (key in steps) return { cursor: { row: inside(row + steps[key][0]), column: inside(column + steps[key][1]) } };
  if (key === " " || key === "Enter") return { cursor: { row, column }, paint: true };
  if (key === "Delete" || key === "Backspace") return { cursor: { row, column }, paint: true, rub: true };
  return null;
}

function cellWords(cells, { row, column }) {
  const value = cells[row * SIDE + column];
  const ink = value > 191 ? "full" : value > 63 ? "half" : value ? "faint" : "empty";
  return `row ${row + 1}, column ${column + 1}: ${ink}`;
}

// Sends the newest of what is put, the next one only when the last has been taken, or lost, and not sooner than `gap`.
function newestOnly(send, later = setTimeout, gap = 60, lost = 1500) {
  let [number, waiting, newest] = [0, false, null];
  const next = () => {
    if (waiting || newest === null) return;
    waiting = true;
    const [mine, value] = [++number, newest];
    newest = null;
    send(value, mine);
    later(() => taken(mine), lost);
  };
  const taken = (mine) => {
    if (!waiting || mine !== number) return;
    later(() => {
      if (mine !== number) return;
      waiting = false;
      next();
    }, gap);
  };
  return {
    put(value) {
      newest = value;
      next();
    },
    taken,
  };
}
