// SPDX-License-Identifier: MPL-2.0
// The chapters: titles and starts, split, merge.

import { arrange, byId, clock, h, shortcut, withKey } from "./model.js";
import { now, seek, timeField } from "./timeline.js";

export class Chapters {
  constructor(model) {
    this.model = model;
    this.rows = new Map();
    this.list = h("ol", { className: "rows" });
    byId("panel-chapters").append(
      h("p", { className: "hint" }, "Viewers jump between chapters by their titles. Times are those of the recording."),
      h("div", { className: "line" },
        h("button", { type: "button", onclick: () => this.split() }, "New chapter here ", h("kbd", {}, "n")),
        h("button", { type: "button", onclick: () => this.merge(this.current()) }, "Join this chapter to the one before ", h("kbd", {}, "m"))),
      this.list,
    );
    shortcut("2", "Chapters", () => byId("tab-chapters").click());
    shortcut("n", "A new chapter starts here", () => this.split());
    shortcut("m", "Join the chapter at this position to the one before", () => this.merge(this.current()));
    model.addEventListener("change", (event) => event.detail === model.chapters.file && this.show());
    model.addEventListener("position", () => this.showCurrent());
  }

  get items() {
    return this.model.chapters.items;
  }

  change(items, merge) {
    this.model.change(this.model.chapters.file, items, merge);
  }

  /** The innermost chapter at the position. */
  current() {
    const at = now();
    return this.items.filter(({ start, end }) => start <= at && at < end).at(-1);
  }

  replace(key, changes, merge) {
    this.change(this.items.map((other) => (other.key === key ? { ...other, ...changes } : other)), merge);
  }

  split() {
    const at = now();
    const current = this.current();
    if (current && at - current.start < 1000) return this.rows.get(current.key)?.title.focus();
    const following = this.items.find(({ start }) => start > at);
    const added = withKey({ start: at, end: current?.end ?? following?.start ?? this.model.duration, text: "New chapter" });
    if (added.end <= at) return undefined;
    const items = this.items.map((other) => (other === current ? { ...other, end: at } : other));
    this.change([...items, added].sort((a, b) => a.start - b.start));
    byId("tab-chapters").click();
    const { title } = this.rows.get(added.key);
    title.focus();
    return title.select();
  }

  /** Joins a chapter to the one before it; the first one to the one after it. */
  merge(chapter) {
    const index = this.items.indexOf(chapter);
    const other = this.items[index - 1] ?? this.items[index + 1];
    if (index < 0 || !other) return;
    const joined = { ...other, start: Math.min(other.start, chapter.start), end: Math.max(other.end, chapter.end) };
    this.change(this.items.filter((item) => item !== chapter).map((item) => (item === other ? joined : item)));
    this.rows.get(joined.key)?.title.focus();
  }

  /** Moves the start of a chapter; the one that ended there ends at the new time. */
  move(key, start) {
    const chapter = this.items.find((item) => item.key === key);
    const before = this.items.find((item) => item.key !== key && item.end === chapter.start);
    if (start >= chapter.end || (before && start <= before.start)) return this.show();
    const items = this.items.map((item) => {
      if (item === chapter) return { ...item, start };
      return item === before ? { ...item, end: start } : item;
    });
    return this.change(items);
  }

  row(chapter, number) {
    const { key } = chapter;
    const find = () => this.items.find((item) => item.key === key);
    const time = timeField(`Start of chapter ${number}`, chapter.start, (start) => this.move(key, start));
    const title = h("input", {
      type: "text", dir: "auto", value: chapter.text, "aria-label": `Title of chapter ${number}`, className: "title",
      oninput: () => this.replace(key, { text: title.value.replace(/\s+/g, " "), marked: undefined, written: undefined }, `title ${key}`),
      onblur: () => this.model.endMerge(),
      onkeydown: (event) => {
        if (event.key !== "Enter") return;
        const next = this.items[this.items.indexOf(find()) + 1];
        if (next) this.rows.get(next.key).title.focus();
        else title.blur();
      },
    });
    const element = h("li", {}, h("div", { className: "line" }, time, title,
      h("button", { type: "button", "aria-label": `Go to chapter ${number}`, onclick: () => seek(find().start) }, "Go to"),
      h("button", { type: "button", className: "join", "aria-label": `Join to the one above: chapter ${number}`, onclick: () => this.merge(find()) }, "Join to the one above")));
    return { element, time, title };
  }

  show() {
    const before = this.rows;
    this.rows = new Map();
    const rows = this.items.map((chapter, index) => {
      const row = before.get(chapter.key) ?? this.row(chapter, index + 1);
      if (row.title.value.replace(/\s+/g, " ") !== chapter.text) row.title.value = chapter.text;
      if (document.activeElement !== row.time) row.time.value = clock(chapter.start);
      this.rows.set(chapter.key, row);
      return row.element;
    });
    arrange(this.list, rows);
    this.showCurrent();
  }

  showCurrent() {
    const current = this.current();
    for (const [key, { element }] of this.rows) element.classList.toggle("current", key === current?.key);
  }
}
