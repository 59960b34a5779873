// Keys of the whole page; they can be turned off, and never act while a person types.

import { byId } from "./dom.js";

const KEPT = "panel-keys";

/** Call an action for its key: `actions` by key, each returns whether it had something to do. */
export function listenToKeys(actions) {
  const toggle = byId("keys-on");
  toggle.checked = localStorage.getItem(KEPT) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(KEPT, toggle.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const isTaken = event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.repeat;
    if (isTaken || !toggle.checked || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=radio]), select, textarea")) return;
    if (event.key === " " && event.target.closest("button, a")) return; // it presses what has the focus
    if (actions[event.key.toLowerCase()]?.()) event.preventDefault();
  });
}
