// The page's half of RunList: a card for each run. Cards are kept and changed in place, so that the focus stays.

const SVG = "http://www.w3.org/2000/svg";

function sample() {
  const svg = document.createElementNS(SVG, "svg");
  const line = document.createElementNS(SVG, "line");
  svg.setAttribute("class", "lab-sample");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, value] of Object.entries({ x1: 0, y1: 5, x2: 34, y2: 5, "stroke-width": 3 })) {
    line.setAttribute(name, value);
  }
  svg.append(line);
  return svg;
}

function card(id, model) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox" });
  label.append(box);
  const name = Object.assign(document.createElement("button"), { type: "button", title: "Show this run alone" });
  const said = document.createElement("div");
  item.append(label, name, sample(), said);
  const choose = (chosen) => {
    model.set("chosen", chosen);
    model.save_changes();
  };
  box.addEventListener("change", () => {
    const others = model.get("chosen").filter((other) => other !== id);
    choose(box.checked ? [...others, id] : others);
  });
  name.addEventListener("click", () => choose([id]));
  return { item, box, name, said, line: item.querySelector("line"), lines: "" };
}

function fill(parts, row, chosen) {
  const ticked = chosen.includes(row.id);
  parts.box.checked = ticked;
  parts.box.setAttribute("aria-label", `Compare ${row.name}`);
  parts.item.classList.toggle("lab-chosen", ticked);
  parts.name.textContent = row.name;
  parts.line.setAttribute("stroke", row.colour || "transparent");
  parts.line.setAttribute("stroke-dasharray", row.dash);
  const lines = JSON.stringify(row.lines);
  if (lines === parts.lines) return;
  parts.lines = lines;
  parts.said.replaceChildren(...row.lines.map((text) => Object.assign(document.createElement("div"), { textContent: text })));
}

function render({ model, el }) {
  const list = document.createElement("ul");
  list.className = "lab-runs";
  list.setAttribute("aria-label", "Kept runs");
  const note = document.createElement("p");
  el.append(list, note);
  const cards = new Map();
  const show = () => {
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const rows = model.get("rows");
    const chosen = model.get("chosen");
    note.textContent = rows.length ? "" : model.get("empty");
    for (const row of rows) {
      if (!cards.has(row.id)) cards.set(row.id, card(row.id, model));
      fill(cards.get(row.id), row, chosen);
    }
    const items = rows.map((row) => cards.get(row.id).item);
    for (const id of [...cards.keys()]) if (!rows.some((row) => row.id === id)) cards.delete(id);
    if (items.length !== list.children.length || items.some((item, i) => item !== list.children[i])) {
      list.replaceChildren(...items);
      focused?.focus({ preventScroll: true });
    }
  };
  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const item = event.target.closest("li");
    if (!by || !item) return;
    const next = by > 0 ? item.nextElementSibling : item.previousElementSibling;
    next?.querySelector(event.target.tagName.toLowerCase())?.focus();
    event.preventDefault();
  });
  const shown = ["change:rows", "change:chosen", "change:empty"];
  for (const event of shown) model.on(event, show);
  show();
  return () => {
    for (const event of shown) model.off(event, show);
  };
}

export default { render };
