// SPDX-License-Identifier: MPL-2.0
// The list of classes with what is left to approve.

import { byId, h, shortcut } from "./model.js";
import { help } from "./keys.js";
import { draftTitle } from "./names.js";

let classes = [];

/** Formats milliseconds as 1 h 2 min, or as seconds below a minute. */
function length(millis) {
  const minutes = Math.round(millis / 60000);
  if (minutes < 1) return `${Math.round(millis / 1000)} s`;
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

const isOpen = ({ error, left }) => error !== undefined || left.length > 0;

function state({ error, left, drafts, packaged }) {
  if (error !== undefined) return h("p", { className: "problem", dir: "auto" }, `Cannot be shown: ${error}`);
  if (left.length) return h("p", {}, `${left.length} of ${drafts} still to approve: ${left.map(draftTitle).join(", ")}`);
  return h("p", { className: "hint" }, packaged ? "Everything is approved" : "Everything is approved; the package is not made yet");
}

function row(entry) {
  const { id, folder, title, duration } = entry;
  const facts = [duration === undefined ? "" : length(duration), folder === title ? "" : `folder ${folder}`].filter(Boolean);
  return h("li", { className: isOpen(entry) ? "open" : "" },
    h("h2", {}, h("a", { href: `class/${id}/`, dir: "auto" }, title)),
    facts.length ? h("p", { className: "hint", dir: "auto" }, facts.join(" · ")) : null,
    state(entry));
}

function show() {
  const open = classes.filter(isOpen);
  const shown = byId("open-only").checked ? open : classes;
  byId("classes").replaceChildren(...shown.map(row));
  byId("next").disabled = !open.some(({ error }) => error === undefined);
  byId("status").textContent = open.length ? `${open.length} of ${classes.length} not finished` : "Everything is approved";
  byId("status").classList.remove("problem");
}

async function load() {
  const response = await fetch("api/classes", { cache: "no-store" }).catch(() => null);
  if (!response?.ok) {
    byId("status").textContent = response ? await response.text() : "The program does not answer.";
    byId("status").classList.add("problem");
    return;
  }
  classes = await response.json();
  show();
}

/** Opens the first class with something left that can be shown. */
function next() {
  const found = classes.find((entry) => isOpen(entry) && entry.error === undefined);
  if (found) location.href = `class/${found.id}/`;
}

byId("open-only").addEventListener("change", show);
byId("next").addEventListener("click", next);
shortcut("n", "Open the next class to approve", next);
shortcut("f", "Show only what is left", () => byId("open-only").click());
help();
// Also when the browser shows a page again that it has kept.
addEventListener("pageshow", load);
