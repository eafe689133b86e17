// SPDX-License-Identifier: MPL-2.0
// Puts the page together.

import { byId, clock, h, Model, shortcut } from "./model.js";
import { help } from "./keys.js";
import { Timeline } from "./timeline.js";
import { Chapters } from "./chapters.js";
import { Captions } from "./captions.js";
import { Approve } from "./approve.js";

const model = new Model();

function tabs() {
  const all = [...document.querySelectorAll("[role=tab]")];
  const choose = (chosen) => {
    for (const tab of all) {
      const is = tab === chosen;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !is;
    }
  };
  all.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      const next = all[(to + all.length) % all.length];
      next.focus();
      choose(next);
      event.preventDefault();
    });
  });
  choose(all[0]);
}

function history() {
  byId("undo").addEventListener("click", () => model.undo());
  byId("redo").addEventListener("click", () => model.redo());
  shortcut("u", "Undo (also Ctrl+Z)", () => model.undo());
  shortcut("r", "Redo (also Ctrl+Y)", () => model.redo());
}

function status() {
  const text = model.status;
  const line = byId("status");
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("problem", !/^(All|Saving)/.test(text));
  byId("undo").disabled = !model.undoable.length;
  byId("redo").disabled = !model.redoable.length;
}

/** Shows both versions of a draft that was changed by two people. */
function conflicts() {
  const dialog = byId("conflict");
  let draft = null;
  const line = (item) => [item.kind, `${clock(item.start)}–${clock(item.end)}`, item.speaker, item.text ?? item.reason].filter(Boolean).join(" ");
  const differing = (items, others) => {
    const known = new Set(others.map(line));
    return items.map(line).filter((text) => !known.has(text));
  };
  const list = (element, lines) => {
    const shown = lines.slice(0, 50).map((text) => h("li", { dir: "auto" }, text.slice(0, 300)));
    if (lines.length > 50) shown.push(h("li", {}, `and ${lines.length - 50} more`));
    if (!lines.length) shown.push(h("li", {}, "Nothing that the other version lacks"));
    element.replaceChildren(...shown);
  };
  model.addEventListener("conflict", (event) => {
    draft = model.drafts.get(event.detail);
    const theirs = Object.values(draft.theirs.content)[0];
    byId("conflict-what").textContent =
      `The file ${draft.file} was changed outside of this page. Both versions are kept until you choose.`;
    list(byId("conflict-mine"), differing(draft.items, theirs));
    list(byId("conflict-theirs"), differing(theirs, draft.items));
    if (!dialog.open) dialog.showModal();
  });
  const settle = (mine) => () => {
    dialog.close();
    model.settle(draft, mine);
    status();
  };
  byId("keep-mine").addEventListener("click", settle(true));
  byId("take-theirs").addEventListener("click", settle(false));
  // Escape would leave both versions without a choice.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
}

/** Leads back to the list of classes, if there is one, once everything is saved. */
function list() {
  const link = byId("all");
  link.hidden = !model.listed;
  if (!model.listed) return;
  const leave = async () => {
    await model.flush();
    location.href = link.href;
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  shortcut("b", "Back to all classes", leave);
}

async function start() {
  await model.load();
  list();
  byId("name").textContent = model.name;
  document.title = `Review: ${model.name}`;
  tabs();
  const parts = [new Timeline(model), new Chapters(model), new Captions(model), new Approve(model)];
  history();
  help();
  conflicts();
  for (const part of parts) part.show();
  for (const event of ["change", "status", "saved", "conflict"]) model.addEventListener(event, status);
  status();
  parts[0].loadPeaks();
  document.addEventListener("visibilitychange", () => document.hidden && model.leave());
  addEventListener("beforeunload", (event) => model.status === "All changes are saved" || event.preventDefault());
}

start().catch((error) => {
  byId("all").hidden = !location.pathname.includes("/class/");
  byId("status").textContent = error.message;
  byId("status").classList.add("problem");
});
