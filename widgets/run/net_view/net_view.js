// The page's half of NetView; bytes.js, strokes.js, pad.js and kernels.js stand before it.

const part = (tag, name, more = {}) => Object.assign(document.createElement(tag), { className: name, ...more });

function arrow() {
  return Object.assign(part("span", "net-arrow", { textContent: "→" }), { ariaHidden: "true" });
}

// A canvas of tiles; each picture is drawn in its own size and enlarged without smoothing.
function drawTiles(canvas, described, layer, shot, alone, marked) {
  const { columns, side } = tiling(layer, alone);
  const { count, height, width } = layer;
  const size = [columns * (side + 2) - 2, Math.ceil(count / columns) * (side + 2) - 2];
  if (canvas.width !== size[0]) canvas.width = size[0];
  if (canvas.height !== size[1]) canvas.height = size[1];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, ...size);
  context.imageSmoothingEnabled = false;
  context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
  const one = new OffscreenCanvas(width, height);
  const inner = one.getContext("2d");
  for (let tile = 0; tile < count; tile++) {
    const [x, y] = [(tile % columns) * (side + 2), Math.floor(tile / columns) * (side + 2)];
    if (shot) {
      const image = inner.createImageData(width, height);
      for (let i = 0; i < width * height; i++) paint(image.data, 4 * i, shot.codes[tile * width * height + i]);
      inner.putImageData(image, 0, 0);
      context.drawImage(one, x, y, side, side);
    }
    const dead = shot && isDead(shot.channels[tile], described);
    context.globalAlpha = tile === marked ? 1 : dead ? 0.8 : 0.22;
    context.lineWidth = tile === marked ? 2 : 1;
    context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    if (dead) {
      context.beginPath();
      context.moveTo(x + 3, y + 3);
      context.lineTo(x + side - 3, y + side - 3);
      context.moveTo(x + side - 3, y + 3);
      context.lineTo(x + 3, y + side - 3);
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}

function drawPicture(canvas, picture) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, 28, 28);
  if (!picture) return;
  const ink = getComputedStyle(canvas).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  const image = context.createImageData(28, 28);
  picture.forEach((value, i) => image.data.set([...ink, value], 4 * i));
  context.putImageData(image, 0, 0);
}

function answerRows(box, classes) {
  const rows = classes.map((name) => {
    const row = part("div", "net-answer");
    const bars = part("span", "net-bars");
    const [soft, sigm] = [part("i", "net-softmax"), part("i", "net-sigmoid")];
    bars.append(soft, sigm);
    const word = part("span", "net-class", { textContent: name, title: name });
    row.append(word, bars);
    return { row, soft, sigm, word, name };
  });
  box.replaceChildren(...rows.map(({ row }) => row));
  return rows;
}

