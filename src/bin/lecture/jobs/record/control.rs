// SPDX-License-Identifier: MPL-2.0

//! The socket by which a running recording is controlled: one line of JSON in, one line out.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use gstlecture::record::live::SOCKET_NAME;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Longest time for which one side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest size of a line in bytes.
const LONGEST_LINE: u64 = 65_536;

/// A request to a recording.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Command {
    /// Ends the recording.
    Stop,
    /// Marks this moment, for example as the start of a chapter.
    Mark {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    Pause,
    Resume,
    /// Changes the layout of the room from now on.
    Layout {
        layout: String,
    },
    /// Asks for the state alone.
    Status,
}

/// The answer of a recording.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// The state by the names of LiveKit Egress.
    pub state: String,
    /// Length of the recording so far, in seconds.
    pub seconds: f64,
    /// Number of tracks that were started.
    pub tracks: usize,
    /// The reason why the request was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A request that waits for its answer.
pub struct Asked {
    pub command: Command,
    pub answer: Sender<Answer>,
}

/// The open socket of a recording; it is removed when this is dropped.
pub struct Control {
    path: PathBuf,
    asked: Receiver<Asked>,
}

impl Control {
    /// Opens the socket in the folder of a session that this process records.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(SOCKET_NAME);
        let failed = |error: &io::Error| Error::writing(&path, error);
        // A killed recorder leaves its socket.
        crate::fs::files::remove(&path)?;
        let listener =
            at(folder, |short| UnixListener::bind(short)).map_err(|error| failed(&error))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))
            .map_err(|error| failed(&error))?;
        let (sender, asked) = mpsc::channel();
        // The thread ends with the process; each request is answered in a thread of its own.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        Ok(Control { path, asked })
    }

    /// Returns the next request, if there is one.
    pub fn next(&self) -> Option<Asked> {
        self.asked.try_recv().ok()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // It may be gone with its folder.
        let _ = fs::remove_file(&self.path);
    }
}

/// Calls `connect` with a short path of the socket: the address of a socket has 108 bytes at most.
fn at<T>(folder: &Path, connect: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd;
    let open = fs::File::open(folder)?;
    let short = format!("/proc/self/fd/{}/{SOCKET_NAME}", open.as_raw_fd());
    connect(Path::new(&short))
}

fn serve(stream: UnixStream, sender: &Sender<Asked>) {
    let answer = read_line(&stream)
        .and_then(|line| serde_json::from_str(&line).map_err(|error| error.to_string()))
        .and_then(|command| {
            let (answer, answers) = mpsc::channel();
            let asked = Asked { command, answer };
            sender
                .send(asked)
                .map_err(|_| "the recording has ended".to_owned())?;
            answers
                .recv_timeout(PATIENCE)
                .map_err(|_| "the recording has ended".to_owned())
        })
        .unwrap_or_else(|error| Answer {
            error: Some(error),
            ..Answer::default()
        });
    // Whoever asked may be gone.
    let _ = write_line(&stream, &answer);
}

fn read_line(stream: &UnixStream) -> Result<String, String> {
    let read = || {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut line = String::new();
        BufReader::new(stream.take(LONGEST_LINE)).read_line(&mut line)?;
        Ok(line)
    };
    read().map_err(|error: io::Error| error.to_string())
}

fn write_line(mut stream: &UnixStream, value: &impl Serialize) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Sends a request to the recording in a folder and returns its answer.
pub fn ask(folder: &Path, command: &Command) -> Result<Answer, Error> {
    let place = || folder.display().to_string();
    let nobody = |_: io::Error| {
        Error::request(
            "nothing is recorded into this folder now",
            place(),
            "name the output= of a `lecture record` that runs",
        )
    };
    let stream = at(folder, |short| UnixStream::connect(short)).map_err(nobody)?;
    let unanswered = |error: String| {
        Error::later(
            format!("the recorder does not answer ({error})"),
            place(),
            "try again",
        )
    };
    write_line(&stream, command).map_err(|error| unanswered(error.to_string()))?;
    let line = read_line(&stream).map_err(unanswered)?;
    let answer: Answer =
        serde_json::from_str(&line).map_err(|error| unanswered(error.to_string()))?;
    match &answer.error {
        Some(error) => Err(Error::request(
            &**error,
            place(),
            "see `lecture control --help`",
        )),
        None => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_also_in_a_folder_with_a_long_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("x".repeat(200));
        fs::create_dir(&folder).expect("made");
        assert_eq!(
            ask(&folder, &Command::Stop).expect_err("nobody").status(),
            1
        );
        let control = Control::open(&folder).expect("open");
        let asker = std::thread::spawn({
            let folder = folder.clone();
            move || {
                let label = Some("ü".into());
                ask(&folder, &Command::Mark { label })
            }
        });
        let asked = loop {
            if let Some(asked) = control.next() {
                break asked;
            }
        };
        assert_eq!(
            asked.command,
            Command::Mark {
                label: Some("ü".into())
            }
        );
        let answer = Answer {
            tracks: 3,
            ..Answer::default()
        };
        asked.answer.send(answer).expect("sent");
        let answer = asker.join().expect("no panic").expect("an answer");
        assert_eq!(answer.tracks, 3);
        drop(control);
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
    }
}
