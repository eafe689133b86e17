// SPDX-License-Identifier: MPL-2.0
// The page's side of watch.js: three players with the same methods, and what a viewer does with one of them.

/* global Hls, shaka, videojs, video, frame */

const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Waits until `holds()`, at most so many seconds; whether it does. */
async function until(holds, seconds = 10) {
  const limit = performance.now() + seconds * 1000;
  while (!holds() && performance.now() < limit) await sleep(20);
  return Boolean(holds());
}

/** Waits for an event, at most 20 s. */
const event = (name, listen, errors) =>
  new Promise((resolve, reject) => {
    listen(resolve);
    setTimeout(() => reject(new Error(`no ${name} after 20 s: ${errors}`)), 20000);
  });

/** The cues of a file, read by the browser itself. */
async function cuesOf(element, kind, src) {
  const track = Object.assign(document.createElement("track"), { kind, src });
  const loaded = event(`load of ${src}`, (resolve) => track.addEventListener("load", resolve));
  element.append(track);
  track.track.mode = "hidden";
  await loaded;
  return [...track.track.cues].map(({ startTime, endTime, text }) => [startTime, endTime, text]);
}

/** Finds the tiles of these times among the cues of thumbnails.vtt. */
function tilesAt(times, cues, base) {
  return times.map((time) => {
    const [start, end, text] = cues.find(([start, end]) => start <= time + 0.01 && time < end) ?? [];
    const [, image, x, y, width, height] = /^(.*)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(text) ?? [];
    return { url: new URL(image, base).href, x: +x, y: +y, width: +width, height: +height, start, duration: end - start };
  });
}

const PLAYERS = {
  /** hls.js reads no chapters and no thumbnails of its own: the page does, with the browser's tracks, as its users do. */
  hlsjs: class {
    errors = [];

    async load(url) {
      this.hls = new Hls({ startLevel: 0, maxBufferLength: 60 });
      this.hls.on(Hls.Events.ERROR, (_, { type, details, fatal, error, reason }) => {
        // A machine that decodes too slowly stalls and is nudged; a seek or a switch makes loads needless. A hole in
        // the buffer is another error.
        const { BUFFER_STALLED_ERROR, BUFFER_NUDGE_ON_STALL, INTERNAL_ABORTED } = Hls.ErrorDetails;
        const harmless = [BUFFER_STALLED_ERROR, BUFFER_NUDGE_ON_STALL, INTERNAL_ABORTED];
        if (fatal || !harmless.includes(details)) this.errors.push(`${type} ${details} ${error ?? reason ?? ""}`);
      });
      const parsed = event("manifest", (resolve) => this.hls.on(Hls.Events.MANIFEST_PARSED, resolve), this.errors);
      this.hls.loadSource(url);
      this.hls.attachMedia(video);
      await parsed;
    }

    heights = () => this.hls.levels.map(({ height }) => height).filter(Boolean);
    show = (height) => (this.hls.currentLevel = this.hls.levels.findIndex((level) => level.height === height));
    chapters = (base) => cuesOf(video, "chapters", new URL("chapters.vtt", base));
    thumbnails = async (url, times) => tilesAt(times, await cuesOf(document.createElement("video"), "metadata", url), url);
    captions = () => this.hls.subtitleTracks.map(({ lang }) => lang);

    caption(index) {
      this.hls.subtitleTrack = index;
      this.hls.subtitleDisplay = true;
    }

    tracks = () => [...video.textTracks];
    sounds = () => this.hls.audioTracks.map(({ name, id }) => ({ label: name, chosen: id === this.hls.audioTrack }));
    hear = (label) => (this.hls.audioTrack = this.hls.audioTracks.findIndex(({ name }) => name === label));
  },

  shaka: class {
    errors = [];

    async load(url) {
      this.player = new shaka.Player();
      this.player.addEventListener("error", ({ detail }) => this.errors.push(`Shaka error ${detail.code} ${detail.data}`));
      this.player.configure({ streaming: { bufferingGoal: 60 }, abr: { enabled: false } });
      await this.player.attach(video);
      await this.player.load(url);
    }

    variants = () => this.player.getVariantTracks();
    heights = () => [...new Set(this.variants().map(({ height }) => height).filter(Boolean))];

    show(height) {
      const { audioId } = this.variants().find(({ active }) => active);
      this.player.selectVariantTrack(this.variants().find((track) => track.height === height && track.audioId === audioId), true);
    }

    async chapters(base, language, isDash) {
      // HLS leads to chapters.json; DASH leaves them to the page.
      if (isDash) await this.player.addChaptersTrack(new URL("chapters.vtt", base).href, language);
      return (await this.player.getChaptersAsync(language)).map(({ startTime, endTime, title }) => [startTime, endTime, title]);
    }

    async thumbnails(url, times) {
      const added = await this.player.addThumbnailsTrack(url);
      const tiles = [];
      for (const time of times) {
        const { uris, positionX: x, positionY: y, width, height, startTime: start, duration } = await this.player.getThumbnails(added.id, time);
        tiles.push({ url: uris[0], x, y, width, height, start, duration });
      }
      return tiles;
    }

    texts = () => this.player.getTextTracks().filter(({ kind }) => kind !== "chapters");
    captions = () => this.texts().map(({ language }) => language);

    caption(index) {
      this.player.selectTextTrack(this.texts()[index]);
      this.player.setTextTrackVisibility?.(true);
    }

    tracks = () => [...video.textTracks];
    sounds = () => this.player.getAudioTracks().map(({ label, active }) => ({ label, chosen: active }));
    hear = (label) => this.player.selectAudioTrack(this.player.getAudioTracks().find((track) => track.label === label));
  },

  videojs: class {
    errors = [];

    async load(src) {
      const vhs = { overrideNative: true, limitRenditionByPlayerDimensions: false };
      this.player = videojs(frame, { muted: true, html5: { vhs } });
      this.player.on("error", () => this.errors.push(this.player.error().message));
      this.player.src({ src, type: "application/vnd.apple.mpegurl" });
      await event("data", (resolve) => this.player.one("loadeddata", resolve), this.errors);
      window.video = this.player.el().querySelector("video");
    }

    levels = () => [...this.player.qualityLevels().levels_];
    heights = () => this.levels().map(({ height }) => height).filter(Boolean);

    show(height) {
      // The wanted one first: with none allowed it would take any.
      const isOther = (level) => level.height !== height;
      for (const level of this.levels().sort((a, b) => isOther(a) - isOther(b))) level.enabled = !isOther(level);
    }

    async cues(kind, src) {
      const { track } = this.player.addRemoteTextTrack({ kind, src: src.href ?? src, language: "en" }, false);
      track.mode = "hidden";
      await until(() => track.cues?.length);
      return Array.from(track.cues ?? []).map(({ startTime, endTime, text }) => [startTime, endTime, text]);
    }

    chapters = (base) => this.cues("chapters", new URL("chapters.vtt", base));
    thumbnails = async (url, times) => tilesAt(times, await this.cues("metadata", url), url);
    texts = () => Array.from(this.player.textTracks()).filter(({ kind }) => ["captions", "subtitles"].includes(kind));
    captions = () => this.texts().map(({ language }) => language);
    caption = (index) => (this.texts()[index].mode = "showing");
    tracks = () => Array.from(this.player.textTracks());
    sounds = () => Array.from(this.player.audioTracks()).map(({ label, enabled }) => ({ label, chosen: enabled }));
    hear = (label) => (Array.from(this.player.audioTracks()).find((track) => track.label === label).enabled = true);
  },
};

