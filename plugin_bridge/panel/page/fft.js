// A small FFT: the magnitudes of one windowed frame.

/** Return a function from a frame of `size` samples, a power of two, to its size/2 + 1 magnitudes. */
export function magnitudes(size) {
  const window = Float64Array.from(
    { length: size },
    (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size),
  ); // Hann
  const cosines = Float64Array.from({ length: size / 2 }, (_, n) => Math.cos((2 * Math.PI * n) / size));
  const sines = Float64Array.from({ length: size / 2 }, (_, n) => -Math.sin((2 * Math.PI * n) / size));
  const reversed = new Uint32Array(size);
  for (let n = 1; n < size; n += 1) reversed[n] = (reversed[n >> 1] >> 1) | (n & 1 ? size >> 1 : 0);
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const found = new Float64Array(size / 2 + 1);

  return (frame) => {
    for (let n = 0; n < size; n += 1) {
      re[reversed[n]] = frame[n] * window[n];
      im[n] = 0;
    }
    for (let half = 1; half < size; half *= 2) {
      const stride = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k += 1) {
          const [a, b] = [start + k, start + k + half];
          const [c, s] = [cosines[k * stride], sines[k * stride]];
          const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
          re[b] = re[a] - x;
          im[b] = im[a] - y;
          re[a] += x;
          im[a] += y;
        }
      }
    }
    const sine = size / 4; // of one at full scale
    for (let n = 0; n <= size / 2; n += 1) found[n] = Math.hypot(re[n], im[n]) / sine;
    return found;
  };
}
