// The pad: singers as markers, and a puck between them that morphs.

import { accentOf } from "./accents.js";
import { byId, el, shown, write } from "./dom.js";
import { asNamed, markers, morphAt, placeOf } from "./morphing.js";
import { MANY, PATHS, shares } from "./singers.js";

const STEP = 0.02; // of the pad's width, for an arrow key
const SVG = "http://www.w3.org/2000/svg";
const KEPT = "pad-layout"; // in the browser
const RING = "ring";
const VOICES = "voices";
const SAME = 0.005; // a morph closer than this to the puck's own is the puck's own

/**
 * Fill the pad; `voices` returns a promise of the places of all singers by what they sound like, or a refusal,
 * which `refused` is told.
 */
export function buildPad(names, store, voices, refused) {
  const pad = byId("pad");
  shown(byId("pad-card"), names.length > 1);
  if (names.length < 2) return;
  let places = markers(names.length);
  const puck = el("span", { class: "puck" });
  const threads = names.map(() => document.createElementNS(SVG, "line"));
  const drawing = document.createElementNS(SVG, "svg");
  drawing.append(...threads);
  let point = { ...places[0] };

  const dots = names.map((name, index) => {
    const marker = el(
      "span",
      { class: "marker" },
      el("span", { class: "dot" }, names.length > MANY ? String(index + 1) : ""),
      el("span", { class: "tag" }, names.length > MANY ? "" : name),
    );
    marker.style.setProperty("--own", accentOf(index));
    return marker;
  });
  pad.replaceChildren(drawing, ...dots, puck);

  const named = () => {
    const [from, to] = [store.get(PATHS.singer), store.get(PATHS.other)].map((name) => names.indexOf(name));
    return { from, to, morph: to < 0 ? 0 : (store.get(PATHS.morph) ?? 0) };
  };
  /** Put the puck in its place, with a thread to each singer that is heard, the stronger the more it is. */
  const draw = () => {
    put(puck, point);
    shares(names, store).forEach((part, index) => {
      const ends = { x1: places[index].x, y1: places[index].y, x2: point.x, y2: point.y };
      for (const [key, place] of Object.entries(ends)) threads[index].setAttribute(key, `${place * 100}%`);
      threads[index].setAttribute("stroke", accentOf(index));
      threads[index].setAttribute("stroke-opacity", String(part));
    });
  };
  const show = () => {
    const now = named();
    if (now.from < 0) return;
    const own = asNamed(morphAt(point, places), now);
    const isOwn =
      (own.from === now.from && own.to === now.to && Math.abs(own.morph - now.morph) < SAME) ||
      (now.morph === 0 && own.from === now.from && own.morph < SAME);
    if (!isOwn) point = placeOf(now, places);
    draw();
    const words =
      now.to < 0 || now.morph === 0
        ? names[now.from]
        : now.morph === 1
          ? names[now.to]
          : `${percent(1 - now.morph)} ${names[now.from]}, ${percent(now.morph)} ${names[now.to]}`;
    pad.setAttribute("aria-valuenow", String(Math.round(now.morph * 100)));
    pad.setAttribute("aria-valuetext", words);
    write(byId("pad-words"), words);
  };
  const move = (x, y) => {
    point = { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) };
    const { from, to, morph } = asNamed(morphAt(point, places), named());
    store.moveTogether([
      [PATHS.singer, names[from]],
      [PATHS.other, names[to]],
      [PATHS.morph, morph],
    ]);
    draw();
  };

  let isDragging = false;
  const follow = (event) => {
    const box = pad.getBoundingClientRect();
    move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  pad.onpointerdown = (event) => {
    if (event.button !== 0) return;
    isDragging = true;
    pad.setPointerCapture(event.pointerId);
    follow(event);
  };
  pad.onpointermove = (event) => isDragging && follow(event);
  pad.onpointerup = pad.onpointercancel = () => (isDragging = false);
  pad.onkeydown = (event) => {
    const way = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[
      event.key
    ];
    if (!way) return;
    event.preventDefault();
    move(point.x + way[0], point.y + way[1]);
  };
  /** Put the singers in their places, and the puck where what is heard now lies among them. */
  const lay = (found) => {
    places = found;
    dots.forEach((dot, index) => put(dot, places[index]));
    const now = named();
    point = now.from < 0 ? { ...places[0] } : placeOf(now, places);
    show();
  };
  const layout = byId("pad-layout");
  const chosen = async () => {
    localStorage.setItem(KEPT, layout.value);
    if (layout.value !== VOICES) return lay(markers(names.length));
    try {
      const found = await voices();
      const isWhole = names.every((name) => found.has(name)); // of another set, the next pad asks again
      if (isWhole && layout.value === VOICES) lay(names.map((name) => found.get(name)));
    } catch (refusal) {
      layout.value = RING;
      refused(refusal.message);
    }
  };
  layout.value = localStorage.getItem(KEPT) === VOICES ? VOICES : RING;
  layout.onchange = chosen;
  lay(places);
  if (layout.value === VOICES) chosen();
  store.watchAll(Object.values(PATHS), show);
}

function put(element, { x, y }) {
  element.style.left = `${x * 100}%`;
  element.style.top = `${y * 100}%`;
}

function percent(part) {
  return `${Math.round(part * 100)} %`;
}
