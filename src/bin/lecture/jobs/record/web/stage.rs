// SPDX-License-Identifier: MPL-2.0

//! A display and a sound server that nobody else uses, in a folder of their own.

use std::fs::{self, DirBuilder, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::getuid;

use crate::engine::process;
use crate::error::Error;

/// Name of the sink that the browser plays to.
pub const SINK: &str = "page";

/// Longest time until a server has started.
const LONGEST_START: Duration = Duration::from_secs(10);

/// Interval at which a server is looked at while it starts.
const POLL: Duration = Duration::from_millis(20);

/// Variables of the environment that programs get; the others may be secrets.
const ENVIRONMENT: [&str; 8] = [
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The display and the sound server, until this is dropped.
pub struct Stage {
    /// Name of the display, for example `:7`.
    pub display: String,
    /// Address of the sound server.
    pub sound: String,
    /// Width and height of the display in pixels.
    pub size: (u64, u64),
    servers: Vec<Server>,
    place: Place,
}

/// A program that ends when this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        process::end(&mut self.0);
    }
}

/// The folder of all files, and the user who owns them.
struct Place {
    folder: PathBuf,
    /// User and group, if they are not ours.
    user: Option<(u32, u32)>,
    /// Locked as long as the folder is in use.
    _lock: File,
}

/// Start of the names of such folders.
const PREFIX: &str = "lecture-web-";

/// Name of the file in it that is locked.
const LOCK: &str = "lock";

