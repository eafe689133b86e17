// SPDX-License-Identifier: MPL-2.0
// Records what a teacher shares, 1920x1080 at 30 frames a second, text of 14 px.
//
//     node tests/bench/record-screen.js OUT [SCENARIO] [SECONDS]     each page of the scenario for SECONDS (20)
//
// Scenarios: lesson (a light editor, a dark terminal, a browser; the default), office (a dark editor, a spreadsheet, a
// light terminal that scrolls).
// OUT gets SCENARIO.mkv and SCENARIO.json: [{time, words}], the words that are on the screen at a time at which it is still.
// The pages are drawn at the time that they are told, so that one repository always gives one recording.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withPage } from "../players/browser.js";

const RATE = 30;
const [, , out, scenario = "lesson", seconds = "20"] = process.argv;
if (!out || !["lesson", "office"].includes(scenario)) {
  console.error("usage: record-screen.js OUT [lesson|office] [SECONDS]");
  process.exit(2);
}
const length = Number(seconds);
const source = (path) => readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
const code = (await source("src/webvtt/reader.rs")).split("\n").slice(0, 140);
const log = (await source("CHANGELOG.md")).split("\n").flatMap((line) => line.match(/.{1,150}(\s|$)/g) ?? []);
const script = (await source("tests/players/play.js")).split("\n");
const article = (await source("README.md")).split("\n").filter((line) => /^[A-Z].{60}/.test(line));

const escaped = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const coloured = (line) =>
  escaped(line)
    .replace(/\b(fn|let|pub|use|if|else|match|for|in|mut|struct|impl|return|self|const|enum)\b/g, "<b>$1</b>")
    .replace(/(\/\/.*)$/, "<i>$1</i>");
const filled = (lines, html) => lines.map(html).join("\n");
const rows = [...log, ...log].map((line, number) => [number + 1, ...line.split(" ").slice(0, 9), (number * 7919) % 10007]);
/** `draw(time)` of a page returns what fills its text (null: it stays), what tells two of its pictures apart, and how far
 *  it has been scrolled. A page comes to rest in each of its periods of some seconds. */
