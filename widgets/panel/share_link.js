// The button "Copy link", and what it opens: the link and the code in fields, for whoever copies by keyboard or by hand.

const KINDS = {
  link: ["Copy link", "Link to these settings"],
  code: ["Copy code", "Code for a notebook"],
};

// An address that leads every other computer to itself.
const onlyHere = () => /^(localhost|127\.[\d.]+|\[::1\])$/.test(location.hostname);

function linkTo(query) {
  return location.origin + location.pathname + (query ? `?${query}` : "");
}

// The clipboard may be refused: on a page by http, or without the person's leave.
async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export default {
  initialize({ model }) {
    if (!model.get("served")) return; // in a notebook the address is the notebook app's
    const asked = new URLSearchParams(location.search);
    asked.delete("token");
    if (`${asked}`) model.send({ query: `${asked}` });
  },

  render({ model, el }) {
    const kinds = model.get("served") ? ["link", "code"] : ["code"];
    const text = { link: () => linkTo(model.get("query")), code: () => model.get("code") };
    const said = element("p", { role: "status", className: "lab-link-said" });
    const fields = {};
    let last = kinds[0];
    const copyKind = async (kind) => {
      last = kind;
      const done = await copy(fields[kind]);
      const words = done ? `The ${kind} is copied.` : "Press Ctrl+C (⌘C) to copy what is marked.";
      said.textContent = words + (kind === "link" && onlyHere() ? " It opens on this computer only." : "");
    };
    const parts = kinds.map((kind) => {
      const [word, name] = KINDS[kind];
      fields[kind] = element("textarea", { readOnly: true, rows: 3, spellcheck: false });
      const button = element("button", { type: "button", className: "jupyter-button", textContent: word });
      button.addEventListener("click", () => copyKind(kind));
      return element("div", { className: "lab-link-part" }, element("label", {}, name, fields[kind]), button);
    });
    const close = element("button", { type: "button", className: "jupyter-button", textContent: "Close" });
    const dialog = element("dialog", { className: "lab-link" }, ...parts, element("div", {}, close, said));
    dialog.setAttribute("aria-label", "These settings, to be opened again");
    dialog.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys would act on the notebook
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

    const open = element("button", { type: "button", className: "jupyter-button", textContent: KINDS[kinds[0]][0] });
    open.title = "Copy what opens these settings again, and show it";
    const fill = () => kinds.forEach((kind) => (fields[kind].value = text[kind]()));
    open.addEventListener("click", () => {
      fill();
      dialog.showModal();
      copyKind(kinds[0]);
    });
    const refill = () => {
      if (!dialog.open) return;
      fill();
      copyKind(last); // what was copied stood for a knob's value before the last one typed
    };
    model.on("change:query change:code", refill);
    el.append(open, dialog);
    return () => {
      model.off("change:query change:code", refill);
      dialog.remove();
    };
  },
};
