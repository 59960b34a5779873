// Pictures of a track: its waveform and its spectrogram.

import { mixed } from "./accents.js";
import { fitted } from "./dom.js";
import { magnitudes } from "./fft.js";

const FRAME = 2048;
const LOWEST_HZ = 80;
const HIGHEST_HZ = 12000;
const FLOOR_DB = -82;
const TOP_DB = -18;
const COLUMNS_AT_ONCE = 40; // then the page breathes

/** Return a track as one channel: the mean of its channels. */
export function monoOf(buffer) {
  if (buffer.numberOfChannels === 1) return buffer.getChannelData(0);
  const mean = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const samples = buffer.getChannelData(channel);
    for (let n = 0; n < mean.length; n += 1) mean[n] += samples[n] / buffer.numberOfChannels;
  }
  return mean;
}

/** Return the highest magnitude of samples. */
export function peakOf(samples) {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return peak;
}

/** Draw the waveform of samples, from -full to full, over so many seconds, of which they may fill a part. */
export function drawWaveform(canvas, samples, rate, seconds, full, colour) {
  const { context, width, height } = fitted(canvas);
  const perPixel = (seconds * rate) / width;
  context.clearRect(0, 0, width, height);
  context.fillStyle = colour;
  for (let x = 0; x < width; x += 1) {
    const [start, end] = [Math.floor(x * perPixel), Math.floor((x + 1) * perPixel)];
    let [low, high] = [0, 0];
    for (let n = start; n < Math.min(end, samples.length); n += 1) {
      if (samples[n] < low) low = samples[n];
      if (samples[n] > high) high = samples[n];
    }
    context.fillRect(
      x,
      (height / 2) * (1 - high / full),
      1,
      Math.max(1, ((height / 2) * (high - low)) / full),
    );
  }
}

/** Draw the spectrogram of samples, frequency in octaves upwards; ends early once `signal` is aborted. */
export async function drawSpectrogram(canvas, samples, rate, seconds, colour, signal) {
  const { context, width, height } = fitted(canvas);
  const palette = shades(colour);
  const transform = magnitudes(FRAME);
  const frame = new Float32Array(FRAME);
  const scale = window.devicePixelRatio || 1;
  const rows = Math.floor(height * scale);
  const top = Math.min(HIGHEST_HZ, rate / 2);
  const edges = Array.from(
    { length: rows + 1 },
    (_, y) => (LOWEST_HZ * (top / LOWEST_HZ) ** (1 - y / rows) * FRAME) / rate,
  );
  context.clearRect(0, 0, width, height);
  const column = new ImageData(1, rows);
  for (let x = 0; x < width * scale; x += 1) {
    if (x % COLUMNS_AT_ONCE === 0) await new Promise((go) => setTimeout(go));
    if (signal.aborted) return;
    const middle = Math.round(((x + 0.5) / (width * scale)) * seconds * rate);
    for (let n = 0; n < FRAME; n += 1) frame[n] = samples[middle - FRAME / 2 + n] ?? 0;
    const found = transform(frame);
    for (let y = 0; y < rows; y += 1) column.data.set(palette[shade(found, edges[y + 1], edges[y])], 4 * y);
    context.putImageData(column, x, 0);
  }
}

/** Return the shade of the strongest bin between two places, and between two bins one in between. */
function shade(found, low, high) {
  const bin = Math.floor(low);
  let strongest = found[bin] + (found[bin + 1] - found[bin]) * (low - bin);
  for (let whole = bin + 1; whole <= high; whole += 1) strongest = Math.max(strongest, found[whole] ?? 0);
  const db = 20 * Math.log10(strongest + 1e-9);
  return Math.round(255 * Math.min(1, Math.max(0, (db - FLOOR_DB) / (TOP_DB - FLOOR_DB))));
}

function shades(colour) {
  return Array.from({ length: 256 }, (_, index) => {
    const part = index / 255;
    const hex =
      part < 0.6
        ? mixed("#0b0e11", colour, (part / 0.6) ** 1.6)
        : mixed(colour, "#ffffff", (part - 0.6) / 0.4);
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(255);
  });
}
