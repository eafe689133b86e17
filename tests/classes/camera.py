# SPDX-License-Identifier: MPL-2.0
"""Video of a camera that moves: it pans and zooms over photographs, is held by hand, and is cut to another one."""

import os

import numpy as np
from PIL import Image, ImageDraw

import recording as rec


class Scene:
    """A photograph, larger than the frame, as planes; with a person who moves before it, or lines on a board."""

    def __init__(self, path, size, rng, person=False, board=False):
        width, height = size[0] * 2, size[1] * 2
        if board:
            image = Image.new("RGB", (width, height), (224, 226, 222))
            self.write(ImageDraw.Draw(image), width, height, rng)
        else:
            image = Image.open(os.path.expandvars(path)).convert("RGB").resize((width, height), Image.BILINEAR)
        self.planes = [Image.fromarray(plane) for plane in rec.planes(image)]
        self.size = (width, height)
        self.person = rec.Webcam(0, 0, width // 5 // 4 * 4, height // 3 // 4 * 4, rng, 0) if person else None

    def write(self, draw, width, height, rng):
        """Handwriting, a wall beside the board."""
        draw.rectangle((0, 0, width // 12, height), fill=(120, 110, 96))
        for row in range(14):
            x, y = width * 0.14, height * (0.06 + 0.066 * row)
            for _ in range(int(rng.integers(5, 14))):
                points = [(x + 9 * n, y + rng.normal(0, 0.012 * height)) for n in range(int(rng.integers(4, 14)))]
                draw.line(points, fill=(30, 40, 110), width=6)
                x = points[-1][0] + 30

    def view(self, size, at, time):
        """The part of the scene that `at` (middle and width as parts of the scene's width) frames."""
        planes = self.planes
        if self.person:
            person = self.person.frame(time, 0.05)
            planes = [plane.copy() for plane in planes]
            x, y = self.size[0] * 2 // 5 // 2 * 2, self.size[1] // 2
            for index, (plane, part) in enumerate(zip(planes, person)):
                plane.paste(Image.fromarray(part), (x, y) if index == 0 else (x // 2, y // 2))
        views = []
        for index, plane in enumerate(planes):
            width = at[2] * plane.width
            height = width * size[1] / size[0]
            left = np.clip(at[0] * plane.width - width / 2, 0, plane.width - width)
            top = np.clip(at[1] * plane.height - height / 2, 0, plane.height - height)
            half = size if index == 0 else (size[0] // 2, size[1] // 2)
            views.append(np.asarray(plane.resize(half, Image.BILINEAR, box=(left, top, left + width, top + height))))
        return views


class Camera:
    """Frames of a camera over time. `shots` are drawn from: pan, zoom, hold, shake, cut."""

    def __init__(self, size, spec, rng, seconds):
        self.size, self.rng, self.grain = size, rng, spec.get("grain", 2.0)
        person, board = spec.get("person", False), spec.get("board", False)
        self.scenes = [Scene(path, size, rng, person, board) for path in spec.get("photos", [None])]
        self.phase = rng.uniform(0, 6, 6)
        self.noise = [rng.normal(0, self.grain, (size[1], size[0])) for _ in range(5)]
        # Each stop: time, scene, middle and width of the view; between two of one scene the camera moves.
        self.stops, self.cuts, self.shaken = [(0.0, 0, self.drawn())], [], []
        time, scene = 0.0, 0
        while time < seconds:
            shot = str(rng.choice(spec.get("shots", ["pan", "hold"])))
            end = time + rng.uniform(*spec.get("shot_seconds", (4, 9)))
            at = self.stops[-1][2]
            if shot == "cut":
                scene = (scene + 1) % len(self.scenes)
                at = self.drawn()
                self.cuts.append(time)
                self.stops.append((time, scene, at))
            elif shot == "pan":
                at = (*self.drawn()[:2], at[2])
            elif shot == "zoom":
                at = (at[0], at[1], float(rng.uniform(0.35, 0.8)))
            if shot == "shake" or spec.get("handheld"):
                self.shaken.append((time, end))
            self.stops.append((end, scene, at))
            time = end

    def drawn(self):
        return tuple(float(part) for part in (*self.rng.uniform(0.25, 0.75, 2), self.rng.uniform(0.4, 0.6)))

    def frame(self, time):
        index = [n for n, stop in enumerate(self.stops) if stop[0] <= time][-1]
        start, scene, at = self.stops[index]
        if index + 1 < len(self.stops) and self.stops[index + 1][1] == scene:
            end, _, to = self.stops[index + 1]
            part = (time - start) / max(end - start, 1e-6)
            part = part * part * (3 - 2 * part)
            at = tuple(a + (b - a) * part for a, b in zip(at, to))
        if any(a <= time < b for a, b in self.shaken):
            sway = [sum(np.sin(hz * time + p) / hz for hz, p in zip((2.1, 5.3, 11.7), self.phase[n : n + 3])) for n in (0, 3)]
            at = (at[0] + 0.006 * sway[0], at[1] + 0.006 * sway[1], at[2])
        planes = self.scenes[scene].view(self.size, at, time)
        if self.grain:
            noise = self.noise[self.rng.integers(0, len(self.noise))]
            planes[0] = np.clip(planes[0] + noise, 16, 235).astype(np.uint8)
        return planes
