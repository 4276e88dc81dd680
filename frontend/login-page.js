/** The login page: a link's code logs in by itself, a token by the form. */

import { get, post } from "./api.js";
import { byId, setText } from "./dom.js";
import { readAddress } from "./login-goal.js";

let address = readAddress(location);
const field = byId("token");
const problem = byId("problem");

/** @param {{code: string}|{token: string}} secret */
async function enter(secret) {
  byId("enter").disabled = true;
  try {
    await post("/api/login", secret);
    location.replace(address.goal);
  } catch (refusal) {
    complain(/** @type {Error} */ (refusal).message);
  } finally {
    byId("enter").disabled = false;
  }
}

/** @param {string} sentence */
function complain(sentence) {
  problem.hidden = false;
  setText(problem, sentence);
  field.focus();
}

byId("login-form").addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  const token = field.value.trim();
  if (token) void enter({ token });
  else complain("Enter a token first.");
});

/** A code is used up: it need not stay in the address. @param {string} code */
function enterByLink(code) {
  history.replaceState(null, "", "/login");
  void enter({ code });
}

/** A link from another site brings no strict cookie along, although there is one: this request does. */
async function goOnIfLoggedIn() {
  try {
    await get("/api/status");
    location.replace(address.goal);
  } catch {
    field.focus(); // as most who see this page
  }
}

addEventListener("hashchange", () => { // a link that is opened where this page is open already
  address = readAddress(location);
  if (address.code) enterByLink(address.code);
});
if (address.code) enterByLink(address.code);
else void goOnIfLoggedIn();
