// SPDX-License-Identifier: MPL-2.0
// Watches a package as a viewer does with hls.js, Shaka Player (DASH and HLS) and video.js in headless Chromium: from
// beginning to end, in every rendition, with its chapters, captions, audio description and thumbnails.
//
//     node tests/players/watch.js PACKAGE [FOLDER]     FOLDER gets screenshots
//
// Prints a line a player; the exit status is 1 and every fault is listed when something does not play.

import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { serve, withPage } from "./browser.js";

const [, , folder, shots] = process.argv;
if (!folder) {
  console.error("usage: watch.js PACKAGE [FOLDER for screenshots]");
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
const faults = [];

/** The first cue of a WebVTT file: the second in its middle, and its first words as far as they have no markup. */
async function firstCue(path) {
  const text = await readFile(join(folder, path), "utf8");
  const time = String.raw`(\d+):(\d+):([\d.]+)`;
  const [, h, m, s, h2, m2, s2, said] = new RegExp(`${time} --> ${time}.*\n([^&<\n]*)`).exec(text);
  const seconds = [[h, m, s], [h2, m2, s2]].map(([h, m, s]) => h * 3600 + m * 60 + +s);
  return [(seconds[0] + seconds[1]) / 2, said.trim()];
}

const script = (path) => `<script src="${path}"></script>`;
const HEAD = `<!doctype html><title>player</title><style>body { margin: 0; background: #000 }</style>${script("/watch-page.js")}`;
const VIDEO = "<video id=video muted crossorigin width=1280 height=720></video>";
const PAGES = {
  "/hlsjs": HEAD + script("/modules/hls.js/dist/hls.js") + VIDEO,
  "/shaka": HEAD + script("/modules/shaka-player/dist/shaka-player.compiled.js") + VIDEO,
  "/videojs": `${HEAD}<link rel=stylesheet href="/modules/video.js/dist/video-js.css">${script("/modules/video.js/dist/video.js")}
    <video id=frame class=video-js muted controls width=1280 height=720></video>`,
};

const folders = { "/package/": resolve(folder), "/modules/": join(here, "node_modules"), "/": here };
const server = await serve(folders, PAGES);
if (shots) await mkdir(shots, { recursive: true });
const base = `${server.url}/package/`;
const titles = JSON.parse(await readFile(join(folder, "chapters.json"), "utf8").catch(() => "[]"));
const language = titles[0]?.titles[0].language ?? "und";

async function watch(name, player, playlist) {
  const expect = (holds, what) => holds || faults.push(`${name}: ${what}`);
  await withPage(async (page, complaints) => {
    await page.goto(`${server.url}/${player}`);
    const heights = await page.evaluate((which) => start(which), [player, base + playlist]);
    // Of those of a screen, which are equally high, players name the smallest first.
    const once = (heights) => [...new Set(heights)].sort();
    const promised = once(manifest.video.map(({ height }) => height));
    expect(String(once(heights)) === String(promised), `renditions ${heights} of ${promised}`);
    const switched = await page.evaluate((heights) => switchTo(heights), promised);
    expect(String(switched) === String(promised), `renditions ${promised} were chosen, ${switched} were seen`);

    const told = manifest.chapters ?? [];
    const read = told.length
      ? await page.evaluate((chapters) => window.player.chapters(...chapters), [base, language, playlist.endsWith(".mpd")])
      : [];
    expect(
      read.length === told.length &&
        told.every(({ start, end, title }, at) =>
          Math.abs(start - read[at][0]) < 0.01 && Math.abs(end - read[at][1]) < 0.01 && title === read[at][2]),
      `chapters ${JSON.stringify(read)}, the manifest has ${JSON.stringify(told)}`,
    );
    const starts = told.map(({ start }) => start).concat(manifest.duration * 0.4);
    if (promised.length) {
      const shown = await page.evaluate((times) => seek(times), starts);
      starts.forEach((start, at) =>
        expect(shown[at] !== null && Math.abs(shown[at] - start) < 0.1, `a seek to ${start} s shows ${shown[at]} s`));
    }

    let tiles = [];
    if (manifest.thumbnails) {
      const { track, tiles: { columns, rows, width, height } } = manifest.thumbnails;
      tiles = await page.evaluate(([url, times]) => window.player.thumbnails(url, times), [base + track, starts]);
      for (const [at, tile] of tiles.entries()) {
        expect(tile.start <= starts[at] + 0.01 && starts[at] < tile.start + tile.duration, `tile of ${starts[at]} s: ${JSON.stringify(tile)}`);
        const sheet = await page.evaluate((url) => sizeOfImage(url), tile.url);
        expect(tile.width === width && tile.height === height, `a tile is ${tile.width}x${tile.height}`);
        expect(tile.x + width <= sheet.width && tile.y + height <= sheet.height, `a tile beyond its sheet`);
        expect(sheet.width <= columns * width && sheet.height <= rows * height, `a sheet of ${sheet.width}x${sheet.height}`);
      }
      expect(tiles.length === starts.length, `${tiles.length} thumbnails of ${starts.length}`);
    }

    const captions = manifest.captions ?? [];
    if (captions.length) {
      const languages = await page.evaluate(() => window.player.captions());
      expect(String(languages) === String(captions.map(({ language }) => language)), `captions in ${languages}`);
      await page.evaluate(() => window.player.caption(0));
      const [time, text] = await firstCue(captions[0].file);
      const said = await page.evaluate((time) => saidAt(time), time);
      expect(said.some((one) => one.includes(text)), `captions at ${time} s say ${JSON.stringify(said)}, not ${text}`);
    }
    if (shots) await page.screenshot({ path: join(shots, `${name.replaceAll(/\W+/g, "-").toLowerCase()}.png`) });

    for (const { label } of manifest.audio.filter(({ role }) => role === "description")) {
      const heard = await page.evaluate((label) => hear(label), label);
      expect(heard === label, `of the sound "${label}" is heard: ${heard}`);
    }

    const played = await page.evaluate(() => playToTheEnd());
    expect(played.ended, `stopped at ${played.at.toFixed(1)} s of ${played.duration.toFixed(1)} s`);
    expect(Math.abs(played.duration - manifest.duration) < 0.5, `lasts ${played.duration} s of ${manifest.duration} s`);
    expect(!promised.length || played.frames > 0, "no picture was decoded");
    (await page.evaluate(() => window.player.errors)).forEach((error) => expect(false, error));
    complaints.forEach((text) => expect(false, `console: ${text}`));
    console.log(
      `${name}: ${played.duration.toFixed(1)} s, renditions ${switched.join(" ")}, ${read.length} chapters, ` +
        `${captions.length} captions, ${tiles.length} thumbnails, ${played.frames} frames`,
    );
  }).catch((error) => expect(false, String(error)));
}

await watch("hls.js, HLS", "hlsjs", manifest.playlist);
await watch("Shaka Player, DASH", "shaka", manifest.dash);
await watch("Shaka Player, HLS", "shaka", manifest.playlist);
await watch("video.js, HLS", "videojs", manifest.playlist);
server.missing.forEach((path) => faults.push(`asks for ${path}, which is not in the package`));
server.close();
faults.forEach((fault) => console.error(`${folder}: ${fault}`));
process.exit(faults.length ? 1 : 0);
