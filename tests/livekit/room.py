# SPDX-License-Identifier: MPL-2.0
"""A LiveKit server with browsers that publish, and recorders, in the network namespace of this process."""
import base64, collections, hashlib, hmac, http.server, json, os, pathlib, shutil, signal, subprocess, threading, time
import urllib.error, urllib.parse, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
KEY, SECRET = 'devkey', 'secret-of-the-test-server-0123456789'
URL = 'ws://127.0.0.1:7880'
SERVER = os.environ['LIVEKIT_SERVER']
LECTURE = os.environ['LECTURE']
WORK = pathlib.Path(os.environ['WORK'])


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=')


def token(grants, identity=None, lifetime=3600, secret=SECRET, **more):
    claims = {'iss': KEY, 'exp': int(time.time()) + lifetime, 'video': grants, **more}
    if identity:
        claims['sub'] = identity
    head = part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode()) + b'.' + part(json.dumps(claims).encode())
    return (head + b'.' + part(hmac.new(secret.encode(), head, hashlib.sha256).digest())).decode()


def api(method, **body):
    headers = {'Content-Type': 'application/json',
               'Authorization': 'Bearer ' + token({'roomAdmin': True, 'roomCreate': True, 'roomList': True, 'room': body.get('room', '')})}
    request = urllib.request.Request(f'http://127.0.0.1:7880/twirp/livekit.RoomService/{method}',
                                     json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request, timeout=10))


def wait_for(what, is_so, seconds=90):
    """Waits for a state; the time is only for a test that fails."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = is_so()
        if found:
            return found
        time.sleep(.1)
    raise AssertionError(f'waited for {what}')


class Server:
    """The stock server with its configuration."""

    def __init__(self):
        self.config = WORK / 'livekit.yaml'
        self.config.write_text(f'''port: 7880
bind_addresses: ["127.0.0.1"]
rtc: {{udp_port: 7882, tcp_port: 0, use_external_ip: false, node_ip: 10.99.0.1, interfaces: {{includes: [v0]}}, ips: {{includes: [10.99.0.1/32]}}, stun_servers: ["127.0.0.1:3478"]}}
keys: {{{KEY}: {SECRET}}}
room: {{empty_timeout: 30, departure_timeout: 3, sync_streams: true}}
logging: {{level: info}}
''')
        self.start()

    def start(self):
        self.log = open(WORK / 'server.log', 'ab')
        self.process = subprocess.Popen([SERVER, '--config', self.config], stdout=self.log, stderr=self.log)
        wait_for('the server', self.answers)

    def answers(self):
        try:
            return urllib.request.urlopen('http://127.0.0.1:7880/', timeout=2).status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()


class Desk(http.server.ThreadingHTTPServer):
    """Hands the page to browsers, orders to pages, and takes what they tell."""
    daemon_threads = True

    def __init__(self):
        super().__init__(('127.0.0.1', 8000), Handler)
        self.orders, self.told = collections.defaultdict(collections.deque), collections.defaultdict(list)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, body, kind='text/plain'):
        self.send_response(200)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        who = urllib.parse.parse_qs(url.query).get('who', [''])[0]
        if url.path == '/next':
            orders = self.server.orders[who]
            self.reply((orders.popleft() if orders else '').encode())
        elif url.path == '/livekit-client.umd.js':
            self.reply((HERE / 'node_modules/livekit-client/dist/livekit-client.umd.js').read_bytes(), 'text/javascript')
        else:
            self.reply((HERE / 'publish.html').read_bytes(), 'text/html; charset=utf-8')

    def do_POST(self):
        who = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)['who'][0]
        self.server.told[who].append(self.rfile.read(int(self.headers['Content-Length'])).decode())
        self.reply(b'')


class Person:
    """Somebody in a browser of their own."""
    number = 0
    all = []

    def __init__(self, desk, who, room, tone, colour, name='', codec='vp8'):
        self.desk, self.who, self.room, self.name = desk, who, room, name
        Person.number += 1
        self.profile = WORK / f'profile-{Person.number}'
        query = urllib.parse.urlencode({'who': who, 'server': URL, 'token': self.token(), 'tone': tone,
                                        'colour': colour, 'codec': codec, 'seed': Person.number * 77})
        self.log = open(WORK / f'browser-{who}.log', 'ab')
        Person.all.append(self)
        desk.told[who].clear()
        desk.orders[who].clear()
        self.process = subprocess.Popen(
            ['chromium', '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--mute-audio',
             f'--user-data-dir={self.profile}', '--autoplay-policy=no-user-gesture-required', '--no-first-run',
             '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
             f'http://127.0.0.1:8000/?{query}'],
            stdout=self.log, stderr=self.log, start_new_session=True)

    def token(self, identity=None):
        return token({'roomJoin': True, 'room': self.room, 'canSubscribe': True, 'canPublish': True},
                     identity or self.who, name=self.name)

    def do(self, *orders):
        for order in orders:
            name = order.split()[0]
            told = self.desk.told[self.who]
            before = len(told)
            self.desk.orders[self.who].append(order)
            done = wait_for(f'{self.who}: {order}', lambda: [text for text in told[before:] if text.startswith((f'done {name}', 'failed'))])
            assert done[0].startswith('done'), done
        return self

    def saw(self):
        return ' '.join(text for text in self.desk.told[self.who] if text.startswith('sees'))

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


def clear():
    """Ends whatever a test leaves."""
    for person in Person.all:
        person.kill()
    for recorder in Recorder.all:
        recorder.process.kill()
        recorder.process.wait()
    Person.all.clear()
    Recorder.all.clear()


class Recorder:
    """`lecture record from=livekit` into a folder."""
    all = []

    def __init__(self, name, room, *options, keys=True, env=None, program=LECTURE, url=URL):
        self.folder = WORK / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log = WORK / f'{name}.log'
        given = ['api-key=env:LK_KEY', 'api-secret=env:LK_SECRET'] if keys else []
        environment = {**os.environ, 'LK_KEY': KEY, 'LK_SECRET': SECRET, **(env or {})}
        self.arguments = [program, 'record', 'from=livekit', f'url={url}', f'room={room}', f'output={self.folder}', *given, *options]
        self.process = subprocess.Popen(self.arguments, env=environment, stdout=subprocess.DEVNULL, stderr=open(self.log, 'wb'))
        Recorder.all.append(self)

    def printed(self):
        text = self.log.read_text()
        assert SECRET not in text and 'eyJ' not in text, text
        return text

    def session(self):
        try:
            return json.loads((self.folder / 'session.json').read_text())
        except (OSError, ValueError):
            return {'tracks': [], 'events': [], 'participants': []}

    def wait_for(self, what, is_so):
        def check():
            if is_so(self.session()):
                return True
            assert self.process.poll() is None, (what, self.printed())
        try:
            wait_for(what, check)
        except AssertionError:
            print(json.dumps(self.session(), indent=1), self.printed())
            raise

    def end(self, how=None):
        if how is not None:
            self.process.send_signal(how)
        status = self.process.wait(60)
        return status, self.printed()
