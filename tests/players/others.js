// SPDX-License-Identifier: MPL-2.0
// Plays a package with Shaka Player (DASH and HLS) and video.js (HLS) in headless Chromium: from beginning to end, with
// its chapters, captions, audio description and thumbnails.
//
//     node tests/players/others.js PACKAGE [FOLDER]     FOLDER gets screenshots
//
// Prints a line a player; the exit status is 1 and every fault is listed when something does not play.

import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { serve, withPage } from "./browser.js";

const [, , folder, shots] = process.argv;
if (!folder) {
  console.error("usage: others.js PACKAGE [FOLDER for screenshots]");
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

const STYLE = `<!doctype html><title>player</title><style>body { margin: 0; background: #000 }</style>`;
const PAGES = {
  "/shaka": `${STYLE}<script src="/modules/shaka-player/dist/shaka-player.compiled.js"></script>
    <video id=video muted width=1280 height=720></video>`,
  "/videojs": `${STYLE}<link rel=stylesheet href="/modules/video.js/dist/video-js.css">
    <script src="/modules/video.js/dist/video.js"></script>
    <video id=frame class=video-js muted controls width=1280 height=720></video>`,
};

/** In the page: loads with Shaka Player; sets window.video and window.errors. */
async function startShaka(playlist) {
  window.errors = [];
  window.player = new shaka.Player();
  player.addEventListener("error", ({ detail }) => errors.push(`Shaka error ${detail.code} ${detail.data}`));
  player.configure({ streaming: { bufferingGoal: 60 }, abr: { enabled: false } });
  await player.attach(video);
  await player.load(`/package/${playlist}`);
  return { heights: [...new Set(player.getVariantTracks().map(({ height }) => height).filter(Boolean))] };
}

async function chaptersOfShaka([language, playlist]) {
  // HLS leads to chapters.json; DASH leaves them to the page.
  if (playlist.endsWith(".mpd")) await player.addChaptersTrack("/package/chapters.vtt", language);
  return (await player.getChaptersAsync(language)).map(({ startTime, endTime, title }) => [startTime, endTime, title]);
}

async function thumbnailsOfShaka([track, times]) {
  const added = await player.addThumbnailsTrack(`${location.origin}/package/${track}`);
  const found = [];
  for (const time of times) {
    const tile = await player.getThumbnails(added.id, time);
    if (tile) found.push({ ...tile, url: tile.uris[0], x: tile.positionX, y: tile.positionY, start: tile.startTime });
  }
  return found;
}

async function startVideojs(playlist) {
  window.errors = [];
  window.player = videojs("frame", { muted: true, html5: { vhs: { overrideNative: true, limitRenditionByPlayerDimensions: false } } });
  player.on("error", () => errors.push(`video.js: ${player.error().message}`));
  player.src({ src: `/package/${playlist}`, type: "application/vnd.apple.mpegurl" });
  await new Promise((resolve, reject) => {
    player.one("loadeddata", resolve);
    setTimeout(() => reject(new Error(`no data after 20 s: ${errors}`)), 20000);
  });
  window.video = player.el().querySelector("video");
  return { heights: [...player.qualityLevels().levels_].map(({ height }) => height) };
}

/** Adds a track of text; its cues. */
async function cuesOfVideojs([kind, src]) {
  const { track } = player.addRemoteTextTrack({ kind, src, language: "en" }, false);
  track.mode = "hidden";
  const limit = performance.now() + 10000;
  while (!track.cues?.length && performance.now() < limit) await new Promise((r) => setTimeout(r, 50));
  return Array.from(track.cues ?? []).map(({ startTime, endTime, text }) => [startTime, endTime, text]);
}

/** Shows the first captions; the languages that can be chosen. */
function showCaptions() {
  if (player.getTextTracks) {
    const tracks = player.getTextTracks().filter(({ kind }) => kind !== "chapters");
    player.selectTextTrack(tracks[0]);
    player.setTextTrackVisibility?.(true);
    return tracks.map(({ language }) => language);
  }
  const tracks = Array.from(player.textTracks()).filter(({ kind }) => ["captions", "subtitles"].includes(kind));
  tracks[0].mode = "showing";
  return tracks.map(({ language }) => language);
}

/** What captions say at a time. */
async function saidAt(time) {
  video.currentTime = time;
  const tracks = () => Array.from(player.textTracks?.() ?? video.textTracks);
  const limit = performance.now() + 10000;
  while (performance.now() < limit) {
    const showing = tracks().filter(({ mode }) => mode === "showing");
    const cues = showing.flatMap((track) => Array.from(track.activeCues ?? []));
    if (!video.seeking && cues.length) return cues.map(({ text }) => text);
    await new Promise((r) => setTimeout(r, 50));
  }
  return [];
}

/** Chooses a sound by its label; whether a second of it is then played. */
async function hearSound(label) {
  const isShaka = Boolean(player.getAudioTracks);
  const tracks = Array.from(isShaka ? player.getAudioTracks() : player.audioTracks());
  const track = tracks.find((track) => track.label === label);
  if (!track) return `only ${tracks.map(({ label }) => label)}`;
  if (isShaka) player.selectAudioTrack(track);
  else track.enabled = true;
  await video.play();
  const [from, bytes] = [video.currentTime, video.webkitAudioDecodedByteCount];
  const isHeard = () => video.currentTime > from + 1 && video.webkitAudioDecodedByteCount > bytes;
  const limit = performance.now() + 10000;
  while (!isHeard() && performance.now() < limit) await new Promise((r) => setTimeout(r, 50));
  const chosen = Array.from(isShaka ? player.getAudioTracks() : player.audioTracks()).find(({ active, enabled }) => active ?? enabled);
  video.pause();
  return isHeard() ? chosen?.label : "nothing";
}

/** Seeks to each of these times; the time of the frame that is shown then. */
async function seek(times) {
  const shown = [];
  for (const time of times) {
    // A seek to where it stands would show no frame.
    if (Math.abs(video.currentTime - time) < 0.1) {
      const away = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
      video.currentTime = time + 2;
      await away;
    }
    const frame = new Promise((resolve) => {
      const limit = setTimeout(() => resolve(null), 10000);
      const see = (_, { mediaTime }) => {
        // A frame from before the seek may still come.
        if (Math.abs(mediaTime - time) > 1) return video.requestVideoFrameCallback(see);
        clearTimeout(limit);
        resolve(mediaTime);
      };
      video.requestVideoFrameCallback(see);
    });
    video.currentTime = time;
    shown.push(await frame);
  }
  return shown;
}

async function playToTheEnd() {
  video.currentTime = 0;
  await video.play();
  const limit = performance.now() + 30000 + video.duration * 500;
  while (!video.ended && performance.now() < limit) {
    // Players set their own rate when they have waited for data.
    if (video.playbackRate === 1) video.playbackRate = 16;
    await new Promise((r) => setTimeout(r, 100));
  }
  const { totalVideoFrames } = video.getVideoPlaybackQuality();
  return { ended: video.ended, at: video.currentTime, duration: video.duration, frames: totalVideoFrames };
}

/** The size of an image that the page can show. */
async function sizeOfImage(url) {
  const image = Object.assign(new Image(), { src: url });
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

const server = await serve({ "/package/": resolve(folder), "/modules/": join(here, "node_modules") }, PAGES);
if (shots) await mkdir(shots, { recursive: true });
const language = manifest.audio[0]?.language ?? "und";
const pictured = manifest.video.length;

async function play(name, page_, playlist, start, chapters, thumbnails) {
  const expect = (holds, what) => holds || faults.push(`${name}: ${what}`);
  await withPage(async (page, complaints) => {
    await page.goto(server.url + page_);
    const { heights } = await page.evaluate(start, playlist);
    const promised = manifest.video.map(({ height }) => height);
    expect(String(heights.sort()) === String(promised.sort()), `renditions ${heights} of ${promised}`);

    const told = manifest.chapters ?? [];
    const read = told.length ? await chapters(page) : [];
    const wanted = told.map(({ start, end, title }) => [start, end, title]);
    expect(
      read.length === wanted.length &&
        read.every(([start, end, title], at) =>
          Math.abs(start - wanted[at][0]) < 0.01 && Math.abs(end - wanted[at][1]) < 0.01 && title === wanted[at][2]),
      `chapters ${JSON.stringify(read)}, the manifest has ${JSON.stringify(wanted)}`,
    );
    const starts = told.map(({ start }) => start).concat(manifest.duration * 0.4);
    if (pictured) {
      const shown = await page.evaluate(seek, starts);
      starts.forEach((start, at) =>
        expect(shown[at] !== null && Math.abs(shown[at] - start) < 0.1, `a seek to ${start} s shows ${shown[at]} s`));
    }
    let tiles = [];
    if (manifest.thumbnails) {
      const { columns, rows, width, height } = manifest.thumbnails.tiles;
      tiles = await thumbnails(page, starts);
      for (const [at, tile] of tiles.entries()) {
        expect(tile.start <= starts[at] + 0.01 && starts[at] < tile.start + tile.duration, `tile of ${starts[at]} s: ${JSON.stringify(tile)}`);
        const sheet = await page.evaluate(sizeOfImage, tile.url);
        expect(tile.width === width && tile.height === height, `a tile is ${tile.width}x${tile.height}`);
        expect(tile.x + width <= sheet.width && tile.y + height <= sheet.height, `a tile beyond its sheet`);
        expect(sheet.width <= columns * width && sheet.height <= rows * height, `a sheet of ${sheet.width}x${sheet.height}`);
      }
      expect(tiles.length === starts.length, `${tiles.length} thumbnails of ${starts.length}`);
    }
    const captions = manifest.captions ?? [];
    if (captions.length) {
      const languages = await page.evaluate(showCaptions);
      expect(String(languages) === String(captions.map(({ language }) => language)), `captions in ${languages}`);
      const [time, text] = await firstCue(captions[0].file);
      const said = await page.evaluate(saidAt, time);
      expect(said.some((one) => one.includes(text)), `captions at ${time} s say ${JSON.stringify(said)}, not ${text}`);
    }
    if (shots) await page.screenshot({ path: join(shots, `${name.replaceAll(/\W+/g, "-").toLowerCase()}.png`) });

    for (const { label } of manifest.audio.filter(({ role }) => role === "description")) {
      const heard = await page.evaluate(hearSound, label);
      expect(heard === label, `of the sound "${label}" is heard: ${heard}`);
    }

    const played = await page.evaluate(playToTheEnd);
    expect(played.ended, `stopped at ${played.at.toFixed(1)} s of ${played.duration.toFixed(1)} s`);
    expect(Math.abs(played.duration - manifest.duration) < 0.5, `lasts ${played.duration} s of ${manifest.duration} s`);
    expect(!pictured || played.frames > 0, "no picture was decoded");
    (await page.evaluate(() => errors)).forEach((error) => expect(false, error));
    complaints.forEach((text) => expect(false, `console: ${text}`));
    console.log(
      `${name}: ${played.duration.toFixed(1)} s, renditions ${heights.join(" ")}, ${read.length} chapters, ` +
        `${captions.length} captions, ${tiles.length} thumbnails, ${played.frames} frames`,
    );
  }).catch((error) => expect(false, String(error)));
}

const runs = { dash: manifest.dash, hls: manifest.playlist };
for (const [kind, playlist] of Object.entries(runs)) {
  await play(
    `Shaka Player, ${kind.toUpperCase()}`, "/shaka", playlist, startShaka,
    (page) => page.evaluate(chaptersOfShaka, [language, playlist]),
    (page, times) => page.evaluate(thumbnailsOfShaka, [manifest.thumbnails.track, times]),
  );
}
const cues = (page, kind, path) => page.evaluate(cuesOfVideojs, [kind, `/package/${path}`]);
await play(
  "video.js, HLS", "/videojs", manifest.playlist, startVideojs,
  (page) => cues(page, "chapters", "chapters.vtt"),
  async (page, times) => {
    const track = manifest.thumbnails.track;
    const tiles = await cues(page, "metadata", track);
    return times.map((time) => {
      const [start, end, text] = tiles.find(([start, end]) => start <= time + 0.01 && time < end) ?? [];
      const [, image, x, y, width, height] = /^(.*)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(text) ?? [];
      const url = new URL(image, new URL(track, `${server.url}/package/`)).href;
      return { url, x: +x, y: +y, width: +width, height: +height, start, duration: end - start };
    });
  },
);
server.missing.forEach((path) => faults.push(`asks for ${path}, which is not in the package`));
server.close();
faults.forEach((fault) => console.error(`${folder}: ${fault}`));
process.exit(faults.length ? 1 : 0);
