// A range that the last points of a run that diverged do not stretch. Pure functions, tested without a page.

const FIRST = 10; // points of each line that tell how large its values are,
const FAR = 30; // times so large its last point is taken to be of a run that diverges,
const SHOWN = 10; // and the axis ends there.

// Of lines (arrays of y), oldest point first: { low, high } where a line ends far outside of where it began, else null.
// widgets/export/far_points.py has the same rule.
function robustRange(lines) {
  const finite = lines.map((line) => [...line].filter(Number.isFinite));
  const scale = Math.max(0, ...finite.flatMap((line) => line.slice(0, FIRST).map(Math.abs)));
  const far = finite.some((line) => line.length > FIRST && Math.abs(line.at(-1)) > FAR * scale);
  if (!far || !scale) return null;
  let low = Infinity, high = -Infinity;
  for (const line of finite) {
    for (const y of line) {
      if (Math.abs(y) > SHOWN * scale) continue;
      if (y < low) low = y;
      if (y > high) high = y;
    }
  }
  const pad = 0.1 * (high - low || scale);
  return { low: low - pad, high: high + pad };
}

// The points of a line beyond the range, as markers at its edge: { x, y, symbol, text }, at most 40.
function beyond(xs, ys, { low, high }) {
  const found = { x: [], y: [], symbol: [], text: [] };
  for (let i = 0; i < ys.length; i++) {
    if (!Number.isFinite(ys[i]) || (ys[i] <= high && ys[i] >= low)) continue;
    const above = ys[i] > high;
    found.x.push(xs[i]);
    found.y.push(above ? high : low);
    found.symbol.push(above ? "triangle-up" : "triangle-down");
    found.text.push(Number(ys[i].toPrecision(3)).toString());
  }
  for (const list of Object.values(found)) list.splice(0, list.length - 40);
  return found;
}

// Gives a figure with layout.meta.robust a range and markers for what lies beyond; returns whether anything does.
function clipFarPoints(data, layout) {
  const axis = layout.yaxis ?? {};
  if (!layout.meta?.robust || axis.range || axis.type === "log") return false;
  const lines = data.filter(
    (trace) => trace.type === "scatter" && (trace.yaxis ?? "y") === "y" && trace.visible !== "legendonly" && trace.y?.length,
  );
  const range = robustRange(lines.map((trace) => trace.y));
  if (!range) return false;
  const low = axis.rangemode === "tozero" ? Math.min(0, range.low) : range.low;
  layout.yaxis = { ...axis, range: [low, range.high], autorange: false };
  layout.meta = { ...layout.meta, clipped: layout.yaxis.range };
  const edge = { low, high: range.high };
  const found = lines.map((trace) => beyond(trace.x, trace.y, edge));
  const all = (field) => found.flatMap((points) => points[field]);
  data.push({
    ...{ type: "scatter", mode: "markers", name: "beyond the axis", showlegend: false, cliponaxis: false },
    ...{ x: all("x"), y: all("y"), text: all("text"), hovertemplate: "beyond the axis: %{text}<extra></extra>" },
    marker: { symbol: all("symbol"), size: 8, color: "#d55e00" },
  });
  return true;
}
