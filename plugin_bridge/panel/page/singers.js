// Buttons of the singers with keys 1 to 9, how much each is heard, and their licences.

import { accentOf, mixed } from "./accents.js";
import { byId, el, shown, write } from "./dom.js";

export const MANY = 4; // more stand in two columns
export const PATHS = { singer: "/param/singer", other: "/param/morph_singer", morph: "/param/morph" };

let credited = []; // whom the dialog is about

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

/**
 * Fill the place of the singers; returns what shows them again.
 * `facts` has, by id and once they are known, name, licence, attribution, qualities and range of each.
 */
export function buildSingers(names, facts, store) {
  const buttons = names.map((name, index) => singerButton(name, index, facts, store));
  const isMany = names.length > MANY;
  byId("singers").closest(".card").classList.toggle("many", isMany);
  shown(byId("all-credits"), isMany);
  byId("all-credits").onclick = () => credits(names, facts);
  byId("singers").replaceChildren(...buttons.map(({ place }) => place));
  const show = () => {
    const parts = shares(names, store);
    buttons.forEach(({ button, bar, facet }, index) => {
      const [part, own] = [parts[index], facts.get(names[index])];
      const range = own?.low_hz ? `${Math.round(own.low_hz)}–${Math.round(own.high_hz)} Hz` : "";
      button.setAttribute("aria-pressed", String(part > 0));
      bar.style.width = `${part * 100}%`;
      write(facet, part > 0 && part < 1 ? `${Math.round(part * 100)} %` : range);
    });
    tint(parts);
  };
  store.watchAll(Object.values(PATHS), show);
  return () => {
    show();
    fillCredits(facts);
  };
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
  return { place, button, bar, facet };
}

/** Show the licences and credits of some singers; of those not yet known once they are. */
function credits(names, facts) {
  credited = names;
  fillCredits(facts);
  byId("credits").showModal();
}

/** Return what a singer's refiner does at each quality, and what it costs; empty where it is not known. */
function refined(qualities) {
  if (!qualities) return "";
  const parts = Object.entries(qualities).map(([word, { steps, milliseconds }]) => {
    const cost = milliseconds ? `, ${Number(milliseconds.toPrecision(2))} ms` : "";
    return steps ? `${word} (${steps === 1 ? "1 step" : `${steps} steps`}${cost})` : `${word} (none)`;
  });
  return parts.length > 1 ? `Refined every 10 ms: ${parts.join(", ")}` : "No refiner: the same at every quality";
}

function fillCredits(facts) {
  const told = (what, words) => [el("dt", {}, what), el("dd", {}, words || "not told")];
  const entries = credited.flatMap((name) => {
    const own = facts.get(name);
    const title = el("h3", {}, own?.name && own.name !== name ? `${name}: ${own.name}` : name);
    if (!own) return [title, el("p", {}, "Reading …")];
    const credit = [own.attribution ?? ""].flat().join("\n");
    const lines = { Licence: own.licence, Credits: credit, Quality: refined(own.qualities) };
    return [title, el("dl", {}, ...Object.entries(lines).flatMap(([what, words]) => told(what, words)))];
  });
  byId("credits-lines").replaceChildren(...entries);
}
