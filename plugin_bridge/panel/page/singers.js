// Buttons of the singers with keys 1 to 9, how much each is heard, and their licences.

import { accentOf, mixed } from "./accents.js";
import { byId, el, shown, write } from "./dom.js";

export const MANY = 4; // more stand in two columns
export const PATHS = { singer: "/param/singer", other: "/param/morph_singer", morph: "/param/morph" };

/** Return how much of each singer is heard, 0..1, in the order of the set. */
export function shares(names, store) {
  const [singer, other] = [store.get(PATHS.singer), store.get(PATHS.other)];
  const morph = other ? (store.get(PATHS.morph) ?? 0) : 0;
  return names.map((name) => (name === singer ? 1 - morph : 0) + (name === other ? morph : 0));
}

/** Have one singer heard alone. */
export function sing(name, store) {
  const rows = [[PATHS.singer, name]];
  if (store.get(PATHS.morph)) rows.push([PATHS.morph, 0]);
  store.moveTogether(rows);
}

/** Fill the place of the singers. `facts` has id, name, licence and attribution of each. */
export function buildSingers(names, facts, store) {
  const buttons = names.map((name, index) => singerButton(name, index, facts, store));
  const isMany = names.length > MANY;
  byId("singers").closest(".card").classList.toggle("many", isMany);
  shown(byId("all-credits"), isMany);
  byId("all-credits").onclick = () => credits(names, facts);
  byId("singers").replaceChildren(...buttons.map(({ place }) => place));
  store.watchAll(Object.values(PATHS), () => {
    const parts = shares(names, store);
    buttons.forEach(({ button, bar, facet, range }, index) => {
      button.setAttribute("aria-pressed", String(parts[index] > 0));
      bar.style.width = `${parts[index] * 100}%`;
      write(facet, parts[index] > 0 && parts[index] < 1 ? `${Math.round(parts[index] * 100)} %` : range);
    });
    tint(parts);
  });
}

function tint(parts) {
  const [first, second] = parts.map((part, index) => ({ part, index })).sort((a, b) => b.part - a.part);
  const colour = second
    ? mixed(accentOf(first.index), accentOf(second.index), second.part)
    : accentOf(first.index);
  document.documentElement.style.setProperty("--accent", colour);
}

function singerButton(name, index, facts, store) {
  const bar = el("span", { class: "share" });
  const facet = el("span", { class: "facet" });
  const { low_hz: low, high_hz: high } = facts.get(name) ?? {};
  const range = low ? `${Math.round(low)}–${Math.round(high)} Hz` : "";
  const button = el(
    "button",
    {
      type: "button",
      class: "singer",
      "data-singer": name,
      "aria-pressed": "false",
      onclick: () => sing(name, store),
    },
    index < 9 ? el("kbd", { "aria-hidden": "true" }, String(index + 1)) : null,
    el("span", { class: "who" }, el("strong", {}, name), facet),
    bar,
  );
  if (index < 9) button.setAttribute("aria-keyshortcuts", String(index + 1));
  const about = el(
    "button",
    {
      type: "button",
      class: "about",
      "aria-label": `Licence and credits of ${name}`,
      onclick: () => credits([name], facts),
    },
    "©",
  );
  const place = el("li", {}, button, about);
  place.style.setProperty("--own", accentOf(index));
  return { place, button, bar, facet, range };
}

function credits(names, facts) {
  byId("credits-lines").replaceChildren(
    ...names.flatMap((name) => {
      const own = facts.get(name) ?? {};
      const lines = [
        ["Licence", own.licence],
        ["Credits", [own.attribution ?? ""].flat().join("\n")],
      ];
      const title = own.name && own.name !== name ? `${name}: ${own.name}` : name;
      return [
        el("h3", {}, title),
        el(
          "dl",
          {},
          ...lines.flatMap(([what, text]) => [el("dt", {}, what), el("dd", {}, text || "not told")]),
        ),
      ];
    }),
  );
  byId("credits").showModal();
}
