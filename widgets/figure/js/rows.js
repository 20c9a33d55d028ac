// From a message of the kernel to a figure's data: arrays out of one buffer, and new rows after those already there.
// Pure functions: they know nothing of the page, and are tested without one.

function floatsOf(buffer) {
  if (!buffer) return new Float32Array(0);
  // A copy: the view may start at an offset that is no multiple of four.
  return new Float32Array(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength));
}

function unpack(value, floats) {
  if (Array.isArray(value)) return value.map((item) => unpack(item, floats));
  if (value === null || typeof value !== "object") return value;
  if (!value.$f32) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpack(item, floats)]));
  const [start, rows, columns] = value.$f32;
  if (columns === undefined) return floats.slice(start, start + rows);
  return Array.from({ length: rows }, (_, row) => floats.slice(start + row * columns, start + (row + 1) * columns));
}

function append(store, { rows, keep, whole = {}, layout = {} }, floats) {
  const [first, every] = keep ?? [0, 1];
  let start = 0;
  const joined = (old) => {
    const kept = keep ? old.filter((_, i) => i >= first && (i - first) % every === 0) : old;
    const array = new Float32Array(kept.length + rows);
    array.set(kept);
    array.set(floats.subarray(start, start + rows), kept.length);
    start += rows;
    return array;
  };
  // New objects and arrays, never changed ones: that is how Plotly.react knows what to compute anew.
  if (rows || keep) {
    store.data = store.data.map((trace, i) => {
      const grown = store.grow[i].map((field) => [
        field,
        Array.isArray(trace[field]) ? trace[field].map(joined) : joined(trace[field]),
      ]);
      return { ...trace, ...Object.fromEntries(grown) };
    });
  }
  for (const [i, trace] of Object.entries(whole)) store.data[i] = unpack(trace, floats);
  store.layout = { ...store.layout, ...unpack(layout, floats) };
}
