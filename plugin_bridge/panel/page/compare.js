// Source and result side by side: the A/B player with its pictures and the download.

import { byId, shown, write } from "./dom.js";
import { addressOf } from "./files.js";
import { drawSpectrogram, drawWaveform, monoOf, peakOf } from "./pictures.js";
import { Player } from "./player.js";
import { clock } from "./recording.js";

const MAX_SECONDS = 600; // decoded whole: 230 MB in stereo at 48 kHz
const SKIP_SECONDS = 2;
const SIDES = ["source", "result"];

export class Comparison {
  #log;
  #context = null;
  #player = null;
  #drawing = new AbortController();
  #tracks = [null, null];
  #opened = 0; // comparisons; one that is overtaken by the next is not loaded

  constructor(log) {
    this.#log = log;
    byId("play").addEventListener("click", () => this.toggle());
    SIDES.forEach((side, index) =>
      byId(`hear-${side}`).addEventListener("change", () => this.#choose(index)),
    );
    const strip = byId("strip");
    strip.addEventListener("pointerdown", (event) => {
      const box = byId("playhead-place").getBoundingClientRect();
      this.#seek(((event.clientX - box.left) / box.width) * (this.#player?.duration ?? 0));
    });
    strip.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -SKIP_SECONDS, ArrowRight: SKIP_SECONDS, Home: -Infinity }[event.key];
      if (way === undefined || !this.#player) return;
      event.preventDefault();
      this.#seek(Math.max(0, this.#player.position + way));
    });
    new ResizeObserver(() => this.#draw()).observe(strip);
  }

  /** Load a bounce and its source, rows of the folder; without a source the result is heard alone. */
  async open(result, source) {
    this.#context ??= new AudioContext();
    this.#player ??= new Player(this.#context);
    this.#player.pause();
    shown(byId("compare"), true);
    shown(byId("compare-none"), false);
    write(byId("compare-name"), result.name);
    const download = byId("download");
    [download.href, download.download] = [addressOf(result.name), result.name];
    write(byId("compare-note"), "Reading …");
    this.#opened += 1;
    const own = this.#opened;
    const [first, second] = await Promise.all([
      source ? this.#decoded(source.name, source.seconds) : null,
      this.#decoded(result.name, result.seconds),
    ]);
    if (own !== this.#opened) return;
    this.#tracks = [first, second];
    this.#player.load(this.#tracks);
    byId("hear-source").disabled = !first;
    this.#choose(second ? 1 : 0);
    write(
      byId("compare-note"),
      first
        ? ""
        : source
          ? `This browser cannot play ${source.name}; the result is heard alone.`
          : "Its source is no longer there; the result is heard alone.",
    );
    await this.#draw();
  }

  get isOpen() {
    return this.#player !== null;
  }

  /** Play or pause. */
  async toggle() {
    if (!this.#player) return;
    await this.#context.resume();
    if (this.#player.isPlaying) this.#player.pause();
    else this.#player.play();
    this.draw();
  }

  /** Change to the other track. */
  turn() {
    if (this.#player && this.#tracks[0]) this.#choose(1 - this.#player.chosen);
  }

  /** Show where it is; call as often as it shall move. */
  draw() {
    if (!this.#player) return;
    const { position, duration } = this.#player;
    if (this.#player.isPlaying && position >= duration) this.#player.pause();
    byId("playhead").style.left = `${(duration ? position / duration : 0) * 100}%`;
    write(byId("play-word"), this.#player.isPlaying ? "Pause" : "Play");
    write(byId("play-time"), `${clock(position)} / ${clock(duration)}`);
    const strip = byId("strip");
    strip.setAttribute("aria-valuemax", String(Math.round(duration)));
    strip.setAttribute("aria-valuenow", String(Math.round(position)));
    strip.setAttribute("aria-valuetext", `${clock(position)} of ${clock(duration)}`);
  }

  #choose(index) {
    this.#player.choose(index);
    byId(`hear-${SIDES[index]}`).checked = true;
    byId("compare").dataset.heard = SIDES[index];
  }

  #seek(seconds) {
    this.#player?.seek(seconds);
    this.draw();
  }

  async #decoded(name, seconds) {
    if (seconds > MAX_SECONDS) {
      this.#log.fault(
        `${name} is longer than ${MAX_SECONDS / 60} minutes, too long to compare here; download it to listen`,
      );
      return null;
    }
    try {
      const response = await fetch(addressOf(name));
      if (!response.ok) return null;
      return await this.#context.decodeAudioData(await response.arrayBuffer());
    } catch {
      return null; // a format that this browser does not read
    }
  }

  async #draw() {
    this.#drawing.abort();
    this.#drawing = new AbortController();
    const { signal } = this.#drawing;
    const style = getComputedStyle(document.documentElement);
    const colours = [style.getPropertyValue("--source"), style.getPropertyValue("--accent")];
    const seconds = this.#player?.duration ?? 0;
    if (!seconds) return;
    this.draw();
    const samples = this.#tracks.map((track) => (track ? monoOf(track) : new Float32Array()));
    const full = Math.max(0.01, ...samples.map(peakOf));
    SIDES.forEach((side, index) =>
      drawWaveform(
        byId(`${side}-waveform`),
        samples[index],
        this.#context.sampleRate,
        seconds,
        full,
        colours[index],
      ),
    );
    for (const [index, side] of SIDES.entries()) {
      await drawSpectrogram(
        byId(`${side}-spectrogram`),
        samples[index],
        this.#context.sampleRate,
        seconds,
        colours[index],
        signal,
      );
    }
  }
}
