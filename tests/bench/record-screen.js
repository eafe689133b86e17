// SPDX-License-Identifier: MPL-2.0
// Records what a teacher shares, 1920x1080 at 30 frames a second, text of 14 px.
//
//     node tests/bench/record-screen.js OUT [SCENARIO] [SECONDS]     each page of the scenario for SECONDS (20)
//
// Scenarios: lesson (a light editor, a dark terminal, a browser; the default), office (a dark editor, a spreadsheet, a
// light terminal that scrolls), article (pages with pictures), build (a log that flies by), typing (a dark editor, typed in
// fast and scrolled by wheel), deck (slides that fade in), board (drawn on), film (a video in a page), notebook (cells with
// results and charts, a pointer that wanders).
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
const SCENARIOS = {
  lesson: ["editor", "terminal", "browser"],
  office: ["ide", "sheet", "shell"],
  ...Object.fromEntries(["article", "build", "typing", "deck", "board", "film", "notebook"].map((page) => [page, [page]])),
};
if (!out || !SCENARIOS[scenario]) {
  console.error(`usage: record-screen.js OUT [${Object.keys(SCENARIOS).join("|")}] [SECONDS]`);
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
const smooth = (part) => (3 - 2 * part) * part ** 2;
/** Where one of some photographs stands. */
const photo = (number, width, height, style = "") =>
  `<div style="background:url(${photos[number % photos.length]}) 0 0/100% 100%;width:${width}px;height:${height}px;${style}"></div>`;
/** Noise that has as much of every size is a photograph to an encoder. */
const developed = (page, seed) =>
  page.evaluate(async (seed) => {
    const image = new Image(1700, 900);
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1700" height="900"><filter id="p" x="0" y="0" width="1" height="1">
      <feTurbulence type="fractalNoise" baseFrequency=".006 .012" numOctaves="7" seed="${seed}"/>
      <feColorMatrix values="1.6 0 0 0 -.4 .5 1 0 0 -.3 0 .6 1 0 -.3 0 0 0 0 1"/></filter>
      <rect width="1700" height="900" filter="url(#p)"/></svg>`;
    image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: 1700, height: 900 });
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/jpeg", 0.9);
  }, seed);
const photos = [];
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
    text: () => [...article, ...article, ...article].map((text) => `<p>${escaped(text)}</p>`).join(""),
    style: `body{background:#fff;color:#222;font:14px/22px "DejaVu Sans";margin:0}
      #text{position:absolute;left:360px;width:1200px} h1{font-size:30px} nav{position:fixed;width:100%;height:60px;background:#24517c;color:#fff;z-index:1}`,
    body: "<nav></nav><div id=text></div>",
    // The page glides on and is read.
    draw: (time) => {
      const step = Math.floor(time / 5);
      const glide = Math.min((time % 5) / 1.5, 1);
      const at = Math.round(500 * (step + (step > 0 || glide < 1 ? smooth(glide) : 1)));
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
  article: {
    period: 5,
    text: () => [...article, ...article].map((text, number) => `${number % 3 ? "" : photo(number / 3, 720, 400)}<p>${escaped(text)}</p>`).join(""),
    style: `body{background:#fff;color:#222;font:14px/22px "DejaVu Serif";margin:0} #text{position:absolute;left:520px;width:720px}
      nav{position:fixed;width:100%;height:60px;background:#333;z-index:1}`,
    body: "<nav></nav><div id=text></div>",
    // Notches of a wheel, each of which glides, and then it is read.
    draw: (time) => {
      const notches = Math.floor(time / 5) * 6 + Math.min((time % 5) * 2.5, 6);
      const at = Math.round(110 * (Math.floor(notches) + smooth(Math.min((notches % 1) * 2, 1))));
      return [null, `${at}`, at];
    },
  },
  build: {
    period: 5,
    style: `body{background:#0c0c0c;color:#ccc;font:14px/18px "DejaVu Sans Mono"} pre{margin:4px 10px} b{color:#16c60c}
      i{color:#e5c07b;font-style:normal}`,
    body: "<pre id=text></pre>",
    // Three lines a picture for three seconds, as compilers have it, and no line as another one.
    draw: (time) => {
      const line = Math.floor(time / 5) * 270 + Math.min(Math.floor((time % 5) * RATE), 3 * RATE) * 3;
      const said = (number) => {
        const names = log[(number * 7919) % log.length].match(/[A-Za-z]{4,}/g) ?? ["object"];
        const path = names.slice(0, 5).join("/").toLowerCase();
        return number % 7
          ? `[${number % 1000}/1000] <b>Compiling</b> ${path}.o  -O${number % 4} -I${names.at(-1)}`
          : `<i>warning</i>: ${path}: ${escaped(log[(number * 10007) % log.length].slice(0, 70))}`;
      };
      return [filled([...Array(58).keys()], (row) => said(line + row)), `${line}`];
    },
  },
  typing: {
    period: 7,
    style: `body{background:#1e1e2e;color:#cdd6f4;font:14px/20px "DejaVu Sans Mono";margin:0;overflow:hidden} b{color:#cba6f7} i{color:#a6e3a1}
      #side{position:fixed;width:220px;height:100%;background:#181825;padding:10px} #text{position:absolute;left:270px;margin:0}
      #caret{display:inline-block;width:2px;height:16px;background:#f5e0dc} #pop{position:absolute;background:#313244;border:1px solid #585b70;padding:4px 20px}`,
    body: `<div id=side>${["elements", "catalogsink", "package", "timeline", "speech"].join("<br>")}</div><pre id=text></pre>`,
    // Twelve keys a second with a list of completions that comes and goes; then a wheel takes the text on by 600 pixels.
    draw: (time) => {
      const step = Math.floor(time / 7);
      const keys = Math.floor(Math.min(time % 7, 3) * 12);
      const wheeled = Math.floor(time % 7 < 3 ? 0 : Math.min((time % 7) - 3, 1.2) * 500);
      const at = step * 600 + wheeled;
      const shown = [...script, ...code, ...script].slice(0, Math.ceil((at + 1080) / 20));
      const row = step * 30 + 24;
      shown.splice(row, 0, "  const reachable = sections.filter(isPublished);".slice(0, keys));
      const pop = keys % 9 > 2 && time % 7 < 3;
      const words = ["section", "sections", "sectionAt", "select", "selected"].map((word) => `${word}${"s".repeat(keys % 3)}`);
      const list = pop ? `<div id=pop style="top:${(row + 1) * 20}px;left:${90 + keys * 8}px">${words.join("<br>")}</div>` : "";
      return [`<div style="position:relative;top:${-at}px">${filled(shown, coloured)}${list}</div>`, `${at} ${keys} ${pop}`];
    },
  },
  deck: {
    period: 6,
    style: `body{background:linear-gradient(135deg,#12355b,#420039);color:#fff;font:30px "DejaVu Sans";margin:0;overflow:hidden}
      small{font-size:14px;line-height:20px} #text{position:absolute;left:140px;top:80px;width:1640px} `,
    body: "<div id=text></div>",
    // A slide comes in from the side, its points fade in one after the other, with a picture and a note of 14 px.
    draw: (time) => {
      const [slide, since] = [Math.floor(time / 6), time % 6];
      const come = (start, length) => smooth(Math.max(0, Math.min((since - start) / length, 1)));
      const points = article.slice(slide * 3, slide * 3 + 3).map((text, number) => {
        const shown = come(1 + number * 0.9, 0.5);
        return `<p style="width:900px;opacity:${shown};transform:translateY(${(1 - shown) * 40}px)">${escaped(text.slice(0, 90))}</p>`;
      });
      const note = `<small style="position:absolute;top:760px;width:1400px">${escaped(article[slide + 9])}</small>`;
      const zoom = `position:absolute;right:0;top:160px;border-radius:20px;opacity:${come(0.5, 1)};transform:scale(${0.8 + 0.2 * come(0.5, 1)})`;
      const html = `<h2>${escaped(article[slide + 5].slice(0, 40))}</h2>${points.join("")}${photo(slide, 600, 460, zoom)}${note}`;
      return [`<div style="transform:translateX(${(1 - come(0, 0.5)) * 1900}px)">${html}</div>`, `${slide} ${Math.min(since, 4)}`];
    },
  },
  board: {
    period: 6,
    style: `body{background:#fbfbf8;color:#333;font:14px "DejaVu Sans";margin:0} svg{width:1920px;height:1080px} path{fill:none;stroke-width:4;stroke-linecap:round}`,
    body: "<div id=text></div>",
    // A hand writes loops for four seconds of six, with a label to each; after 24 s the board is wiped.
    draw: (time) => {
      const stroke = (line, length) => {
        const points = [...Array(Math.floor(length * 40)).keys()].map((step) => {
          const x = 120 + step * 10 + 22 * Math.sin(step * 0.9 + line);
          return `${x.toFixed(1)},${(150 + line * 240 + 40 * Math.sin(step * 0.7) + 18 * Math.cos(step * 0.31 * (line + 1))).toFixed(1)}`;
        });
        return points.length > 1 ? `<path stroke=${["#c22", "#129", "#173", "#222"][line % 4]} d="M${points.join(" L")}" />` : "";
      };
      const first = Math.floor(time / 24) * 4;
      const line = Math.floor(time / 6) - first;
      const drawn = Math.min(time % 6, 4);
      const lines = [...Array(line + 1).keys()];
      const labels = lines.map((row) => `<text x=120 y=${70 + row * 240}>${escaped(article[first + row].slice(0, 150))}</text>`);
      const pen = drawn < 4 ? `<circle cx=${120 + drawn * 400} cy=${150 + line * 240} r=9 fill="#888" />` : "";
      return [`<svg>${labels.join("")}${lines.map((row) => stroke(row, row < line ? 4 : drawn)).join("")}${pen}</svg>`, `${line} ${drawn}`];
    },
  },
  film: {
    period: 8,
    style: `body{background:#fff;color:#222;font:14px/20px "DejaVu Sans";margin:0} #text{position:absolute;left:60px;top:80px;width:1800px}
      #film{position:relative;width:1280px;height:720px;overflow:hidden} p{position:absolute;left:1310px;top:0;width:480px}`,
    body: "<div id=text></div>",
    // A camera goes over a landscape, things pass through it, and it cuts every four seconds.
    draw: (time) => {
      const [shot, since] = [Math.floor(time / 4), time % 4];
      const passing = [0, 1, 2].map((number) => {
        const top = 180 + number * 150 + 30 * Math.sin(since * 5 + number);
        return photo(shot + number + 1, 150, 110, `position:absolute;left:${since * (140 + number * 90)}px;top:${top}px;border-radius:60px`);
      });
      const view = `transform:translate(${-60 * since}px,${-20 * since}px) scale(${1 + since * 0.03})`;
      const film = `<div id=film>${photo(shot, 1700, 900, view)}${passing.join("")}</div>`;
      return [`${film}<p>${article.slice(0, 6).map(escaped).join("<br><br>")}</p>`, `${time}`];
    },
  },
  notebook: {
    period: 8,
    style: `body{background:#fff;color:#212121;font:14px/20px "DejaVu Sans Mono";margin:0;overflow:hidden} b{color:#008000} i{color:#408080}
      #text>div{position:relative;margin-left:160px} pre{background:#f7f7f7;border:1px solid #cfcfcf;padding:8px;width:1400px;margin:10px 0}
      td{font:14px "DejaVu Sans";padding:2px 14px} tr:nth-child(even){background:#f5f5f5} polyline{fill:none;stroke-width:2}`,
    body: "<div id=text></div>",
    // A cell is run: its table comes row by row, its chart is drawn; then the next one glides into view. The pointer
    // wanders for five seconds of eight.
    draw: (time) => {
      const [cell, since] = [Math.floor(time / 8), time % 8];
      const cells = [...Array(cell + 2).keys()].map((number) => {
        const done = number < cell ? 4 : number > cell ? 0 : Math.min(since, 4);
        const table = rows.slice(number * 9, number * 9 + Math.floor(done * 3)).map((columns) => {
          const shown = columns.map((value) => `<td>${escaped(String(value))}</td>`);
          return `<tr>${shown.join("")}</tr>`;
        });
        const line = (curve) =>
          [...Array(Math.floor(done * 40)).keys()].map((x) => {
            const y = 110 + 60 * Math.sin(x / (9 + curve) + number) + 30 * Math.cos((x * (curve + 2)) / 31);
            return `${x * 7},${y.toFixed(1)}`;
          });
        const curves = ["#1f77b4", "#ff7f0e", "#2ca02c"].map((colour, curve) => `<polyline stroke="${colour}" points="${line(curve).join(" ")}"/>`);
        const chart = done > 0 ? `<svg width=1120 height=220 style="border:1px solid #ddd">${curves.join("")}</svg>` : "";
        const said = script.slice(number * 8, number * 8 + 7);
        return `<pre>${filled(said, coloured)}</pre><table>${table.join("")}</table>${chart}`;
      });
      const moved = Math.round(520 * (cell - 1 + smooth(Math.min(since / 0.8, 1))));
      const wander = Math.min(since, 4.4) + cell * 8;
      const [x, y] = [900 + 700 * Math.sin(wander * 0.9), 540 + 380 * Math.sin(wander * 1.3)];
      const pointer = `<svg style="position:fixed;left:${x}px;top:${y}px" width=14 height=22><path d="M0 0V18L5 14L9 22L11 20L8 13H14Z" stroke="#fff"/></svg>`;
      return [`<div style="top:${-Math.max(moved, 0)}px">${cells.join("")}</div>${pointer}`, `${cell} ${Math.min(since, 4.4)}`];
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
    .concat(join(out, `${scenario}.mkv`)),
  { stdio: ["pipe", "inherit", "inherit"] },
);
const truth = [];
let recorded = 0;
await withPage(async (page) => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  const session = await page.context().newCDPSession(page);
  for (let seed = 1; seed <= 6; seed++) photos.push(await developed(page, seed));
  for (const name of SCENARIOS[scenario]) {
    const { style, body, text, period, draw } = PAGES[name];
    await page.setContent(`<style>${style}</style>${body}`);
    if (text) await page.evaluate((html) => (document.getElementById("text").innerHTML = html), text());
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
        const { data } = await session.send("Page.captureScreenshot", { format: "png", optimizeForSpeed: true });
        picture = Buffer.from(data, "base64");
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
