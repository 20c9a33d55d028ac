// What the words of a figure mean: a "?" before its buttons, which shows them on hover, on focus and by a tap.

const ASKING = ".live-figure-ask, .lab-words, .lab-term, .lab-ask";

function explainWords(bar, label, words = []) {
  if (!words.length) return;
  const ask = document.createElement("span");
  Object.assign(ask, { className: "live-figure-ask", textContent: "?", tabIndex: 0 });
  ask.setAttribute("role", "button");
  ask.setAttribute("aria-label", `What the words mean: ${label}`);
  const tip = document.createElement("div");
  tip.className = "live-figure-words";
  for (const [word, meaning] of words) {
    const line = document.createElement("div");
    line.append(Object.assign(document.createElement("b"), { textContent: word }), `: ${meaning}`);
    tip.append(line);
  }
  bar.prepend(ask, tip);
}

// Escape hides what focus shows, of a figure's "?" and of the panels' own (panel.css).
function letEscapeHideWords() {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !document.activeElement?.matches(ASKING)) return;
      event.stopPropagation(); // an enlarged figure stays enlarged
      document.activeElement.blur();
    },
    { capture: true },
  );
}
