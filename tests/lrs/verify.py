#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Reads the statements of player.py's session back from an LRS and works every value out again,
from what the player knows and from nothing else.

verify.py ENDPOINT ACTIVITY FACTS"""

import json
import sys
from datetime import datetime
from fractions import Fraction

import lrs

endpoint, activity, facts_path = sys.argv[1:]
X = "https://w3id.org/xapi/video/extensions/"
with open(facts_path, encoding="utf-8") as file:
    facts = json.load(file)

stored = lrs.statements(endpoint, activity)
verbs = [lrs.verb(statement) for statement in stored]
print("stored:", ", ".join(verbs))
assert verbs == [
    "initialized", "played", "paused", "seeked", "played", "interacted", "completed", "paused",
    "terminated",
], verbs

# Exactly what was said, once.
said = {s["id"]: s for s in facts["statements"]}
assert len(stored) == len({s["id"] for s in stored}) == len(said), (len(stored), len(said))


def contains(ours, theirs):
    if isinstance(ours, dict):
        return all(k in theirs and contains(v, theirs[k]) for k, v in ours.items())
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(contains, ours, theirs))
    if isinstance(ours, str) and ours != theirs:
        return datetime.fromisoformat(ours) == datetime.fromisoformat(theirs)
    return ours == theirs


for statement in stored:
    ours = said[statement["id"]]
    assert contains(ours, statement), (ours, statement)

# The session's numbers.
initialized, played, paused, seeked, again, faster, completed, ended, terminated = stored
context = [s["context"]["extensions"] for s in stored]
result = [s.get("result", {}).get("extensions", {}) for s in stored]
length = round(facts["length"], 3)
near = lambda a, b, by=0.15: abs(a - b) <= by  # noqa: E731
assert all(c[X + "session-id"] == initialized["id"] for c in context)
assert all(near(c[X + "length"], length, 0.001) for c in context)
times = [datetime.fromisoformat(s["timestamp"]) for s in stored]
assert all((b - a).total_seconds() >= 0.001 for a, b in zip(times, times[1:])), times
assert result[1][X + "time"] == 0
assert near(result[2][X + "time"], facts["paused"]), (result[2], facts["paused"])
assert result[3][X + "time-from"] == result[2][X + "time"] and result[3][X + "time-to"] == 4
assert result[4][X + "time"] == 4
assert near(result[5][X + "time"], facts["faster"]), (result[5], facts["faster"])
assert context[5][X + "speed"] == "1.5x"
assert near(result[7][X + "time"], length, 0.001)

# Segments and progress, by fractions and from the texts alone.
for index in (2, 6, 7, 8):
    text = result[index][X + "played-segments"]
    spans = sorted(tuple(map(Fraction, part.split("[.]"))) for part in text.split("[,]"))
    seen, reach = Fraction(0), Fraction(0)
    for start, end in spans:
        seen += max(Fraction(0), end - max(start, reach))
        reach = max(reach, end)
    whole = Fraction(str(context[index][X + "length"]))
    progress = Fraction(int(seen / whole * 1000), 1000)
    assert Fraction(str(result[index][X + "progress"])) == progress, (index, text)
    if verbs[index] == "completed":
        assert progress >= Fraction(9, 10)
        # It fires when the threshold is reached, not at the next pause.
        assert near(float(spans[-1][1]), 0.9 * length, 0.15), spans
        assert completed["result"]["completion"] is True
        spent = float(completed["result"]["duration"].removeprefix("PT").removesuffix("S"))
        wall = facts["paused"] + (facts["faster"] - 4) + (0.9 * length - facts["faster"]) / 1.5
        assert near(spent, wall, 0.3), (spent, wall)
text = result[8][X + "played-segments"]
(start, end), (back, last) = (map(float, part.split("[.]")) for part in text.split("[,]"))
assert start == 0 and near(end, facts["paused"]) and back == 4 and near(last, length, 0.001)
assert Fraction(str(result[8][X + "progress"])) == 1
print("every value agrees")