/** Loads a playlist with a player; the heights that it offers. */
async function start([name, url]) {
  window.player = new PLAYERS[name]();
  await player.load(url);
  return player.heights();
}

/** Switches to each of these heights while it plays; the heights that are then seen. */
async function switchTo(heights) {
  const seen = [];
  video.currentTime = 0;
  await video.play();
  // video.js plays what it had buffered of a rendition before it shows the next one.
  video.playbackRate = 4;
  for (const height of heights) {
    player.show(height);
    await until(() => video.videoHeight === height, 30);
    seen.push(video.videoHeight);
  }
  video.pause();
  video.playbackRate = 1;
  return seen;
}

/** What captions say at a time. */
async function saidAt(time) {
  video.currentTime = time;
  const cues = () =>
    player.tracks().filter(({ mode }) => mode === "showing").flatMap((track) => Array.from(track.activeCues ?? []));
  await until(() => !video.seeking && cues().length);
  return cues().map(({ text }) => text);
}

/** Chooses a sound by its label; the label of what is then heard for a second. */
async function hear(label) {
  const labels = player.sounds().map((sound) => sound.label);
  if (!labels.includes(label)) return `only ${labels}`;
  player.hear(label);
  await video.play();
  const [from, bytes] = [video.currentTime, video.webkitAudioDecodedByteCount];
  const heard = await until(() => video.currentTime > from + 1 && video.webkitAudioDecodedByteCount > bytes);
  video.pause();
  return heard ? player.sounds().find(({ chosen }) => chosen)?.label : "nothing";
}

/** Seeks to each of these times; the time of the frame that is shown then. */
async function seek(times) {
  const shown = [];
  for (const time of times) {
    // A browser without a screen does not report each frame that it shows: a second or third try may.
    let there = null;
    for (let tries = 0; tries < 3 && there === null; tries++) there = await seekTo(time);
    shown.push(there);
  }
  return shown;
}

async function seekTo(time) {
  // A seek to where it stands would show no frame, and one from nearby could not be told from it.
  if (Math.abs(video.currentTime - time) <= 0.5) {
    const away = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = time + 2;
    await away;
  }
  const frame = new Promise((resolve) => {
    const limit = setTimeout(() => resolve(null), 5000);
    const see = (_, { mediaTime }) => {
      // A frame from before the seek may still come.
      if (Math.abs(mediaTime - time) > 0.5) return video.requestVideoFrameCallback(see);
      clearTimeout(limit);
      resolve(mediaTime);
    };
    video.requestVideoFrameCallback(see);
  });
  video.currentTime = time;
  return frame;
}

async function playToTheEnd() {
  video.currentTime = 0;
  await video.play();
  const limit = performance.now() + 30000 + video.duration * 500;
  while (!video.ended && performance.now() < limit) {
    // Players set their own rate when they have waited for data.
    if (video.playbackRate === 1) video.playbackRate = 16;
    await sleep(100);
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
