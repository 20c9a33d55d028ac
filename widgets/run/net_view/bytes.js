// The pure half of NetView's page: bytes to numbers and pictures, the grid of tiles, words. See message.py.

const NUMBERS = ["low", "high", "mean", "near", "share"];

// Reads numbers and bytes one after the other.
function reader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  return {
    next: () => ((at += 4), view.getFloat32(at - 4, true)),
    take: (length) => new Uint8Array(bytes.buffer, bytes.byteOffset + (at += length) - length, length),
  };
}

// Returns { step, label, logits, picture }: which picture the net was asked about, and what it said.
function readHead(described, { next, take }) {
  const [step, label] = [next(), next()];
  const logits = Array.from({ length: described.classes }, next);
  return { step, label, logits, picture: take(28 * 28) };
}

// Returns that and layers: [{ scale, channels: [{low, high, mean, near, share}], codes }].
function readShot(described, bytes) {
  const from = reader(bytes);
  const head = readHead(described, from);
  const layers = described.layers.map(({ count }) => {
    const scale = from.next();
    const channels = Array.from({ length: count }, () => Object.fromEntries(NUMBERS.map((name) => [name, from.next()])));
    return { scale, channels };
  });
  described.layers.forEach(({ count, height, width }, i) => (layers[i].codes = from.take(count * height * width)));
  return { ...head, layers };
}

// Writes a code's colour into four bytes: blue above zero, orange below, the less the nearer to zero; grey for no number.
function paint(rgba, at, code) {
  const colour = code === 0 ? [128, 128, 128] : code > 128 ? [31, 131, 192] : [213, 94, 0];
  rgba.set(colour, at);
  rgba[at + 3] = code === 0 ? 255 : Math.round((255 * Math.abs(code - 128)) / 127);
}

// Returns the columns and the side in pixels of a layer's tiles; 2 pixels lie between two.
function tiling({ count, height, width }, alone) {
  if (alone && height * width > 1) return { columns: Math.min(5, count), side: 50 };
  if (height * width === 1) return { columns: Math.max(4, Math.ceil(count / 7)), side: 13 };
  return { columns: Math.max(4, Math.ceil(count / 4)), side: 24 };
}

function tileAt({ columns, side }, count, x, y) {
  const [column, row] = [Math.floor(x / (side + 2)), Math.floor(y / (side + 2))];
  const tile = row * columns + column;
  return column >= 0 && column < columns && row >= 0 && tile < count ? tile : -1;
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

const sigmoid = (logits) => logits.map((logit) => 1 / (1 + Math.exp(-logit)));

const short = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(3))).replace("-", "−") : "not finite");
const percent = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %` : "–");

const isDead = (channel, described) => channel.share > described.dead;

function channelWords(layer, index, channel, threshold, described) {
  const dead = isDead(channel, described) ? "dead: " : "";
  return (
    `${layer.name}, channel ${index + 1} of ${layer.shape[0]}: min ${short(channel.low)}, max ${short(channel.high)}, ` +
    `mean ${short(channel.mean)}, near zero ${percent(channel.near)}; ${dead}activations near zero ${percent(channel.share)} ` +
    `in the last 100 steps (abs(x) < ${short(threshold)})`
  );
}

function deadWords(channels, described) {
  if (!channels.length) return "";
  const dead = channels.filter((channel) => isDead(channel, described)).length;
  return dead ? `✕ ${dead} of ${channels.length} dead` : "none dead";
}

function shapeWords({ shape: [channels, height, width] }) {
  return height * width === 1 ? `${channels} units` : `${channels} × ${height} × ${width}`;
}
