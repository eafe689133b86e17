#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Publishes two versions of a class to an S3 bucket that moto serves on loopback.

    bucket.py LECTURE OUT NEXT

After every single request that changes the bucket, what the multivariant playlist there leads to
must be one whole version. The program is killed at many of them.
"""

import json
import os
import pathlib
import posixpath
import re
import signal
import subprocess
import sys
import threading
import urllib.request

os.environ["AWS_ACCESS_KEY_ID"] = "x"
os.environ["AWS_SECRET_ACCESS_KEY"] = "s3cr3t"
os.environ["RCLONE_CONFIG"] = "/dev/null"
os.environ.pop("AWS_CA_BUNDLE", None)

import boto3  # noqa: E402
from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

lecture, first, second = sys.argv[1:]
BUCKET, PREFIX = "classes", "7/en"
FOR_EVER = "public, max-age=31536000, immutable"


class Watched:
    """moto, and what is done after each request that has changed the bucket."""

    def __init__(self):
        self.app = DomainDispatcherApplication(create_backend_app)
        self.lock = threading.Lock()
        self.changed = []
        self.after = None
        self.refusal = None
        self.faults = []

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        is_change = method in ("PUT", "POST", "DELETE") and path.startswith(f"/{BUCKET}/")
        if not is_change:
            return self.app(environ, start_response)
        if self.refusal:
            status, code = self.refusal
            start_response(status, [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]
        with self.lock:
            body = list(self.app(environ, start_response))
            self.changed.append((method, path.removeprefix(f"/{BUCKET}/{PREFIX}/")))
            if self.after:
                # What goes wrong here belongs to the test, not to who asked.
                try:
                    self.after(len(self.changed))
                except Exception as fault:  # noqa: BLE001
                    self.faults.append(fault)
            return body


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


watched = Watched()
server = make_server("127.0.0.1", 0, watched, threaded=True, request_handler=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.port}"
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
from moto.s3.models import s3_backends  # noqa: E402

to = f"to=:s3,provider=Other,env_auth=true,acl=public-read,endpoint='{endpoint}':{BUCKET}/{PREFIX}"


def bucket():
    """The objects of the package by their paths, without a request."""
    backend = s3_backends["123456789012"]["aws"]
    keys = backend.buckets[BUCKET].keys
    return {name.removeprefix(PREFIX + "/"): keys[name].value for name in keys if name.startswith(PREFIX + "/")}


def uris(text):
    """What a playlist names."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return lines + re.findall(r'URI="([^"]*)"', text)


def leads_to(objects, names=None):
    """Everything that the multivariant playlist leads to, with its content."""
    found = {}
    master = objects["master.m3u8"].decode()
    for uri in uris(master):
        found[uri] = objects[uri]
        if uri.endswith(".m3u8"):
            for segment in uris(objects[uri].decode()):
                path = posixpath.join(posixpath.dirname(uri), segment)
                found[path] = objects[path]
    return {"master.m3u8": objects["master.m3u8"], **found}


def run(job, *words, after=None, status=0):
    """Runs a job; what `--json` says of it, what it said, and the changes that it made."""
    watched.changed, watched.after = [], None
    process = subprocess.Popen(
        [lecture, job, to, "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watched.after = after and (lambda count: after(count, process))
    out, err = process.communicate(timeout=120)
    watched.after = None
    for fault in watched.faults:
        raise fault
    assert process.returncode == status, (job, words, process.returncode, err)
    assert "s3cr3t" not in out + err
    return (json.loads(out) if out else None), err, list(watched.changed)


# No bucket is made that nobody asked for.
_, err, _ = run("publish", f"output={first}", status=1)
assert "no such bucket" in err, err
s3.create_bucket(Bucket=BUCKET)
others = {"index.html": b"another's", PREFIX + "x/master.m3u8": b"another class", PREFIX + "/video/mine": b"x"}
for name, body in others.items():
    if not name.startswith(PREFIX + "/"):
        s3.put_object(Bucket=BUCKET, Key=name, Body=body)

# The first version, whole, in order.
said, _, changed = run("publish", f"output={first}")
order = [path for method, path in changed if method == "PUT"]
package = {str(p.relative_to(f"{first}/package")) for p in pathlib.Path(f"{first}/package").rglob("*") if p.is_file()}
assert order[0] == "published.json" and order.count("published.json") == 1, order
assert order[-3:] == ["manifest.json", "manifest.mpd", "master.m3u8"], order[-5:]
assert set(order) >= package, package - set(order)
media = [i for i, path in enumerate(order) if path.endswith((".m4s", ".jpg")) and "poster" not in path]
playlists = [i for i, path in enumerate(order) if path.endswith(".m3u8")]
assert max(media) < min(playlists), "a playlist was sent before a segment"
assert said["sent-files"] == said["files"] == len(order) - 1, (said, len(order))
one = leads_to(bucket())

# Content types and cache headers, as a viewer gets them.
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".m4s": "video/iso.segment",
    ".mp4": "video/mp4", ".vtt": "text/vtt; charset=utf-8", ".html": "text/html; charset=utf-8",
    ".json": "application/json", ".jpg": "image/jpeg",
}
seen = set()
for path in bucket():
    with urllib.request.urlopen(f"{endpoint}/{BUCKET}/{PREFIX}/{path}") as response:
        headers = response.headers
        stem, extension = posixpath.splitext(posixpath.basename(path))
        kind = "audio/mp4" if path.startswith("audio/") and extension == ".mp4" else TYPES[extension]
        assert headers["Content-Type"] == kind, (path, headers["Content-Type"])
        is_named_by_content = re.fullmatch("[0-9a-f]{16}", stem)
        cache = FOR_EVER if is_named_by_content else "no-store" if path == "published.json" else "public, max-age=60"
        assert headers["Cache-Control"] == cache, (path, headers["Cache-Control"])
        seen.add((extension, bool(is_named_by_content)))
assert {end for end, _ in seen} == set(TYPES), seen

# Again: nothing but what is asked for is sent.
said, _, changed = run("publish", f"output={first}")
assert said["sent-files"] == 0 and changed == [], (said, changed)

# The next version, killed ever later; at every moment one of the two is there, whole.
kept = dict(bucket())
states = []


def check(_):
    now = leads_to(bucket())
    if now["master.m3u8"] == one["master.m3u8"]:
        assert now == one
        states.append(1)
    else:
        states.append(2)


def killing(at):
    def after(count, process):
        check(count)
        # Requests of the one killed before may still come in.
        if count >= at and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
    return after


kills = 0
wanted = len([p for p in pathlib.Path(f"{second}/package").rglob("*") if p.is_file()])
for at in (1, 2, 3, 5, 8, 13, 2):
    run("publish", f"output={second}", after=killing(at), status=-9)
    kills += 1
    assert states[-1] == 1, f"killed too late, at {at}"
    print(f"killed after {at} requests, {len(bucket())} objects")
said, _, changed = run("publish", f"output={second}", after=lambda count, _: check(count))
assert states[-1] == 2 and 1 in states
assert said["sent-files"] < said["files"], said
two = leads_to(bucket())
assert not set(two) - set(bucket())
assert set(kept) <= set(bucket()), "something of the first version is gone"
inside = {str(p.relative_to(f"{second}/package")): p.read_bytes()
          for p in pathlib.Path(f"{second}/package").rglob("*") if p.is_file()}
assert all(bucket()[path] == body for path, body in inside.items() if path != "master.m3u8")
print(f"{kills} kills; the last run sent {said['sent-files']} of {said['files']} files")

# The first version goes, and nothing else.
said, _, changed = run("publish", f"output={second}", "prune=0")
assert said["removed"] > 0 and said["sent-files"] == 0, said
assert leads_to(bucket()) == two
for name, body in others.items():
    s3.put_object(Bucket=BUCKET, Key=name, Body=body)

# Who may not write is told so, and so is who has no room left: another try helps only the latter.
for refusal, status, words in [
    (("403 Forbidden", "AccessDenied"), 1, "credentials"),
    (("403 Forbidden", "QuotaExceeded"), 75, "no space left"),
    (("500 Internal Server Error", "InternalError"), 75, "cannot reach"),
]:
    watched.refusal = refusal
    _, err, _ = run("publish", f"output={first}", status=status)
    assert words in err, err
    assert leads_to(bucket()) == two
    watched.refusal = None

# Unpublished: playlists first, and only ours; killed and taken up.
run("unpublish", after=lambda count, process: (process.send_signal(signal.SIGKILL) if count == 9 else None), status=-9)
removed = [path for _, path in watched.changed]
assert set(removed[:3]) == {"manifest.json", "manifest.mpd", "master.m3u8"}, removed
run("unpublish")
left = {o["Key"]: s3.get_object(Bucket=BUCKET, Key=o["Key"])["Body"].read()
        for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
assert left == others, left
_, err, _ = run("unpublish", status=1)
assert "nothing has been published there" in err, err
server.shutdown()
print("content types, cache headers, order, kills, prune and unpublish are right")