impl Drop for Place {
    fn drop(&mut self) {
        // It may be in use by a process that is just ending; nothing in it matters.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Stage {
    /// Starts the servers. `user` is whose programs run if this one is root's.
    ///
    /// # Errors
    /// A program is missing or does not start, or there is no such user.
    pub fn open(user: &str, size: (u64, u64)) -> Result<Self, Error> {
        let user = match getuid().is_root() {
            true => Some(find_user(user)?),
            false => None,
        };
        let mut stage = Stage {
            display: String::new(),
            sound: String::new(),
            size,
            servers: Vec::new(),
            place: Place::make(user)?,
        };
        // Before anything starts.
        stage.command("chromium", "chromium", "chromium.log")?;
        stage.start_sound()?;
        stage.start_display()?;
        Ok(stage)
    }

    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// Returns a command that runs a program on the stage, with a log in its folder.
    ///
    /// # Errors
    /// The program is not installed.
    pub fn command(&self, program: &str, package: &str, log: &str) -> Result<Command, Error> {
        let path = find_program(program).ok_or_else(|| {
            Error::request(
                format!("the program {program} is missing"),
                "from=web",
                format!("install it: sudo apt-get install {package}"),
            )
        })?;
        let folder = self.folder();
        let log = folder.join(log);
        let file = File::options().create(true).append(true).open(&log);
        let file = file.map_err(|error| Error::writing(&log, &error))?;
        let mut command = Command::new(path);
        command
            .env_clear()
            .envs(
                ENVIRONMENT
                    .iter()
                    .filter_map(|name| Some((*name, std::env::var_os(name)?))),
            )
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        if let Some((user, group)) = self.place.user {
            command.uid(user).gid(group);
        }
        process::end_with_parent(&mut command);
        Ok(command)
    }

    fn start_display(&mut self) -> Result<(), Error> {
        let (width, height) = self.size;
        let screen = format!("{width}x{height}x24");
        let log = "display.log";
        let mut command = self.command("Xvfb", "xvfb", log)?;
        command
            .args(["-displayfd", "1", "-screen", "0", &screen])
            .args(["-ac", "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| self.failed("Xvfb", log, &error.to_string()))?;
        let pipe = child.stdout.take();
        self.servers.push(Server(child));
        // It writes the number of the display once it is ready, and closes the pipe if it fails.
        let (sender, number) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = pipe.map(|pipe| BufReader::new(pipe).read_line(&mut line));
            // Nobody waits any more if it takes too long.
            let _ = sender.send(read.map(|_| line));
        });
        let number = number.recv_timeout(LONGEST_START).ok().flatten();
        match number.and_then(|number| number.trim().parse::<u32>().ok()) {
            Some(number) => self.display = format!(":{number}"),
            None => return Err(self.failed("Xvfb", log, "it ended, or takes too long")),
        }
        Ok(())
    }

    fn start_sound(&mut self) -> Result<(), Error> {
        let socket = self.folder().join("sound");
        let log = "sound.log";
        let sink = format!("module-null-sink sink_name={SINK} rate=48000 channels=2");
        let protocol = format!(
            "module-native-protocol-unix auth-anonymous=1 socket={}",
            socket.display()
        );
        let mut command = self.command("pulseaudio", "pulseaudio", log)?;
        command
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1"])
            .args([
                "--use-pid-file=no",
                "--disallow-exit",
                "--log-target=stderr",
            ])
            .args(["--realtime=no", "--high-priority=no"])
            .args(["-L", &sink, "-L", &protocol]);
        let child = command
            .spawn()
            .map_err(|error| self.failed("pulseaudio", log, &error.to_string()))?;
        let mut server = Server(child);
        let deadline = Instant::now() + LONGEST_START;
        while !socket.exists() {
            let has_ended = !matches!(server.0.try_wait(), Ok(None));
            if has_ended || Instant::now() > deadline {
                return Err(self.failed("pulseaudio", log, "it ended, or takes too long"));
            }
            std::thread::sleep(POLL);
        }
        self.servers.push(server);
        self.sound = format!("unix:{}", socket.display());
        Ok(())
    }

    /// Returns the error for a program that does not start, with the last line of its log.
    fn failed(&self, program: &str, log: &str, why: &str) -> Error {
        let log = fs::read_to_string(self.folder().join(log)).unwrap_or_default();
        let last = log.lines().rev().find(|line| !line.trim().is_empty());
        let why = last.map_or(why, str::trim);
        Error::later(
            format!("{program} does not start: {why}"),
            "from=web",
            "try again",
        )
    }
}

impl Place {
    /// Makes a folder that only the user can read.
    fn make(user: Option<(u32, u32)>) -> Result<Self, Error> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| {
            Error::later(
                format!("no random numbers ({error})"),
                "from=web",
                "try again",
            )
        })?;
        let number = u64::from_ne_bytes(random);
        let temporary = std::env::temp_dir();
        remove_leftovers(&temporary);
        let folder = temporary.join(format!("{PREFIX}{number:016x}"));
        let failed = |error: std::io::Error| Error::writing(&folder, &error);
        // It has its name once it is locked: another recorder that starts takes it for a leftover before.
        let new = temporary.join(format!("new-{PREFIX}{number:016x}"));
        DirBuilder::new().mode(0o700).create(&new).map_err(failed)?;
        let lock = File::create(new.join(LOCK)).map_err(failed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| failed(error.into()))?;
        fs::rename(&new, &folder).map_err(failed)?;
        let place = Place {
            folder,
            user,
            _lock: lock,
        };
        if let Some((user, group)) = user {
            let given = chown(&place.folder, Some(user), Some(group));
            given.map_err(|error| Error::writing(&place.folder, &error))?;
        }
        Ok(place)
    }
}

/// Removes the folders of recorders that were killed.
fn remove_leftovers(temporary: &Path) {
    let entries = fs::read_dir(temporary).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for entry in named {
        let lock = File::open(entry.path().join(LOCK));
        let is_free =
            lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok());
        if is_free {
            // Those of other users stay.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Returns the number of a user and of their group.
fn find_user(name: &str) -> Result<(u32, u32), Error> {
    let path = Path::new("/etc/passwd");
    let text = fs::read_to_string(path).map_err(|error| Error::reading(path, &error))?;
    let found = text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [own, _, user, group, ..] = fields[..] else {
            return None;
        };
        (own == name).then_some((user.parse().ok()?, group.parse().ok()?))
    });
    match found {
        Some((0, _)) => Err(Error::usage(
            "the browser has no sandbox as root",
            format!("browser-user={name}"),
            "name a user without rights",
        )),
        Some(found) => Ok(found),
        None => Err(Error::usage(
            "there is no such user",
            format!("browser-user={name}"),
            "name a user of /etc/passwd",
        )),
    }
}

fn find_program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(name));
    paths.find(|path| path.is_file())
}
