// SPDX-License-Identifier: MPL-2.0
// Corrects, approves and packages a class on the review page by keyboard alone, and reads the files back.
//
//     node tests/players/review.js LECTURE FOLDER     FOLDER gets the class and screenshots
//
// Prints one line; the exit status is 1 and every fault is listed when something does not work. PAGE=FOLDER takes the
// files of the page from a folder instead of the program, while they are being written.

import { execFileSync, spawn } from "node:child_process";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { withPage } from "./browser.js";

const [, , program, folder] = process.argv;
if (!folder) {
  console.error("usage: review.js LECTURE FOLDER");
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const data = join(here, "../data");
const work = resolve(folder);
const drafts = join(work, "OUT/drafts");
const faults = [];
const expect = (holds, what) => holds || faults.push(what);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const HOSTILE = "<script>window.hacked = 1</script> \u202eevil \u05e9\u05dc\u05d5\u05dd";

await rm(work, { recursive: true, force: true });
await mkdir(work, { recursive: true });
await copyFile(join(data, "sample.mkv"), join(work, "class.mkv"));
const escaped = HOSTILE.replace(/</g, "&lt;").replace(/>/g, "&gt;");
const captions = await readFile(join(data, "sample.vtt"), "utf8");
await writeFile(join(work, "class.vtt"), `${captions.trimEnd()}\n\n02:39.700 --> 02:41.000\n${escaped}\n`);
const settings = [`output=${join(work, "OUT")}`, "ladder=360", "preset=ultrafast"];
execFileSync(program, ["analyse", `input=${join(work, "class.mkv")}`, `captions.en=${join(work, "class.vtt")}`, settings[0]], { stdio: "ignore" });

/** Starts a review; resolves to its link and to what ends it. */
async function review(...variables) {
  const server = spawn(program, ["review", ...variables, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => server.once("exit", (status) => done(status)));
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const link = (await lines.next()).value;
  /** Ends it as Ctrl-C does; resolves to its results. */
  const end = async () => {
    server.kill("SIGINT");
    const exit = await ended;
    expect(exit === 0, `Ctrl-C ends the review with ${exit}`);
    return JSON.parse((await lines.next()).value ?? "{}");
  };
  return { link, end };
}

const { link, end } = await review(...settings);
const base = new URL("/", link).href;

/** Sends a request as it stands; resolves to its status. */
const ask = (path, headers = {}, method = "GET") =>
  new Promise((done, failed) => {
    const { hostname, port } = new URL(base);
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      response.resume();
      response.once("end", () => done(response.statusCode));
    });
    sent.once("error", failed);
    sent.end();
  });

const draft = (name) => readFile(join(drafts, name), "utf8");

/** Waits until the text of a draft holds, at most 10 s; the text. */
async function saved(name, holds, what) {
  let text = "";
  for (let tries = 0; tries < 100; tries++) {
    text = await draft(name).catch(() => "");
    if (holds(text)) return text;
    await new Promise((done) => setTimeout(done, 100));
  }
  expect(false, `${what}: ${name} is\n${text.slice(0, 1500)}`);
  return text;
}

const numbers = { axe: 0 };

