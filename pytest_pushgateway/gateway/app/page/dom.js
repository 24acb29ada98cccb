// Building and updating the document. Everything pushed is untrusted: it enters as text nodes or as plain attributes.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; strings become text nodes, null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== false));
  return node;
}

export function icon(name) {
  const node = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  node.setAttribute("class", "icon");
  node.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  node.append(use);
  return node;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Set a property such as `hidden` or `disabled`; setting it to what it is would repaint. */
export function setFlag(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

const parts = new WeakMap();

/**
 * Make `parent` show one part for each item, keeping the parts whose key stays, so that focus, selection and scroll
 * position survive a refresh. `make(item)` returns `{node, update(item)}`.
 */
export function keyed(parent, items, key, make) {
  const old = parts.get(parent) ?? new Map();
  const now = new Map();
  for (const item of items) {
    const id = key(item);
    now.set(id, old.get(id) ?? make(item));
  }
  for (const [id, part] of old) if (!now.has(id)) part.node.remove();
  let cursor = parent.firstChild;
  for (const part of now.values()) {
    if (part.node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(part.node, cursor);
  }
  parts.set(parent, now);
  for (const item of items) now.get(key(item)).update(item);
  return now;
}

/** Say something to screen readers; the same again is news, too. */
export function announce(text) {
  document.getElementById("announce").replaceChildren(text);
}

/** Ask before something is lost; resolves to true or false. Escape keeps. */
export function confirm(title, content, action) {
  const dialog = document.getElementById("confirm");
  const yes = document.getElementById("confirm-yes");
  const no = document.getElementById("confirm-no");
  setText(document.getElementById("confirm-title"), title);
  document.getElementById("confirm-text").replaceChildren(content);
  setText(yes, action);
  dialog.returnValue = "";
  yes.onclick = () => dialog.close("yes");
  no.onclick = () => dialog.close("");
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
    no.focus();
  });
}

/** Copy a text and say so; without a clipboard, which pages without TLS do not get, show it to be copied. */
export async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    announce("Copied");
  } catch {
    shown(text);
  }
}

/** A button that opens a list of things to copy: `choices()` gives pairs of name and text. */
export function copyMenu(label, choices) {
  const close = () => {
    list.hidden = true;
    setAttribute(button, "aria-expanded", "false");
  };
  const list = h("div", { class: "choices", hidden: true });
  const button = h("button", { type: "button", class: "tool small", "aria-label": label, title: "Copy", "aria-expanded": "false", onclick: () => {
    if (!list.hidden) {
      close();
      return;
    }
    list.replaceChildren(...choices().map(([name, text]) => h("button", { type: "button", onclick: async () => {
      await copy(text, () => {
        const code = h("code", {}, text);
        list.replaceChildren(code);
        getSelection().selectAllChildren(code);
      });
      if (!list.querySelector("code")) {
        close();
        button.focus();
      }
    } }, `Copy ${name}`)));
    list.hidden = false;
    setAttribute(button, "aria-expanded", "true");
    list.firstChild.focus();
  } }, icon("copy"));
  const node = h("span", { class: "copying" }, button, list);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    event.stopPropagation();
    close();
    button.focus();
  });
  node.addEventListener("focusout", (event) => { if (!node.contains(event.relatedTarget)) close(); });
  return node;
}

/** A block of text to copy. */
export function snippet(caption, text) {
  const button = h("button", { type: "button", class: "tool copy", "aria-label": `Copy ${caption}`, title: "Copy" }, icon("copy"));
  const code = h("pre", { tabindex: text.length > 300 ? "0" : null }, text); // a long one scrolls
  button.addEventListener("click", () => copy(text, () => { // Ctrl+C does the rest
    getSelection().selectAllChildren(code);
    announce("Selected");
  }));
  return h("div", { class: "snippet" }, code, button);
}
