// From a place on the pad to a morph of two singers and back.
//
// The two nearest singers are heard, each the more the nearer it is: with distances d1 <= d2 <= d3 they weigh
// 1/d1 - 1/d3 and 1/d2 - 1/d3. So a singer is alone on its own marker, two are equal half way between them,
// and where the second gives way to the third it weighs nothing: nothing jumps, but where all three are
// equally near.

const RADIUS = 0.36;

/** Return the markers of so many singers, x and y 0..1, evenly around the middle, the first on the left. */
export function markers(count) {
  if (count === 1) return [{ x: 0.5, y: 0.5 }];
  return Array.from({ length: count }, (_, index) => {
    const angle = Math.PI + (2 * Math.PI * index) / count;
    return { x: 0.5 + RADIUS * Math.cos(angle), y: 0.5 + RADIUS * Math.sin(angle) };
  });
}

/** Return the singers of a place and the morph from the one to the other, as indices and 0..1. */
export function morphAt(point, places) {
  const near = places
    .map((place, index) => ({ index, distance: Math.hypot(point.x - place.x, point.y - place.y) }))
    .sort((a, b) => a.distance - b.distance);
  const [first, second, third] = near;
  if (first.distance < 1e-9) return { from: first.index, to: second.index, morph: 0 };
  const rest = third ? 1 / third.distance : 0;
  const weights = [1 / first.distance - rest, 1 / second.distance - rest];
  const sum = weights[0] + weights[1];
  return { from: first.index, to: second.index, morph: sum > 0 ? weights[1] / sum : 0.5 };
}

/** Return a morph the other way around where that is how the two are named now: then only the morph moves. */
export function asNamed(found, current) {
  const turned = found.from === current.to && found.to === current.from;
  return turned ? { from: found.to, to: found.from, morph: 1 - found.morph } : found;
}

/** Return a place where a morph lies: on the line between the two markers. */
export function placeOf({ from, to, morph }, places) {
  const [a, b] = [places[from], places[to] ?? places[from]];
  return { x: a.x + (b.x - a.x) * morph, y: a.y + (b.y - a.y) * morph };
}