/** What both walks do on a page. */
function hands(page) {
  const key = async (...names) => {
    for (const name of names) await page.keyboard.press(name);
  };
  const type = (text) => page.keyboard.type(text);
  const focused = () => page.evaluate(() => {
    const { activeElement: element } = document;
    return element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent.trim() ?? element.textContent.trim();
  });
  /** Presses Tab until this has the focus. */
  const tabTo = async (label) => {
    for (let tries = 0; tries < 120; tries++) {
      if ((await focused()).startsWith(label)) return true;
      await key("Tab");
    }
    return expect(false, `Tab does not lead to ${label}`);
  };
  /** Leaves text fields, so that single keys work. */
  const leave = () => page.evaluate(() => document.activeElement.blur());
  const status = (text) => page.waitForFunction((text) => document.getElementById("status").textContent === text, text, { timeout: 10000 });
  const shot = (name) => page.screenshot({ path: join(work, `${name}.png`) });
  const check = async (name) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    numbers.axe += 1;
    for (const { id, nodes } of violations) {
      expect(false, `axe, ${name}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).slice(0, 3).join(" | ")}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wide <= 0, `${name} is ${wide} pixels too wide`);
  };

  return { key, type, focused, tabTo, leave, status, shot, check };
}

async function walk(page, complaints) {
  const { key, type, focused, tabTo, leave, status, shot, check } = hands(page);

  // Only the link opens the page, once.
  expect((await ask("/")) === 401, "without a cookie the page is refused");
  await page.goto(link);
  await status("All changes are saved");
  expect((await ask(new URL(link).pathname)) === 401, "the link opens the page once");
  const cookies = await page.context().cookies();
  expect(cookies[0]?.httpOnly && cookies[0]?.sameSite === "Strict", "the cookie is for this page alone");
  const cookie = `${cookies[0]?.name}=${cookies[0]?.value}`;
  for (const [path, headers, method, wanted] of [
    ["/", {}, "GET", 200],
    ["/", { host: "evil.example" }, "GET", 403],
    ["/api/class", { origin: "https://evil.example" }, "GET", 403],
    ["/api/package", {}, "POST", 403],
    ["/../../../etc/passwd", {}, "GET", 404],
    ["/%2e%2e/%2e%2e/etc/passwd", {}, "GET", 404],
    ["/api/draft/..%2fanalysis.json", { origin: base.slice(0, -1) }, "PUT", 400],
    ["/api/findings/analysis.json", {}, "GET", 404],
    ["/favicon.ico", {}, "GET", 200],
    ["/media", { range: "bytes=0-9" }, "GET", 206],
    ["/media", { range: "bytes=999999999-" }, "GET", 416],
  ]) {
    const got = await ask(path, { cookie, ...headers }, method);
    expect(got === wanted, `${method} ${path} ${JSON.stringify(headers)}: ${got}, not ${wanted}`);
  }

  // The recording plays.
  await page.waitForFunction(() => document.getElementById("video").readyState >= 2, null, { timeout: 10000 });
  expect((await page.evaluate(() => document.getElementById("video").videoWidth)) > 0, "the recording has a picture");
  await page.waitForFunction(() => {
    const canvas = document.getElementById("waveform");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    return copy.getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0);
  }, null, { timeout: 30000 });

  // The start, by its slider.
  await shot("1-start");
  await check("start and end");
  await tabTo("Start of the class");
  const before = await page.evaluate(() => Number(document.activeElement.getAttribute("aria-valuenow")));
  await key("ArrowRight", "ArrowRight", "Shift+ArrowRight");
  const start = (before + 2.1).toFixed(3);
  const cut = new RegExp(`00:00:00.000 --> 00:00:${start.padStart(6, "0").replace(".", "\\.")}\ncut: `);
  await saved("trim.vtt", (text) => cut.test(text), `the start is at ${start}`);

  // A part in the middle: made, changed to a muted one, undone.
  await leave();
  await key("l", "l", "l", "l", "x", "l", "x");
  await saved("trim.vtt", (text) => text.match(/^cut/gm).length === 3, "a part is cut");
  await tabTo("What happens to part 1");
  await key("ArrowDown");
  await saved("trim.vtt", (text) => /^mute$/m.test(text), "the part is muted");
  await tabTo("Reason, part 1");
  await type("a name");
  await saved("trim.vtt", (text) => /^mute: a name$/m.test(text), "the reason is written");
  await shot("2-part");
  await check("a part");
  await tabTo("Keep it: part 1");
  await key("Enter");
  await saved("trim.vtt", (text) => !/mute: a name/.test(text), "the part is kept");

  // Chapters: rename, split, join, undo.
  await leave();
  await key("2");
  await tabTo("Title of chapter 1");
  await key("Control+a");
  await type("Welcome & first steps");
  await saved("chapters.vtt", (text) => text.includes("\nWelcome &amp; first steps\n"), "the chapter is renamed");
  await leave();
  const count = (text) => text.match(/-->/g).length;
  const many = count(await draft("chapters.vtt"));
  await key("l", "n");
  await type("A chapter of its own");
  await saved("chapters.vtt", (text) => count(text) === many + 1 && text.includes("A chapter of its own"), "a chapter is split");
  await shot("3-chapters");
  await check("chapters");
  await leave();
  await key("m");
  await saved("chapters.vtt", (text) => count(text) === many, "chapters are joined");
  await leave();
  await key("u");
  await saved("chapters.vtt", (text) => count(text) === many + 1, "joining is undone");
  await key("r");
  await saved("chapters.vtt", (text) => count(text) === many, "and done again");

  // Captions: hostile text is text; find, edit, split, replace, a new one, delete.
  await key("3");
  const shown = await page.locator(".words").last().textContent();
  expect(shown === HOSTILE, `hostile text is shown as ${shown}`);
  expect((await page.evaluate(() => window.hacked)) === undefined, "hostile text ran");
  await page.waitForFunction(() => document.querySelector(".cue .findings .fails"), null, { timeout: 10000 });
  await shot("4-captions");
  await check("captions");
  await key("f");
  await type("Nobody is");
  await key("Enter");
  expect((await focused()) === "Caption", "the found caption is open");
  await type("No one is");
  await saved("captions.en.vtt", (text) => text.includes("\nNo one is available to take"), "a caption is corrected");
  await shot("5-caption");
  await check("an open caption");
  await key("Home", ...Array(9).fill("ArrowRight"), "Control+Shift+Enter");
  await saved("captions.en.vtt", (text) => /\nNo one is\n\n.*-->.*\navailable to take/.test(text), "a caption is split");
  await key("Escape", "u");
  await saved("captions.en.vtt", (text) => text.includes("\nNo one is available to take"), "splitting is undone");
  await key("f");
  await key("Control+a");
  await type("press");
  await tabTo("Replace with");
  await type("dial");
  await tabTo("Replace all");
  await key("Enter");
  await saved("captions.en.vtt", (text) => !/\bpress\b/.test(text) && /dial 6/.test(text), "all are replaced");
  await leave();
  await key("e");
  expect((await focused()) === "Caption", "the next problem is open");
  await key("Escape", "w");
  await type("A new caption");
  await saved("captions.en.vtt", (text) => text.includes("\nA new caption\n"), "a caption is added");
  await tabTo("Delete");
  await key("Enter");
  await saved("captions.en.vtt", (text) => !text.includes("A new caption"), "a caption is deleted");

  // Somebody changes the file meanwhile: both versions are shown, the one that is kept is saved.
  for (const [button, kept, lost] of [["Keep my version", "My words", "Their words"], ["Take the other version", "Their words", "More of mine"]]) {
    const file = join(drafts, "captions.en.vtt");
    const text = await draft("captions.en.vtt");
    await writeFile(file, text.replace("Goodbye!", "Their words").replace("My words", "Their words"));
    await leave();
    await key("f");
    await key("Control+a");
    await type("available to");
    await key("Enter", "Home");
    await type(lost === "Their words" ? kept : lost);
    await page.waitForSelector("#conflict[open]", { timeout: 10000 });
    await shot(lost === "Their words" ? "6-conflict" : "7-conflict");
    expect((await draft("captions.en.vtt")).includes("Their words"), "their version stays until one is chosen");
    const lists = await page.locator(".versions").textContent();
    expect(lists.includes("Their words") && lists.includes(lost === "Their words" ? kept : lost), `both versions are shown: ${lists}`);
    await check("two versions");
    await tabTo(button);
    await key("Enter");
    await saved("captions.en.vtt", (text) => text.includes(kept) && !text.includes(lost), `${button} does so`);
    await status("All changes are saved");
    await key("Escape");
  }
  expect(!/^status: approved$/m.test(await draft("trim.vtt")), "nothing is approved yet");

  // What was typed just before the page goes away is saved.
  await leave();
  await key("f");
  await key("Control+a");
  await type("Their words");
  await key("Enter", "End");
  await type(" at the end");
  await page.goto("about:blank");
  await saved("captions.en.vtt", (text) => /Their words.* at the end\n/.test(text), "what was typed last");
  await page.goto(base);
  await status("All changes are saved");

  // Long captions are divided, and no word is lost.
  const words = (text) => text.split("\n").filter((line) => !line.includes("-->")).join(" ").split(/\s+/).join(" ").trim();
  const long = await draft("captions.en.vtt");
  await key("3", "d");
  const divided = await saved("captions.en.vtt", (text) => count(text) > count(long), "captions are divided");
  expect(words(divided) === words(long), `dividing keeps the words: ${words(divided)}`);
  const lines = divided.split("\n\n").slice(2).flatMap((block) => block.split("\n").slice(1));
  expect(lines.every((line) => line.length <= 42 || line.includes("&lt;")), `lines are short: ${lines.filter((line) => line.length > 42)}`);
  await shot("8-divided");

  // Phone width, and 200 % zoom of a small window.
  for (const [name, width, height] of [["phone", 390, 844], ["zoomed", 640, 360]]) {
    await page.setViewportSize({ width, height });
    for (const tab of ["1", "2", "3", "4"]) {
      await key(tab);
      await check(`${name}, step ${tab}`);
      await page.evaluate(() => document.getElementById("tabs").scrollIntoView());
      await shot(`${name}-${tab}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 720 });

  // Approval by name, and the package.
  await key("4", "a");
  expect((await focused()) === "Your name", `without a name nothing is approved: ${await focused()}`);
  await type("Ada Lovelace");
  await tabTo("The words are");
  await key("Space");
  await tabTo("Names and terms");
  await key("Space");
  await tabTo("Approve everything");
  await key("Enter");
  for (const name of ["trim.vtt", "chapters.vtt", "captions.en.vtt"]) {
    const signed = name.startsWith("captions") ? "signed: words, names\n" : "";
    const note = new RegExp(`^WEBVTT\n\n(?:STYLE[^]*?\n\n)?NOTE\nstatus: approved\nby: Ada Lovelace\n${signed}on: \\d{4}-\\d\\d-\\d\\d\ninput: [0-9a-f]{32}\n`);
    await saved(name, (text) => note.test(text), "approved by name");
  }
  await leave();
  await shot("9-approved");
  await key("g");
  await page.waitForFunction(() => /is ready|was not made/.test(document.getElementById("panel-approve").textContent), null, { timeout: 300000 });
  await shot("10-packaged");
  await check("approved");
  const manifest = JSON.parse(await readFile(join(work, "OUT/package/manifest.json"), "utf8"));
  expect(Math.abs(manifest.kept[0].start - Number(start)) < 0.1, `the package starts at ${manifest.kept[0].start}, not ${start}`);
  expect(manifest.chapters[0].title === "Welcome & first steps", `its first chapter is ${manifest.chapters[0].title}`);
  expect(manifest.review.every(({ approved, by }) => approved && by === "Ada Lovelace"), `its review is ${JSON.stringify(manifest.review)}`);

  // An approved draft that is changed is a draft again.
  await key("2");
  await tabTo("Title of chapter 1");
  await key("End");
  await type("!");
  await saved("chapters.vtt", (text) => /^status: draft$/m.test(text) && text.includes("first steps!"), "a change ends the approval");

  // The refusals that were provoked are on the console.
  const expected = /status of (409|422)/;
  complaints.filter((text) => !expected.test(text)).forEach((text) => expect(false, `console: ${text}`));
}