function render({ model, el }) {
  const id = Math.random().toString(36).slice(2);
  const root = part("div", "net-view", { ariaLabel: "The net" });
  root.setAttribute("role", "group");
  const row = part("div", "net-row");
  const told = part("p", "net-told");
  const show = part("button", "net-show", { type: "button" });
  const foot = part("div", "net-foot");
  foot.append(told, show);
  root.append(row, foot);
  el.append(root);

  let shot = null;
  let blocks = [];
  let answers = [];
  let input, output, says, example, drawing;
  let gone = false;
  let pointed = null; // { block, tile }
  let [asked, before] = [null, ""]; // { layer, channel } whose kernels are shown, and the layer that they read
  const described = () => model.get("described");
  const sender = newestOnly((cells, number) => tellKernel({ type: "picture", number }, [cells.buffer]));
  const pad = makePad({
    changed: (cells) => sender.put(cells.slice()),
    back: () => choosePicture(model.get("digit"), false),
    closed: () => drawing.focus({ preventScroll: true }),
  });
  const kernels = makeKernels({
    closed: () => {
      blocks.find(({ layer }) => layer.name === asked?.layer)?.button.focus({ preventScroll: true });
      asked = null;
      tellKernel({ type: "kernels" });
    },
  });
  root.insertBefore(pad.root, foot);
  root.insertBefore(kernels.root, foot);

  function build() {
    const { layers } = described();
    const alone = layers.length === 1;
    const in_ = part("div", "net-block net-input");
    input = part("canvas", "net-picture", { width: 28, height: 28 });
    input.setAttribute("role", "img");
    example = part("select", "net-example", { ariaLabel: "Example picture", hidden: !model.get("drawable") });
    example.addEventListener("change", () => choosePicture(Number(example.value), example.value === ""));
    drawing = part("button", "net-button", { type: "button", textContent: "Draw", hidden: !model.get("drawable") });
    drawing.title = "Draw a picture of your own";
    drawing.addEventListener("click", () => pad.show(pad.root.hidden));
    in_.append(
      part("b", "", { textContent: "input" }),
      part("small", "", { textContent: `${described().input} pixels` }),
      example,
      input,
      drawing,
    );
    blocks = layers.map((layer, index) => {
      const button = part("button", "net-block", { type: "button" });
      const canvas = part("canvas", "net-tiles", { ariaHidden: "true", title: "Click a channel for its kernels" });
      const left = layer.shape[0] - layer.count;
      const block = { layer, index, alone, button, canvas, dead: part("small", "net-dead", { textContent: "\u00a0" }) };
      const what = layer.weights ? ", its weights" : "";
      button.append(
        part("b", "", { textContent: layer.name }),
        part("small", "", { textContent: shapeWords(layer) + what + (left ? `, first ${layer.count}` : "") }),
        part("small", "", { textContent: `${layer.parameters.toLocaleString("en")} parameters` }),
        part("small", "net-norm", { textContent: layer.norm || "no norm", title: layer.norm }),
        canvas,
        block.dead,
      );
      const point = (tile, byKey) => {
        pointed = tile < 0 ? null : { block, tile };
        tell(byKey);
        drawBlock(block);
      };
      canvas.addEventListener("pointermove", (event) => {
        const box = canvas.getBoundingClientRect();
        const zoom = canvas.width / box.width;
        point(tileAt(tiling(layer, alone), layer.count, (event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom));
      });
      canvas.addEventListener("pointerleave", () => point(-1));
      canvas.addEventListener("click", () => pointed?.block === block && askKernels(layer.name, pointed.tile));
      button.addEventListener("blur", () => point(-1));
      button.addEventListener("click", () => {
        model.set("layer", layer.name);
        model.save_changes();
      });
      button.addEventListener("keydown", (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: tiling(layer, alone).columns, ArrowUp: -tiling(layer, alone).columns };
        // Enter chooses the layer, as a click does, and shows the channel's kernels.
        if (event.key === "Enter" && pointed?.block === block) askKernels(layer.name, pointed.tile);
        if (!(event.key in by)) return;
        event.preventDefault();
        const now = pointed?.block === block ? pointed.tile + by[event.key] : 0;
        point(Math.min(layer.count - 1, Math.max(0, now)), true);
      });
      return block;
    });
    const out = part("div", "net-block net-output");
    output = part("div", "net-answers");
    says = part("small", "net-says", { textContent: "\u00a0" });
    const key = part("small", "net-key");
    key.append(part("i", "net-softmax"), " softmax ", part("i", "net-sigmoid"), " sigmoid");
    out.append(part("b", "", { textContent: "answer" }), key, says, output);
    answers = answerRows(output, model.get("classes"));
    row.classList.toggle("net-long", layers.length > 6); // in one line, to be scrolled
    const names = described().classes > 0; // a net of one's own may name none
    row.replaceChildren(in_, ...blocks.flatMap(({ button }) => [arrow(), button]), ...(names ? [arrow(), out] : []));
    const first = layers[0];
    show.hidden = !first?.can_show_weights;
    show.textContent = first?.weights ? `Show ${first.name}'s maps` : `Show ${first?.name}'s weights`;
    pointed = null;
    kernels.hide();
    choose();
    named();
    draw();
  }

  // The menu of examples; a drawing in use is its first entry.
  function named() {
    const drawn = model.get("drawn");
    const options = model.get("classes").map((name, index) => part("option", "", { value: index, textContent: name }));
    if (drawn) options.unshift(part("option", "", { value: "", textContent: "drawing" }));
    example.replaceChildren(...options);
    example.value = drawn ? "" : String(model.get("digit"));
    drawing.setAttribute("aria-expanded", String(!pad.root.hidden));
    pad.mark(drawn, shot ? said() : "not run yet");
  }

  function choosePicture(digit, drawn) {
    if (!drawn) model.set("digit", digit);
    model.set("drawn", drawn);
    model.save_changes();
  }

  function askKernels(layer, channel) {
    before = described().layers[described().layers.findIndex(({ name }) => name === layer) - 1]?.name ?? "";
    asked = { layer, channel };
    tellKernel({ type: "kernels", ...asked });
  }

  function tell(byKey = false) {
    told.ariaLive = byKey ? "polite" : "off";
    const channel = pointed && shot?.layers[pointed.block.index].channels[pointed.tile];
    if (channel) {
      told.textContent = channelWords(pointed.block.layer, pointed.tile, channel, model.get("threshold"), described());
    } else if (shot) {
      told.textContent = `After step ${shot.step}. Blue is above zero, orange below, each layer on its own scale; ✕ dead, ▸ true class. Point at a channel, or click.`;
    } else told.textContent = "Not run yet: each tile will show one channel's map of the picture.";
  }

  function drawBlock(block) {
    const now = shot?.layers[block.index];
    drawTiles(block.canvas, described(), block.layer, now, block.alone, pointed?.block === block ? pointed.tile : -1);
    const words = now ? deadWords(now.channels, described()) : "\u00a0";
    if (block.dead.textContent !== words) block.dead.textContent = words;
    block.button.classList.toggle("net-has-dead", words.startsWith("✕"));
    const { layer } = block;
    const norm = layer.norm ? `, ${layer.norm}` : "";
    const dead = now ? `; ${words.replace("✕ ", "")}` : "";
    block.button.setAttribute("aria-label", `${layer.name}: ${shapeWords(layer)}, ${layer.parameters} parameters${norm}${dead}. Choose this layer.`);
  }

  function draw() {
    blocks.forEach(drawBlock);
    drawAnswer();
    tell();
  }

  const best = () => {
    const soft = softmax(shot.logits);
    return soft.indexOf(Math.max(...soft));
  };
  const said = () => (best() >= 0 ? `says ${model.get("classes")[best()]}: ${percent(softmax(shot.logits)[best()])}` : "not finite");

  // The picture and the answer, which may come ahead of the maps.
  function drawAnswer() {
    drawPicture(input, shot?.picture);
    const what = shot?.label >= 0 ? model.get("classes")[shot.label] : "your drawing";
    input.setAttribute("aria-label", shot ? `The picture that the net is asked about: ${what}` : "No picture yet");
    const [soft, sigm] = shot ? [softmax(shot.logits), sigmoid(shot.logits)] : [[], []];
    answers.forEach((answer, i) => {
      answer.soft.style.width = `${100 * (soft[i] || 0)}%`;
      answer.sigm.style.width = `${100 * (sigm[i] || 0)}%`;
      answer.row.classList.toggle("net-best", !!shot && i === best());
      const isTrue = shot?.label === i;
      answer.word.textContent = (isTrue ? "▸" : "") + answer.name;
      answer.row.title = shot ? `softmax ${percent(soft[i])}, sigmoid ${percent(sigm[i])}${isTrue ? "; the true class" : ""}` : "";
    });
    says.textContent = shot ? said() : "not run yet";
    pad.mark(model.get("drawn"), says.textContent);
  }

  function choose() {
    for (const { button, layer } of blocks) button.setAttribute("aria-pressed", String(layer.name === model.get("layer")));
  }

  // The kernel may have gone, as when a page is left.
  const tellKernel = (message, buffers) => {
    try {
      model.send(message, undefined, buffers);
    } catch (error) {
      console.warn("net: the kernel has gone", error);
    }
  };
  const answer = () => gone || tellKernel({ type: "drawn" });
  const received = (message, buffers) => {
    if (message.type === "taken") return sender.taken(message.number);
    if (message.type === "empty") [shot, asked] = [null, null];
    else {
      const [{ buffer, byteOffset, byteLength }] = buffers;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      if (message.type === "kernels") {
        // A copy, since the bytes may begin anywhere.
        if (message.layer === asked?.layer && message.channel === asked.channel) kernels.show(message, new Float32Array(bytes.slice().buffer), before);
        return;
      }
      if (message.type === "answer") {
        if (!shot) return;
        shot = { ...shot, ...readHead(described(), reader(bytes)) };
        return requestAnimationFrame(drawAnswer);
      }
      shot = readShot(described(), bytes);
      root.dataset.step = shot.step;
    }
    requestAnimationFrame(() => {
      draw();
      if (message.type === "maps") setTimeout(answer, 1000 * message.pause);
    });
  };
  const rebuilt = () => {
    shot = asked = null;
    build();
  };
  const listening = [["msg:custom", received], ["change:described", rebuilt], ["change:classes", build], ["change:layer", choose], ["change:digit", named], ["change:drawn", named]];
  for (const [event, listener] of listening) model.on(event, listener);
  show.addEventListener("click", () => {
    model.set("weights", !model.get("weights"));
    model.save_changes();
  });

  let inSight = false;
  let reported = false;
  const report = (leaves) => {
    const seen = leaves !== true && inSight && !document.hidden;
    if (seen === reported) return;
    reported = seen;
    tellKernel({ type: "seen", page: id, seen });
  };
  const observer = new IntersectionObserver((entries) => {
    inSight = entries.at(-1).isIntersecting;
    report();
  });
  observer.observe(root);
  const left = () => report(true);
  document.addEventListener("visibilitychange", report);
  addEventListener("pagehide", left);
  build();
  return () => {
    gone = true;
    observer.disconnect();
    document.removeEventListener("visibilitychange", report);
    removeEventListener("pagehide", left);
    report(true);
    for (const [event, listener] of listening) model.off(event, listener);
  };
}

export default { render };
