// Make elements and find them: the few lines of a framework that the page needs.

/** Return an element. `on...` attributes are listeners, true is an empty one, false and null are none. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Show or hide an element. */
export function shown(element, visible) {
  element.hidden = !visible;
}

/** Write text where it differs, so that nothing is laid out or read out again for nothing. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Fill a choice with rows of a value and its words; what was chosen stays so where it is still there. */
export function fill(select, rows) {
  const kept = select.value;
  select.replaceChildren(...rows.map(([value, words]) => el("option", { value }, words)));
  if (rows.some(([value]) => value === kept)) select.value = kept;
}

/** Fit a canvas to its place and return its context in CSS pixels, with its width and height. */
export function fitted(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return { context, width, height };
}