/** Goes from the list of several classes into one, approves it, and comes back. */
async function walkList(page, complaints) {
  const { key, type, tabTo, shot, check } = hands(page);
  const { link } = listing;
  const state = (text) => page.waitForFunction((text) => document.getElementById("status").textContent === text, text, { timeout: 60000 });
  await page.goto(link);
  await state("4 of 5 not finished");
  const rows = () => page.locator("#classes > li").allInnerTexts();
  const row = async (name) => (await rows()).find((text) => text.includes(name)) ?? "";
  expect((await row("geometry")).includes("2 of 2 still to approve: Start and end, Chapters"), `geometry: ${await row("geometry")}`);
  expect(/^broken\n.*Cannot be shown: .*trim\.vtt: line 3: .*chop/s.test(await row("broken")), `broken: ${await row("broken")}`);
  expect((await row("a finished one")).includes("Everything is approved"), `finished: ${await row("a finished one")}`);
  const lesson = await row("folder lesson");
  expect(/^class\n\s*3 min · folder lesson\n.*1 of 3 still to approve: Chapters$/s.test(lesson), `lesson: ${lesson}`);
  await shot("11-classes");
  await check("classes");
  await page.setViewportSize({ width: 390, height: 844 });
  await check("classes, phone");
  await shot("phone-classes");
  await page.setViewportSize({ width: 1280, height: 720 });
  await key("f");
  expect((await rows()).length === 4, `what is left: ${await rows()}`);
  await key("f");

  // The first with something left, by its key; the approval, and back.
  await key("n");
  await page.waitForURL(/\/class\/[0-9a-f]{32}\/$/);
  await state("All changes are saved");
  expect((await page.locator("#name").textContent()) === "geometry", "the next class is the first with something left");
  await key("4");
  await tabTo("Your name");
  await key("Control+a");
  await type("Grace Hopper");
  await tabTo("Approve: Chapters");
  await key("Enter");
  await page.waitForFunction(() => document.getElementById("panel-approve").textContent.includes("Approved by Grace Hopper"), null, { timeout: 60000 });
  await page.evaluate(() => document.activeElement.blur());
  await shot("12-class-of-several");
  await check("a class of several");
  await key("b");
  await state("4 of 5 not finished");
  expect((await row("geometry")).includes("1 of 2 still to approve: Start and end"), `geometry afterwards: ${await row("geometry")}`);

  // The last draft, by the link and the mouse; then the class is finished.
  await page.getByRole("link", { name: "geometry" }).click();
  await state("All changes are saved");
  await key("a");
  await page.waitForFunction(() => document.getElementById("panel-approve").textContent.includes("Everything is approved"), null, { timeout: 60000 });
  await page.getByRole("link", { name: "All classes" }).click();
  await state("3 of 5 not finished");
  expect((await row("geometry")).includes("Everything is approved; the package is not made yet"), `geometry at last: ${await row("geometry")}`);

  // The one with a recording plays here, too; a broken one says why it does not open.
  await page.getByRole("link", { name: "class", exact: true }).click();
  await page.waitForFunction(() => document.getElementById("video").readyState >= 2, null, { timeout: 60000 });
  await key("b");
  await state("3 of 5 not finished");
  await page.getByRole("link", { name: "broken" }).click();
  await page.waitForFunction(() => document.getElementById("status").textContent.includes("trim.vtt"), null, { timeout: 60000 });
  await shot("13-broken");
  await check("a broken class");
  await page.getByRole("link", { name: "All classes" }).click();
  await state("3 of 5 not finished");

  // What no browser plays is played from a copy, at the same times.
  await page.getByRole("link", { name: "old" }).click();
  await page.waitForFunction(() => document.getElementById("video").readyState >= 2 && document.getElementById("video").currentSrc.endsWith("/copy"), null, { timeout: 120000 });
  const played = await page.evaluate(() => ({ duration: document.getElementById("video").duration, height: document.getElementById("video").videoHeight, hidden: document.getElementById("no-video").hidden }));
  expect(Math.abs(played.duration - 20) < 0.1 && played.height === 360 && played.hidden, `the copy: ${JSON.stringify(played)}`);
  await shot("14-copy");
  await check("a copy");
  complaints.forEach((text) => expect(false, `console, classes: ${text}`));
}

