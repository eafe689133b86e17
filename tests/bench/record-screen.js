// SPDX-License-Identifier: MPL-2.0
// Records what a teacher shares: an editor, a terminal, a browser, 1920x1080 at 30 frames a second, text of 14 px.
//
//     node tests/bench/record-screen.js OUT [SECONDS]     each of the three for SECONDS (20)
//
// OUT gets screen.mkv and screen.json: [{time, words}], the words that are on the screen at a time at which it is still.
// The pages are drawn at the time that they are told, so that one repository always gives one recording.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withPage } from "../players/browser.js";

const RATE = 30;
const [, , out, seconds = "20"] = process.argv;
if (!out) {
  console.error("usage: record-screen.js OUT [SECONDS]");
  process.exit(2);
}
const length = Number(seconds);
const source = (path) => readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const code = (await source("src/webvtt/reader.rs")).split("\n").slice(0, 140);
const log = (await source("CHANGELOG.md")).split("\n").flatMap((line) => line.match(/.{1,150}(\s|$)/g) ?? []);
const article = (await source("README.md")).split("\n").filter((line) => /^[A-Z].{60}/.test(line));

const escaped = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const coloured = (line) =>
  escaped(line)
    .replace(/\b(fn|let|pub|use|if|else|match|for|in|mut|struct|impl|return|self|const|enum)\b/g, "<b>$1</b>")
    .replace(/(\/\/.*)$/, "<i>$1</i>");
/** `draw(time, lines)` of a page returns the lines that it shows then (or null), what tells two of its pictures apart, and
 *  whether there is a caret, or how far the page has been scrolled. */
const PAGES = {
  editor: {
    style: `body{background:#fff;color:#1f2328;font:14px/20px "DejaVu Sans Mono"} b{color:#0550ae;font-weight:normal}
      i{color:#57606a} #side{position:fixed;width:240px;height:100%;background:#f0f2f4;padding:8px} #text{margin-left:270px}
      #caret{display:inline-block;width:2px;height:16px;background:#000}`,
    body: `<div id=side>${["src", "webvtt", "reader.rs", "document.rs", "timing.rs"].join("<br>")}</div><pre id=text></pre>`,
    // A line is typed in the middle; now and then the view jumps half a page on.
    draw: (time, lines) => {
      const top = Math.floor(time / 6) * 25;
      const typed = Math.min(time % 6, 4);
      const shown = lines.slice(top, top + 52);
      const keys = Math.floor(typed * 9);
      shown[20] = "let checked_result = parser.validate(document, settings)?;".slice(0, keys);
      const blink = typed < 4 || Math.floor(time * 2) % 2 ? 1 : 0;
      return [shown, `${top} ${keys} ${blink}`, blink];
    },
  },
  terminal: {
    style: `body{background:#1e1e1e;color:#e6e6e6;font:14px/20px "DejaVu Sans Mono"} pre{margin:6px 12px}`,
    body: "<pre id=text></pre>",
    // Lines run through in bursts, as the output of a build does, and stand still between them.
    draw: (time, lines) => {
      const burst = Math.floor(time / 5) * 36 + Math.min(Math.floor((time % 5) * 24), 36);
      const all = [...lines, ...lines, ...lines];
      return [all.slice(0, 12 + burst).slice(-52), `${burst}`, 0];
    },
  },
  browser: {
    style: `body{background:#fff;color:#222;font:14px/22px "DejaVu Sans";margin:0}
      #text{position:absolute;left:360px;width:1200px} h1{font-size:30px} nav{position:fixed;width:100%;height:60px;background:#24517c;color:#fff;z-index:1}`,
    body: "<nav></nav><div id=text></div>",
    // The page glides on and is read.
    draw: (time) => {
      const step = Math.floor(time / 5);
      const glide = Math.min((time % 5) / 1.5, 1);
      const at = Math.round(500 * (step + (step > 0 || glide < 1 ? (3 - 2 * glide) * glide ** 2 : 1)));
      return [null, `${at}`, at];
    },
  },
};

await mkdir(out, { recursive: true });
const encoder = spawn(
  "ffmpeg",
  `-v error -y -f image2pipe -framerate ${RATE} -c:v png -i - -f lavfi -i anullsrc=r=48000:cl=mono
   -c:v libx264 -preset veryfast -crf 14 -g ${RATE * 4} -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709
   -color_trc bt709 -vf scale=out_color_matrix=bt709 -c:a libopus -shortest`
    .split(/\s+/)
    .concat(join(out, "screen.mkv")),
  { stdio: ["pipe", "inherit", "inherit"] },
);
const truth = [];
let recorded = 0;
await withPage(async (page) => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  for (const [name, { style, body, draw }] of Object.entries(PAGES)) {
    await page.setContent(`<style>${style}</style>${body}`);
    const lines = { editor: code, terminal: log, browser: [] }[name];
    if (name === "browser") {
      const paragraphs = [...article, ...article, ...article].map((text) => `<p>${escaped(text)}</p>`);
      await page.evaluate((html) => (text.innerHTML = html), paragraphs.join(""));
    }
    let last, picture;
    for (let frame = 0; frame < length * RATE; frame++) {
      const [shown, key, more] = draw(frame / RATE, lines);
      if (key !== last) {
        last = key;
        await page.evaluate(
          ([html, more]) => {
            if (html === null) scrollTo(0, more);
            else text.innerHTML = html;
          },
          [shown && shown.map(name === "editor" ? coloured : escaped).join("\n") + (more ? "<span id=caret></span>" : ""), more],
        );
        picture = await page.screenshot();
      }
      // Once all has come to rest, before it moves on.
      if ((frame / RATE) % (name === "editor" ? 6 : 5) === 4.5) {
        const words = await page.evaluate(() => {
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node; (node = walker.nextNode()); ) {
            for (const match of node.data.matchAll(/[A-Za-z]{3,}/g)) {
              const range = document.createRange();
              range.setStart(node, match.index);
              range.setEnd(node, match.index + match[0].length);
              const { top, bottom, right } = range.getBoundingClientRect();
              if (top >= 62 * !!document.querySelector("nav") && bottom <= innerHeight && right <= innerWidth) found.push(match[0]);
            }
          }
          return found;
        });
        truth.push({ time: (recorded + frame + 0.5) / RATE, page: name, words });
      }
      if (!encoder.stdin.write(picture)) await once(encoder.stdin, "drain");
    }
    recorded += length * RATE;
  }
});
encoder.stdin.end();
const [status] = await once(encoder, "close");
if (status !== 0) process.exit(1);
await writeFile(join(out, "screen.json"), JSON.stringify(truth));
console.log(join(out, "screen.mkv"));
