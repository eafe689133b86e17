// SPDX-License-Identifier: MPL-2.0
// Plays a package with hls.js in headless Chromium, from beginning to end, in every rendition.
//
//     node tests/players/play.js PACKAGE [FOLDER]     FOLDER gets screenshots
//
// Prints one line; the exit status is 1 and every fault is listed when something does not play.

import { mkdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { serve, withPage } from "./browser.js";
import { checkCaptions } from "./captions.js";

const [, , folder, shots] = process.argv;
if (!folder) {
  console.error("usage: play.js PACKAGE [FOLDER for screenshots]");
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
const faults = [];
const expect = (holds, what) => holds || faults.push(what);

const PAGE = `<!doctype html><title>player</title><body style="margin:0;background:#000">
<video id=video muted crossorigin width=1280 height=720></video>
<script src="/modules/hls.js/dist/hls.js"></script>`;

const server = await serve({ "/package/": resolve(folder), "/modules/": join(here, "node_modules") }, { "/": PAGE });
await withPage(async (page, complaints) => {
  await page.goto(server.url);
  const loaded = await page.evaluate(async () => {
    window.errors = [];
    window.stalls = 0;
    // What was played stays in the buffer, so that a hole in it is found at the end.
    window.hls = new Hls({ backBufferLength: Infinity, startLevel: 0 });
    hls.on(Hls.Events.ERROR, (_, data) => {
      // A machine that decodes too slowly stalls; a package that cannot be played is fatal or leaves a hole.
      const { BUFFER_STALLED_ERROR, BUFFER_NUDGE_ON_STALL } = Hls.ErrorDetails;
      if (!data.fatal && [BUFFER_STALLED_ERROR, BUFFER_NUDGE_ON_STALL].includes(data.details)) window.stalls += 1;
      // A load that a seek or a switch of ours made needless.
      else if (!data.fatal && data.details === Hls.ErrorDetails.INTERNAL_ABORTED) return;
      else window.errors.push(`${data.type} ${data.details} ${data.error ?? data.reason ?? ""}`);
    });
    const ready = new Promise((resolve, reject) => {
      hls.on(Hls.Events.MANIFEST_PARSED, resolve);
      setTimeout(() => reject(new Error("no manifest after 20 s: " + window.errors)), 20000);
    });
    hls.loadSource("/package/master.m3u8");
    hls.attachMedia(video);
    await ready;
    return hls.levels.map(({ width, height, bitrate, videoCodec, audioCodec }) => ({
      width, height, bitrate, codecs: [videoCodec, audioCodec].filter(Boolean).join(),
    }));
  });

  const pictured = loaded.filter(({ height }) => height);
  const seen = await page.evaluate(
    async (levels) => {
      const seen = [];
      await video.play();
      for (let level = 0; level < levels; level++) {
        const { height } = hls.levels[level];
        hls.currentLevel = level;
        const limit = performance.now() + 30000;
        while (video.videoHeight !== height && performance.now() < limit) await new Promise((r) => setTimeout(r, 50));
        seen.push(video.videoHeight);
      }
      return seen;
    },
    pictured.length,
  );
  pictured.forEach(({ height }, level) => expect(seen[level] === height, `the ${height}p rendition never showed`));

  if (shots) await mkdir(shots, { recursive: true });
  const shot = async (name, part) => {
    await page.evaluate(async (part) => {
      video.pause();
      const sought = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
      video.currentTime = part * video.duration;
      await sought;
      while (video.readyState < 3) await new Promise((r) => setTimeout(r, 50));
    }, part);
    if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
  };
  for (const [name, part] of [["early", 0.1], ["middle", 0.5], ["late", 0.9]]) await shot(name, part);

  // From the beginning to the end, fast, and every second of it was in the buffer without a hole.
  const played = await page.evaluate(async () => {
    hls.currentLevel = 0;
    video.currentTime = 0;
    video.playbackRate = 8;
    await video.play();
    const limit = performance.now() + 30000 + video.duration * 1000;
    while (!video.ended && performance.now() < limit) await new Promise((r) => setTimeout(r, 100));
    const buffered = [];
    for (let i = 0; i < video.buffered.length; i++) buffered.push([video.buffered.start(i), video.buffered.end(i)]);
    const quality = video.getVideoPlaybackQuality();
    return {
      ended: video.ended, at: video.currentTime, duration: video.duration, buffered,
      frames: quality.totalVideoFrames, sound: video.webkitAudioDecodedByteCount, stalls,
    };
  });
  expect(played.ended, `stopped at ${played.at.toFixed(1)} s of ${played.duration.toFixed(1)} s`);
  expect(played.buffered.length === 1, `holes in the buffer: ${JSON.stringify(played.buffered)}`);
  expect(Math.abs(played.duration - manifest.duration) < 0.5, `lasts ${played.duration} s, the manifest says ${manifest.duration} s`);
  expect(!pictured.length || played.frames > 0, "no picture was decoded");
  expect(played.sound > 0, "no sound was decoded");

  const texts = await checkCaptions(page, manifest, expect, shots);

  // Scanning through it: the key frames alone, in a player of their own.
  const scanned = await page.evaluate(async () => {
    const player = hls.createIFramePlayer();
    if (!player) return null;
    const element = Object.assign(document.createElement("video"), { muted: true });
    player.on(Hls.Events.ERROR, (_, data) => errors.push(`I-frames: ${data.details} ${data.error ?? data.reason ?? ""}`));
    player.attachMedia(element);
    const shown = [];
    for (const part of [0.15, 0.5, 0.85]) {
      const time = part * video.duration;
      const limit = performance.now() + 20000;
      const there = () => element.readyState >= 2 && !element.seeking && Math.abs(element.currentTime - time) < 7;
      for (let tries = 0; !there() && performance.now() < limit; tries++) {
        // It forgets what it was asked for before it had read its playlist.
        if (tries % 40 === 0) player.loadMediaAt(time);
        await new Promise((r) => setTimeout(r, 50));
      }
      shown.push(there());
    }
    return { shown, renditions: hls.iframeVariants.length };
  });
  if (pictured.length) {
    expect(scanned?.renditions === pictured.length, `I-frame playlists for ${scanned?.renditions} of ${pictured.length}`);
    expect(scanned?.shown.every(Boolean), `scanning shows a frame: ${scanned?.shown}`);
  }
  (await page.evaluate(() => errors)).forEach((error) => expect(false, `hls.js: ${error}`));

  // The one MP4: a seek into its middle shows a frame, and it ends.
  if (manifest.mp4) {
    const movie = await page.evaluate(async (file) => {
      const element = Object.assign(document.createElement("video"), { muted: true, src: `/package/${file}` });
      const event = (name) => new Promise((resolve, reject) => {
        element.addEventListener(name, resolve, { once: true });
        element.addEventListener("error", () => reject(new Error(`${file}: ${element.error.message}`)), { once: true });
      });
      await event("loadeddata");
      for (const part of [0.5, 0.97]) {
        element.currentTime = part * element.duration;
        await event("seeked");
      }
      const ended = event("ended");
      await element.play();
      await ended;
      return { duration: element.duration, height: element.videoHeight };
    }, manifest.mp4.file);
    expect(Math.abs(movie.duration - manifest.duration) < 0.1, `the MP4 lasts ${movie.duration} s`);
    expect(movie.height === (manifest.video[0]?.height ?? 0), `the MP4 shows ${movie.height} lines`);
  }

  const chapters = await page.evaluate(async (count) => {
    if (!count) return { json: [], cues: [] };
    const json = await (await fetch("/package/chapters.json")).json();
    const track = Object.assign(document.createElement("track"), { kind: "chapters", src: "/package/chapters.vtt" });
    const read = new Promise((resolve, reject) => {
      track.addEventListener("load", resolve);
      track.addEventListener("error", () => reject(new Error("chapters.vtt is not read")));
    });
    video.append(track);
    track.track.mode = "hidden";
    await read;
    return { json, cues: [...track.track.cues].map((cue) => [cue.startTime, cue.endTime, cue.text]) };
  }, manifest.chapters?.length);
  for (const [file, { length }] of Object.entries({ "chapters.vtt": chapters.cues, "chapters.json": chapters.json })) {
    const promised = manifest.chapters?.length ?? 0;
    expect(length === promised, `${file} has ${length} chapters, the manifest ${promised}`);
  }
  chapters.cues.forEach(([start, end], index) => {
    expect(start < end && end <= played.duration + 0.1, `chapter ${index + 1} lies outside of the video`);
  });
  complaints.forEach((text) => expect(false, `console: ${text}`));
  server.missing.forEach((path) => expect(false, `asks for ${path}, which is not in the package`));
  console.log(
    `${folder}: ${played.duration.toFixed(1)} s, renditions ${seen.join(" ")}, ${played.frames} frames, ` +
      `${chapters.cues.length} chapters, ` +
      `captions ${texts || "none"}, ${played.stalls} stalls`,
  );
}).catch((error) => expect(false, String(error)));
server.close();
faults.forEach((fault) => console.error(`${folder}: ${fault}`));
process.exit(faults.length ? 1 : 0);
