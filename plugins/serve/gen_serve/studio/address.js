// Everything that a page needs to be the same again stands in the fragment of its address, which no server sees.

/** The settings in the address: a plain object of strings. */
export function readAddress(hash = location.hash) {
  return Object.fromEntries(new URLSearchParams(hash.replace(/^#/, "")));
}

/** The fragment that says these settings; empty ones are left out. */
export function fragmentOf(settings) {
  const kept = Object.entries(settings).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined && value !== false,
  );
  return "#" + kept.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}

/** Puts settings into the address without a step in the history. */
export function writeAddress(settings) {
  const fragment = fragmentOf(settings);
  if (fragment !== location.hash) history.replaceState(null, "", fragment);
}

/** The whole address of this page with these settings. */
export function addressWith(settings) {
  return new URL(fragmentOf(settings), location.href).href;
}
