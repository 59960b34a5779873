// The two views: live, and bounce; the address keeps which.

import { byId, shown } from "./dom.js";

const VIEWS = ["live", "bounce"];

/** Join the tabs; returns what tells the view that is open. */
export function buildTabs() {
  let current = "";
  const open = (view) => {
    current = view;
    for (const name of VIEWS) {
      const tab = byId(`tab-${name}`);
      tab.setAttribute("aria-selected", String(name === view));
      tab.tabIndex = name === view ? 0 : -1;
      shown(byId(`view-${name}`), name === view);
    }
    document.body.dataset.view = view;
  };
  const follow = () => open(VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : VIEWS[0]);
  for (const [index, name] of VIEWS.entries()) {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => (location.hash = name));
    tab.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!way) return;
      const next = VIEWS[(index + way + VIEWS.length) % VIEWS.length];
      location.hash = next;
      byId(`tab-${next}`).focus();
    });
  }
  window.addEventListener("hashchange", follow);
  follow();
  return () => current;
}
