// Joins the parts of the panel: one connection, one store, and every part of the page on them.

import { Bounces } from "./bounces.js";
import { Comparison } from "./compare.js";
import { Connection } from "./connection.js";
import { byId, shown, write } from "./dom.js";
import { Enrolments } from "./enrolments.js";
import { Files } from "./files.js";
import { Guides } from "./guides.js";
import { listenToKeys } from "./keys.js";
import { Log } from "./log.js";
import { Meter } from "./meters.js";
import { fetchNamespace } from "./namespace.js";
import { buildPad } from "./pad.js";
import { buildLearning, buildParameters } from "./parameters.js";
import { PitchView } from "./pitch.js";
import { Presets } from "./presets.js";
import { buildRecording } from "./recording.js";
import { buildSingers, sing } from "./singers.js";
import { Sources } from "./sources.js";
import { buildStatus } from "./status.js";
import { Store } from "./store.js";
import { buildTabs } from "./tabs.js";

const RATE = 30; // updates a second
const SUBSCRIBED_SECONDS = 60;
const RENEWED_MS = 40_000;
const FAST_FIGURES = new Set(["position", "load", "worst_ms", "queue_ms"]); // asked for while looked at
const BYPASS = "/param/bypass";

const link = new Connection(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/`);
const store = new Store(link);
const log = new Log(link);
const files = new Files();
const presets = new Presets(link, log);
const sources = new Sources(files, log);
const comparison = new Comparison(log);
const listen = (result) => comparison.open(result, files.sourceOf(result));
const bounces = new Bounces(link, {
  files,
  sources,
  presets,
  log,
  listen,
});
const guides = new Guides(link, { files, sources, log, listen });
const enrolments = new Enrolments(link, { files, sources, log });
const view = buildTabs();
const meters = [
  new Meter("meter-input", "source", "/meter/input", store),
  new Meter("meter-output", "output", "/meter/output", store),
];
let pitch = null;
let structure = "";
let names = [];
let figures = [];
let forget = () => {};
let showSingers = () => {};
const facts = new Map(); // of the singers, by id

/** Read what the server has, build what is generated from it, and subscribe. */
async function begin() {
  const [namespace, about] = await Promise.all([fetchNamespace(), told("/panel/about")]);
  const found = JSON.stringify([namespace, about]);
  if (found !== structure) {
    names = namespace.parameters.find((row) => row.id === "singer").words;
    if (!structure) log.say(`${names.join(", ")} ready.`);
    structure = found;
    forget();
    forget = store.watching(() => build(namespace, about));
  }
  subscribe();
  const known = [log, presets, files, bounces, guides, enrolments].map((part) => part.refresh());
  await Promise.all([...known, readFacts()]);
}

/** Read whose voices they are, once: it takes the server seconds. */
async function readFacts() {
  if (names.every((name) => facts.has(name))) return;
  for (const row of await told("/panel/singers")) facts.set(row.id, row);
  showSingers();
}

/** Return the places of the singers by what they sound like: the server has each sing, once. */
async function voices() {
  log.say("Listening to the singers …");
  return new Map((await told("/panel/places")).map(({ id, x, y }) => [id, { x, y }]));
}

function build(namespace, about) {
  document.body.classList.toggle("plugin", about.plugin);
  figures = namespace.figures;
  bounces.singers = guides.singers = enrolments.singers = names;
  guides.offer(about.keys, about.styles);
  pitch = new PitchView(store, about.scales, about.keys);
  showSingers = buildSingers(names, facts, store);
  buildPad(names, store, voices, (sentence) => log.fault(sentence));
  buildParameters(namespace.parameters, store, (sentence) => log.fault(sentence));
  buildStatus(figures, store);
  write(byId("version"), `${about.name} ${about.version}`);
}

async function told(path) {
  const response = await fetch(path);
  if (response.ok) return response.json();
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error ?? `the server does not answer ${path} (${response.status})`);
}

function subscribe() {
  const slow = figures.filter(({ id }) => !FAST_FIGURES.has(id)).map(({ path }) => path);
  link.send(
    "/subscribe",
    RATE,
    SUBSCRIBED_SECONDS,
    "/param/*",
    "/meter/*",
    "/report",
    "/bounce/progress",
    "/enrol/progress",
    "/guide/progress",
    ...slow,
  );
}

function showConnection() {
  const isAway = !link.isOpen;
  shown(byId("away"), !isAway ? false : structure !== "" || performance.now() > 2000);
  document.body.classList.toggle("lost", isAway);
  for (const button of document.querySelectorAll("[data-needs-server]")) button.disabled = isAway;
  const isRunning = store.get("/status/running") ?? true;
  const waiting = document.body.classList.contains("plugin") ? "Not played" : "Device away";
  write(byId("state"), isAway ? "Server away" : isRunning ? "Playing" : waiting);
  byId("state").dataset.state = isAway ? "lost" : isRunning ? "playing" : "waiting";
}

link.addEventListener("open", () => begin().then(showConnection, (fault) => log.fault(fault.message)));
link.addEventListener("open", () => structure && log.say("The server is back."));
link.addEventListener(
  "lost",
  () => structure && !byId("away").checkVisibility() && log.say("The server is lost; it is looked for."),
);
for (const type of ["open", "lost"]) link.addEventListener(type, showConnection);
link.addEventListener("changed", ({ detail }) => {
  if (detail.startsWith("/preset")) presets.refresh().catch(() => {});
  else if (detail.startsWith("/singer") || detail.startsWith("/param"))
    begin().catch((fault) => log.fault(fault.message));
  else files.refresh().catch(() => {});
});
store.watch("/status/running", showConnection);
setInterval(() => link.isOpen && structure && subscribe(), RENEWED_MS);

const bypass = byId("bypass");
bypass.addEventListener("click", () => store.move(BYPASS, !store.get(BYPASS)));
store.watch(BYPASS, (value) => bypass.setAttribute("aria-pressed", String(Boolean(value))));
const panic = () => link.ask("/panic").catch((fault) => log.fault(fault.message));
byId("panic").addEventListener("click", panic);
buildRecording(link, store, log, () => files.refresh());
buildLearning(link, store, log);

for (const [button, dialog] of [
  ["open-figures", "figures"],
  ["open-help", "help"],
])
  byId(button).addEventListener("click", () => byId(dialog).showModal());
for (const close of document.querySelectorAll("dialog .close"))
  close.addEventListener("click", () => close.closest("dialog").close());
setInterval(() => byId("figures").open && askFigures(), 500);

async function askFigures() {
  for (const { path } of figures.filter(({ id }) => FAST_FIGURES.has(id))) link.send(path);
}

listenToKeys({
  ...Object.fromEntries(
    Array.from({ length: 9 }, (_, index) => [
      String(index + 1),
      () => names[index] && (sing(names[index], store), true),
    ]),
  ),
  b: () => (bypass.click(), true),
  p: () => (panic(), true),
  x: () => view() === "bounce" && (comparison.turn(), true),
  " ": () => view() === "bounce" && comparison.isOpen && (comparison.toggle(), true),
});

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
let drawnAt = 0;
function frame(now) {
  requestAnimationFrame(frame);
  if (now - drawnAt < 1000 / (calm.matches ? 4 : RATE) - 4) return; // half a screen's frame early
  drawnAt = now;
  if (view() === "bounce") comparison.draw();
  else if (pitch) {
    pitch.draw(now, !link.isOpen);
    for (const meter of meters) meter.draw(now, !link.isOpen);
  }
}
requestAnimationFrame(frame);
link.open();