const caret = "<span id=caret></span>";
const PAGES = {
  editor: {
    period: 6,
    style: `body{background:#fff;color:#1f2328;font:14px/20px "DejaVu Sans Mono"} b{color:#0550ae;font-weight:normal}
      i{color:#57606a} #side{position:fixed;width:240px;height:100%;background:#f0f2f4;padding:8px} #text{margin-left:270px}
      #caret{display:inline-block;width:2px;height:16px;background:#000}`,
    body: `<div id=side>${["src", "webvtt", "reader.rs", "document.rs", "timing.rs"].join("<br>")}</div><pre id=text></pre>`,
    // A line is typed in the middle; now and then the view jumps half a page on.
    draw: (time) => {
      const top = Math.floor(time / 6) * 25;
      const typed = Math.min(time % 6, 4);
      const shown = code.slice(top, top + 52);
      const keys = Math.floor(typed * 9);
      shown[20] = "let checked_result = parser.validate(document, settings)?;".slice(0, keys);
      const blink = typed < 4 || Math.floor(time * 2) % 2 ? 1 : 0;
      return [filled(shown, coloured) + (blink ? caret : ""), `${top} ${keys} ${blink}`];
    },
  },
  terminal: {
    period: 5,
    style: `body{background:#1e1e1e;color:#e6e6e6;font:14px/20px "DejaVu Sans Mono"} pre{margin:6px 12px}`,
    body: "<pre id=text></pre>",
    // Lines run through in bursts, as the output of a build does, and stand still between them.
    draw: (time) => {
      const burst = Math.floor(time / 5) * 36 + Math.min(Math.floor((time % 5) * 24), 36);
      const all = [...log, ...log, ...log];
      return [filled(all.slice(0, 12 + burst).slice(-52), escaped), `${burst}`];
    },
  },
  browser: {
    period: 5,
    text: [...article, ...article, ...article].map((text) => `<p>${escaped(text)}</p>`).join(""),
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
  ide: {
    period: 6,
    style: `body{background:#282c34;color:#abb2bf;font:14px/19px "DejaVu Sans Mono";margin:0} b{color:#c678dd;font-weight:normal}
      i{color:#98c379} #side{position:fixed;width:200px;height:100%;background:#21252b;padding:10px;color:#9da5b4}
      #text{margin:8px 240px} #caret{display:inline-block;width:8px;height:16px;background:#528bff}`,
    body: `<div id=side>${["package", "playlist", "manifest", "players", "captions"].join("<br>")}</div><pre id=text></pre>`,
    // Two lines are typed near the end, then the view goes on by a third of a page.
    draw: (time) => {
      const top = Math.floor(time / 6) * 18;
      const keys = Math.floor(Math.min(time % 6, 4) * 14);
      const shown = script.slice(top, top + 54);
      shown[33] = "  const measured = await collectRenditions(manifest);".slice(0, keys);
      shown[34] = "  return measured.filter((entry) => entry.legible);".slice(0, Math.max(0, keys - 52));
      return [filled(shown, coloured) + caret, `${top} ${keys}`];
    },
  },
  sheet: {
    period: 5,
    style: `body{background:#fff;color:#000;font:14px "DejaVu Sans";margin:0} table{border-collapse:collapse}
      td{border:1px solid #d0d0d0;height:22px;padding:0 6px;white-space:nowrap} td:first-child{background:#f3f3f3;color:#555}
      .at{outline:2px solid #1a73e8} #bar{height:58px;background:#107c41}`,
    body: "<div id=bar></div><table id=text></table>",
    // A cell is filled in after the other, then the sheet moves on by some rows.
    draw: (time) => {
      const top = Math.floor(time / 5) * 9;
      const at = Math.min(Math.floor((time % 5) * 4), 15);
      const cell = (value, row, column) => {
        const number = row * 3 + column - 8;
        const text = row < 8 && column > 7 && column < 10 && number > at ? "" : value;
        return `<td${number === at ? " class=at" : ""}>${escaped(String(text))}</td>`;
      };
      const shown = rows.slice(top, top + 42).map((cells, row) => `<tr>${cells.map((value, column) => cell(value, row, column)).join("")}</tr>`);
      return [shown.join(""), `${top} ${at}`];
    },
  },
  shell: {
    period: 5,
    style: `body{background:#fdf6e3;color:#3b4a50;font:14px/18px "DejaVu Sans Mono"} pre{margin:4px 10px}`,
    body: "<pre id=text></pre>",
    // It scrolls line by line for three seconds, and is read.
    draw: (time) => {
      const line = Math.floor(time / 5) * 45 + Math.min(Math.floor((time % 5) * 15), 45);
      return [filled([...script, ...code].slice(0, 40 + line).slice(-58), escaped), `${line}`];
    },
  },
};
const SCENARIOS = { lesson: ["editor", "terminal", "browser"], office: ["ide", "sheet", "shell"] };

await mkdir(out, { recursive: true });
const encoder = spawn(
  "ffmpeg",
  `-v error -y -f image2pipe -framerate ${RATE} -c:v png -i - -f lavfi -i anullsrc=r=48000:cl=mono
   -c:v libx264 -preset veryfast -crf 14 -g ${RATE * 4} -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709
   -color_trc bt709 -vf scale=out_color_matrix=bt709 -c:a libopus -shortest`
    .split(/\s+/)
    .concat(join(out, `${scenario}.mkv`)),
  { stdio: ["pipe", "inherit", "inherit"] },
);
const truth = [];
let recorded = 0;
await withPage(async (page) => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  for (const name of SCENARIOS[scenario]) {
    const { style, body, text, period, draw } = PAGES[name];
    await page.setContent(`<style>${style}</style>${body}`);
    if (text) await page.evaluate((html) => (document.getElementById("text").innerHTML = html), text);
    let last, picture;
    for (let frame = 0; frame < length * RATE; frame++) {
      const [html, key, scrolled] = draw(frame / RATE);
      if (key !== last) {
        last = key;
        await page.evaluate(
          ([html, scrolled]) => {
            if (html === null) scrollTo(0, scrolled);
            else document.getElementById("text").innerHTML = html;
          },
          [html, scrolled],
        );
        picture = await page.screenshot();
      }
      // Once all has come to rest, before it moves on.
      if ((frame / RATE) % period === 4.5) {
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
await writeFile(join(out, `${scenario}.json`), JSON.stringify(truth));
console.log(join(out, `${scenario}.mkv`));
