// SPDX-License-Identifier: MPL-2.0
// A headless Chromium and a server on loopback that shows it folders.

import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".m4s": "video/iso.segment",
  ".mp4": "video/mp4",
  ".cmfv": "video/mp4",
  ".cmfa": "audio/mp4",
  ".mpd": "application/dash+xml",
  ".vtt": "text/vtt; charset=utf-8",
  ".jpg": "image/jpeg",
  ".png": "image/png",
  ".wav": "audio/wav",
};

/** Serves `folders` ({"/prefix/": folder}) and `pages` ({"/path": html}); byte ranges work. Resolves to {url, close, missing}. */
export async function serve(folders, pages = {}) {
  const missing = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    if (path === "/favicon.ico") return response.writeHead(204).end();
    if (pages[path]) return response.writeHead(200, { "content-type": TYPES[".html"] }).end(pages[path]);
    const prefix = Object.keys(folders).find((known) => path.startsWith(known));
    const file = prefix && join(folders[prefix], normalize("/" + path.slice(prefix.length)));
    const found = file && (await stat(file).catch(() => null));
    if (!found?.isFile()) {
      missing.push(path);
      return response.writeHead(404).end();
    }
    const headers = { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "accept-ranges": "bytes" };
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    if (!range) {
      response.writeHead(200, { ...headers, "content-length": found.size });
      return createReadStream(file).pipe(response);
    }
    const start = Number(range[1]);
    const end = range[2] ? Math.min(Number(range[2]), found.size - 1) : found.size - 1;
    if (start > end) return response.writeHead(416, { "content-range": `bytes */${found.size}` }).end();
    response.writeHead(206, {
      ...headers,
      "content-length": end - start + 1,
      "content-range": `bytes ${start}-${end}/${found.size}`,
    });
    createReadStream(file, { start, end }).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close, missing };
}

/** Runs `work(page, complaints)` in a fresh Chromium; complaints are its console's warnings and errors. */
export async function withPage(work) {
  const profile = await mkdtemp(join(tmpdir(), "lecture-chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1280, height: 720 },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
  const complaints = [];
  try {
    const page = browser.pages()[0] ?? (await browser.newPage());
    page.on("console", (message) => {
      if (["warning", "error"].includes(message.type())) complaints.push(`${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    return await work(page, complaints);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}
