// Driver, rate, latency, load, xruns and dropouts in the head of the page, and every figure in a dialog.

import { byId, el, write } from "./dom.js";

const LOAD = "/meter/load";
const HIGH_LOAD = 0.8;

/** Keep the figures in step. `figures` are the rows of the namespace. */
export function buildStatus(figures, store) {
  const value = (id) => store.get(`/status/${id}`);
  const milliseconds = (samples) =>
    `${((samples / value("sample_rate")) * 1000).toFixed(samples % value("sample_rate") ? 1 : 0)} ms`;
  const known = (id, spell) => (value(id) === undefined || !value("sample_rate") ? "–" : spell(value(id)));
  const head = {
    driver: () => known("driver", (name) => `${name} · ${lastPart(value("device") ?? "")}`),
    rate: () => known("sample_rate", (rate) => `${rate / 1000} kHz`),
    latency: () => known("latency", milliseconds),
    load: () => `${Math.round((store.get(LOAD) ?? 0) * 100)} %`,
    xruns: () => known("xruns", String),
    dropouts: () => known("dropped", (samples) => (samples ? milliseconds(samples) : "0")),
  };
  const show = () => {
    for (const [id, spell] of Object.entries(head)) write(byId(`head-${id}`), spell());
    byId("head-driver").title = value("device") ?? "";
    byId("head-load").classList.toggle("high", (store.get(LOAD) ?? 0) > HIGH_LOAD);
    byId("head-xruns").classList.toggle("high", (value("xruns") ?? 0) > 0);
    byId("head-dropouts").classList.toggle("high", (value("dropped") ?? 0) > 0);
  };
  store.watchAll([LOAD, ...figures.map(({ path }) => path)], show);
  show();

  const cells = figures.map((row) => {
    const cell = el("dd", {});
    store.watch(row.path, (now) =>
      write(
        cell,
        `${typeof now === "number" && !Number.isInteger(now) ? now.toFixed(2) : now} ${row.unit}`.trim(),
      ),
    );
    return [el("dt", { title: row.description }, row.name), cell];
  });
  byId("figures-lines").replaceChildren(...cells.flat());
}

function lastPart(path) {
  return path.split(/[\\/]/).at(-1);
}
