// Small figures: in a page's element of the class live-figures-small a figure is drawn small, without buttons, and a click
// or its button Enlarge shows it as large as that element, until Escape or its button Shrink. Nothing else moves.

const SMALL = ".live-figures-small";
const CLICK = 5; // pixels that a pointer may move in a click

const isSmall = (box) => Boolean(box.closest(SMALL)) && !box.classList.contains("live-figure-large");

// What a view has to be drawn in: [width, height], and whether small. Elsewhere the figure's own height counts.
function measureView(view, box, bar, model) {
  const within = box.closest(SMALL);
  view.small = isSmall(box);
  box.classList.toggle("live-figure-little", view.small);
  view.width = box.clientWidth;
  view.height = within && box.clientHeight ? box.clientHeight - (view.small ? 0 : bar.offsetHeight) : model.get("height");
}

function letEnlarge(box, div, bar, label, changed, signal) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "live-figure-enlarge";
  const name = (large) => {
    button.textContent = large ? "✕ Shrink" : "⤢";
    button.setAttribute("aria-label", `${large ? "Shrink" : "Enlarge"}: ${label}`);
    button.title = large ? "Shrink (Esc)" : "Enlarge";
  };
  const set = (large) => {
    for (const other of box.closest(SMALL)?.querySelectorAll(".live-figure-large") ?? []) {
      if (other !== box) other.querySelector(".live-figure-enlarge").click();
    }
    box.classList.toggle("live-figure-large", large);
    name(large);
    changed();
  };
  button.addEventListener("click", () => set(isSmall(box)));
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.classList.contains("live-figure-large")) return;
    event.stopPropagation();
    set(false);
    button.focus();
  });
  let from = null;
  // On the way down: plotly takes these events for itself.
  box.addEventListener("pointerdown", (event) => (from = div.contains(event.target) ? event : null), { capture: true, signal });
  addEventListener(
    "pointerup",
    (event) => {
      const still = from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) < CLICK;
      if (still && from.button === 0 && isSmall(box)) set(true);
      from = null;
    },
    { capture: true, signal },
  );
  name(false);
  bar.prepend(button);
}
