// Plotly's own buttons: those that a chart needs, one stop of the Tab key for all of them, the arrow keys between them.
// Comes before live_figure.js, in one module with it.

// Pictures are the Save menu's, and what is selected has no use here.
const modeBarButtonsToRemove = ["toImage", "autoScale2d", "select2d", "lasso2d"];

const buttonsOf = (div) => [...div.querySelectorAll(".modebar-btn")];

// To be called whenever Plotly may have made the buttons anew.
function nameButtons(div) {
  const buttons = buttonsOf(div);
  const stop = buttons.find((button) => button === document.activeElement) ?? buttons[0];
  for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
  div.querySelector(".modebar")?.setAttribute("role", "toolbar");
  div.querySelector(".modebar")?.setAttribute("aria-label", "View");
}

function letArrows(div) {
  div.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const buttons = buttonsOf(div);
    const at = buttons.indexOf(event.target);
    if (!way || at < 0) return;
    event.preventDefault();
    event.stopPropagation(); // a notebook would go to another cell
    buttons[(at + way + buttons.length) % buttons.length].focus();
    nameButtons(div);
  });
}
