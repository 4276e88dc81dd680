/** Where to go after a login, and what a link's fragment means. Pure. */

/** The address to go on to: one of this very origin, else its first page. A path such as "//elsewhere" or "/\elsewhere"
 *  means another host to a browser, so what the browser makes of it is what counts.
 *  @param {string|null} wanted @param {string} origin such as "http://127.0.0.1:8420" */
export function goal(wanted, origin) {
  const home = `${origin}/`;
  if (!wanted?.startsWith("/")) return home;
  const found = URL.canParse(wanted, origin) ? new URL(wanted, origin) : null;
  return found?.origin === origin && found.pathname !== "/login" ? found.href : home;
}

/** What the address of the login page says: the code of a link, or the page that was asked for.
 *  A fragment beside `next` is that page's own: browsers carry it through the redirect.
 *  @param {{search: string, hash: string, origin: string}} address */
export function readAddress({ search, hash, origin }) {
  const next = new URLSearchParams(search).get("next");
  if (next === null) return { code: hash.slice(1) || null, goal: goal(null, origin) };
  return { code: null, goal: goal(next.includes("#") ? next : next + hash, origin) };
}