const began = Date.now();
const inChromium = (walk) => withPage(async (page, complaints) => {
  if (process.env.PAGE) {
    await page.route(/\.(js|css)$|\/$/, async (route) => {
      const response = await route.fetch();
      const path = new URL(route.request().url()).pathname;
      const name = path.split("/").at(-1) || (walk === walkList && path === "/" ? "classes.html" : "index.html");
      await route.fulfill({ response, body: response.ok() ? await readFile(join(process.env.PAGE, name)) : undefined });
    });
  }
  await walk(page, complaints).catch(async (error) => {
    await page.screenshot({ path: join(work, `fault-${walk.name}.png`) }).catch(() => {});
    expect(false, error.stack);
  });
}).catch((error) => expect(false, error.stack));
await inChromium(walk);
const results = await end();
expect(results.packages === 1 && results.saved > 0, `its results are ${JSON.stringify(results)}`);
const all = join(work, "ALL");
const classes = {
  "a finished one": { "chapters.vtt": "WEBVTT\n\nNOTE\nstatus: approved\nby: Ada\n\n00:00.000 --> 01:00.000\nAll\n" },
  broken: { "trim.vtt": "WEBVTT\n\n00:00.000 --> 00:10.000\nchop: <b>everything</b>\n" },
  geometry: {
    "trim.vtt": "WEBVTT\n\n00:00.000 --> 00:10.000\ncut: chatter\n",
    "chapters.vtt": "WEBVTT\n\n00:00.000 --> 01:00.000\nAll\n",
  },
};
for (const [name, files] of Object.entries(classes)) {
  await mkdir(join(all, name, "drafts"), { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(all, name, "drafts", file), text);
}
await rename(join(work, "OUT"), join(all, "lesson"));
// MPEG-2 and AC-3, which no browser plays, with a picture that begins after the sound.
const old = join(work, "old.mkv");
execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=20", "-itsoffset", "2", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=18",
  "-map", "1:v", "-map", "0:a", "-c:v", "mpeg2video", "-c:a", "ac3", old]);
execFileSync(program, ["analyse", `input=${old}`, `output=${join(all, "old")}`, "titles=none"], { stdio: "ignore" });
const listing = await review(`output=${all}`);
await inChromium(walkList);
const listed = await listing.end();
expect(listed.saved === 2, `two drafts were approved: ${JSON.stringify(listed)}`);
console.log(`${work}: ${results.saved} times saved, ${numbers.axe} states without a finding of axe, ${((Date.now() - began) / 1000).toFixed(0)} s`);
faults.forEach((fault) => console.error(fault));
process.exit(faults.length ? 1 : 0);
