// What a screen reader says of a knob's slider. The slider itself gives its handle no name, and for a value the number that
// it works with, which is an exponent where the slider is logarithmic. Here it is what stands in the knob's field; while
// the handle moves, what the widget's hidden readout has, for the field waits for the kernel.
// Comes before page_shared.js, in one module with it.

const HANDLES = ".lab-knob .noUi-handle";

function nameSliders() {
  const tell = (handle, attribute, text) => text && handle.setAttribute(attribute, text);
  const tellName = (handle) => {
    const knob = handle.closest(".lab-knob");
    tell(handle, "aria-label", knob.querySelector(".widget-label")?.textContent);
    tell(handle, "aria-valuetext", knob.querySelector("input")?.value);
  };
  const tellMove = (handle) => {
    tell(handle, "aria-valuetext", handle.closest(".widget-slider").querySelector(".widget-readout")?.textContent);
  };
  const moves = new MutationObserver((records) => records.forEach(({ target }) => tellMove(target)));
  const found = (handle) => {
    tellName(handle);
    moves.observe(handle, { attributeFilter: ["aria-valuenow"] });
  };
  // panel.css has an animation for every handle, which shows nothing: its start says that a handle has come onto the page.
  document.addEventListener("animationstart", ({ target }) => target.matches(HANDLES) && found(target));
  document.addEventListener("focusin", ({ target }) => target.matches(HANDLES) && tellName(target));
  document.querySelectorAll(HANDLES).forEach(found);
}
