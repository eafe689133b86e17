# SPDX-License-Identifier: MPL-2.0
"""What lies over the pages of a recording: each class draws itself into a frame (I420 planes) at a time."""

import numpy as np
from PIL import Image, ImageDraw

import recording as rec


class Toasts:
    """Notices that pop up over the picture and vanish: somebody joined, a chat message."""

    def __init__(self, size, spec, rng, start, end):
        self.spans, time = [], start + rng.uniform(5, 15)
        while time < end - 12:
            self.spans.append((time, time + rng.uniform(*spec.get("seconds", (3, 5)))))
            time += rng.exponential(spec.get("every", 30)) + 9
        self.patch = np.full((size[1] // 11, size[0] // 4), 50, dtype=np.uint8)
        image = Image.fromarray(self.patch)
        ImageDraw.Draw(image).text((14, 14), "Martina has joined the room", font=rec.font(size[1] // 42), fill=240)
        self.patch = np.asarray(image)
        self.at = (size[0] - self.patch.shape[1] - 20, 16) if rng.random() < 0.5 else (20, size[1] - self.patch.shape[0] - 20)

    def draw(self, frame, time):
        if any(a <= time < b for a, b in self.spans):
            x, y = self.at
            frame[0][y : y + self.patch.shape[0], x : x + self.patch.shape[1]] = self.patch


class Caret:
    """A caret that blinks where somebody last typed."""

    def __init__(self, size, rng):
        self.x, self.y = int(rng.uniform(0.1, 0.6) * size[0]), int(rng.uniform(0.2, 0.8) * size[1])
        self.height, self.width = size[1] // 28, max(2, size[0] // 110)

    def draw(self, frame, time):
        if time % 1.06 < 0.53:
            region = frame[0][self.y : self.y + self.height, self.x : self.x + self.width]
            region[:] = 255 - region


class Walker:
    """A camera at the back of the room: somebody walks before the screen, and the sensor's noise lies over everything."""

    def __init__(self, size, rng, start, end, grain):
        self.size, self.rng, self.stops, time = size, rng, [(start, 0.1)], start
        while time < end:
            time += rng.uniform(2, 20)
            self.stops.append((time, self.stops[-1][1]))
            time += rng.uniform(1, 4)
            self.stops.append((time, rng.uniform(0.02, 0.98)))
        self.noise = [np.clip(rng.normal(0, grain, (size[1], size[0])), -20, 20).astype(np.int16) for _ in range(5)]
        self.start, self.end = start, end

    def draw(self, frame, time):
        luma = frame[0].astype(np.int16)
        if self.start <= time < self.end:
            times, places = zip(*self.stops)
            width, height = self.size
            x = width * np.interp(time, times, places) + 0.006 * width * np.sin(2.1 * time)
            h = height * 0.36
            top, left = int(height - h + 3 * np.sin(3 * time)), int(x - 0.16 * h)
            right = max(0, min(width, int(x + 0.16 * h)))
            left = max(0, min(width, left))
            luma[top + int(0.22 * h) :, left:right] = 52
            luma[top : top + int(0.22 * h), min(width, left + int(0.09 * h)) : max(0, right - int(0.09 * h))] = 140
        luma += self.noise[self.rng.integers(0, len(self.noise))]
        frame[0] = np.clip(luma, 16, 235).astype(np.uint8)


class Border:
    """The frame around the picture of who speaks."""

    def __init__(self, box, loud):
        self.box, self.loud = box, loud

    def draw(self, frame, time):
        if self.loud(time):
            x, y, width, height = self.box
            for part in (np.s_[y : y + 4, x : x + width], np.s_[y + height - 4 : y + height, x : x + width],
                         np.s_[y : y + height, x : x + 4], np.s_[y : y + height, x + width - 4 : x + width]):
                frame[0][part] = 200


class Pointer:
    """A laser pointer: a bright spot that shows up now and then, trembles and circles what is talked about."""

    def __init__(self, size, rng, start, end):
        self.radius, self.spans, time = max(3, size[1] // 120), [], start + rng.uniform(2, 8)
        while time < end:
            until = time + rng.uniform(1.5, 9)
            place = (rng.uniform(0.1, 0.8) * size[0], rng.uniform(0.15, 0.85) * size[1], rng.uniform(0.02, 0.09) * size[1])
            self.spans.append((time, until, place))
            time = until + rng.uniform(1, 12)

    def draw(self, frame, time):
        for start, end, (x, y, reach) in self.spans:
            if start <= time < end:
                x, y = int(x + 1.6 * reach * np.sin(2.3 * time)), int(y + reach * np.cos(3.1 * time))
                for plane, value, divisor in ((frame[0], 110, 1), (frame[1], 100, 2), (frame[2], 225, 2)):
                    radius = self.radius // divisor
                    top, left = max(0, y // divisor - radius), max(0, x // divisor - radius)
                    plane[top : top + 2 * radius, left : left + 2 * radius] = value


class Pen:
    """Marks that somebody draws on the page that is up: they stay until the next page."""

    def __init__(self, size, rng, pages):
        self.strokes, self.spans = [], []
        for start, end in pages:
            time = start + rng.uniform(2, 5)
            if rng.random() < 0.5 or time + 4 > end:
                continue
            x, y = rng.uniform(0.1, 0.6) * size[0], rng.uniform(0.2, 0.8) * size[1]
            across = rng.uniform(0.1, 0.3) * size[0]
            points = [(x + across * part, y + rng.normal(0, 2)) for part in np.linspace(0, 1, 20)]
            if rng.random() < 0.5:
                turn = np.linspace(0, 2 * np.pi, 20)
                points = [(x + across * (1 + np.cos(a)) / 2, y + 0.07 * size[1] * np.sin(a)) for a in turn]
            self.spans.append((time, time + 2))
            self.strokes.append((time, end, points))
        self.size = size

    def draw(self, frame, time):
        for start, end, points in self.strokes:
            if start <= time < end:
                drawn = points[: 2 + int((time - start) * 10)]
                image = Image.fromarray(frame[0])
                ImageDraw.Draw(image).line(drawn, fill=80, width=5)
                frame[0] = np.array(image)


class Panel:
    """A column at the right in which messages of a chat come in, the older ones moving up."""

    def __init__(self, size, spec, rng, start, end):
        self.left, self.size = int(size[0] * 0.76), size
        self.times, time = [start], start
        while time < end:
            time += rng.exponential(spec.get("every", 20)) + 1.5
            self.times.append(time)
        words = "yes no thanks the link please again slide question which page sound is fine great and why".split()
        self.lines = [" ".join(rng.choice(words, int(rng.integers(1, 5)))) for _ in self.times]
        self.shown, self.picture = None, None

    def draw(self, frame, time):
        count = sum(t <= time for t in self.times)
        if count != self.shown:
            width, height = self.size[0] - self.left, self.size[1]
            image = Image.new("L", (width, height), 245)
            draw, row = ImageDraw.Draw(image), height // 12
            for number, line in enumerate(self.lines[max(0, count - 10) : count]):
                draw.text((12, 14 + number * row), "Participant", font=rec.font(height // 50, True), fill=110)
                draw.text((12, 14 + number * row + height // 38), line, font=rec.font(height // 45), fill=30)
            self.shown, self.picture = count, np.asarray(image)
        frame[0][:, self.left :] = self.picture
        for plane in frame[1:]:
            plane[:, self.left // 2 :] = 128


class Captions:
    """Captions burnt into the picture while somebody speaks: one or two lines, new every few seconds."""

    def __init__(self, size, rng, speech):
        self.size, self.spans = size, []
        words = "so the next one is what we have seen here and then it follows that all of them can be written as sum".split()
        for start, end in speech:
            while start < end:
                until = min(end + 0.6, start + rng.uniform(1.5, 4))
                lines = [" ".join(rng.choice(words, int(rng.integers(3, 8)))) for _ in range(int(rng.integers(1, 3)))]
                self.spans.append((start, until, lines))
                start = until

    def draw(self, frame, time):
        for start, end, lines in self.spans:
            if start <= time < end:
                width, height = self.size
                image = Image.fromarray(frame[0])
                draw, face = ImageDraw.Draw(image), rec.font(height // 26)
                for number, line in enumerate(lines[::-1]):
                    y, half = int(height * (0.95 - 0.055 * number)), int(draw.textlength(line, font=face) / 2) + 8
                    draw.rectangle((width // 2 - half, y - height // 38, width // 2 + half, y + height // 38), fill=16)
                    draw.text((width // 2, y), line, font=face, fill=235, anchor="mm")
                frame[0] = np.array(image)
                return


class Badge:
    """A mark of the recorder that throbs, and a clock that counts seconds."""

    def __init__(self, size, rng):
        self.size, self.at = size, (int(rng.uniform(0, 0.86) * size[0]), 6 if rng.random() < 0.5 else size[1] - size[1] // 16)

    def draw(self, frame, time):
        width, height = self.size[0] // 8, self.size[1] // 18
        image = Image.new("L", (width, height), 40)
        draw = ImageDraw.Draw(image)
        draw.ellipse((6, height * 0.3, 6 + height * 0.4, height * 0.7), fill=int(140 + 90 * np.sin(3 * time)))
        draw.text((12 + height * 0.5, height / 2), f"{int(time) // 60:02}:{int(time) % 60:02}", font=rec.font(height // 2), fill=230, anchor="lm")
        x, y = self.at
        part = frame[0][y : y + height, x : x + width]
        part[:] = np.asarray(image)[: part.shape[0], : part.shape[1]]
