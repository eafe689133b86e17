// SPDX-License-Identifier: MPL-2.0

//! Closed captions of North American television (CEA-608), which travel inside the frames of a
//! video. Lecture capture systems and live captioners in the United States leave them in recordings.
//!
//! The source of the rules is ANSI/CTA-608-E: a grid of 15 rows and 32 columns, captions that pop on
//! as a whole, roll up line by line, or are painted on.

use cea608_types::tables::{Channel, PreambleAddressCode};
use cea608_types::{Cea608, Cea608State, Mode};

use super::TextTrack;
use crate::timeline::{Span, Time};
use crate::webvtt::Cue;

const ROWS: usize = 15;
const COLUMNS: usize = 32;

/// The format as people call it.
pub const FORMAT: &str = "closed captions (CEA-608)";

/// How the byte pairs of a frame are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// Pairs of the first field.
    Raw,
    /// SMPTE 334 annex A: a byte with the field and the line in front of each pair.
    S334,
    /// CEA-708 triples; those of types 0 and 1 carry pairs.
    CcData,
    /// CEA-708 triples in a caption distribution packet (SMPTE 334-2).
    Cdp,
}

/// Returns the field (0 or 1) and the bytes of each pair; broken data have none.
pub fn pairs(packing: Packing, data: &[u8]) -> Vec<(usize, [u8; 2])> {
    let triples = |data: &[u8]| -> Vec<[u8; 3]> { data.as_chunks::<3>().0.to_vec() };
    let of_cc_data = |data: &[u8]| -> Vec<(usize, [u8; 2])> {
        let valid = triples(data).into_iter().filter(|t| t[0] & 0b100 != 0);
        let of_608 = valid.filter(|t| t[0] & 0b11 < 2);
        of_608
            .map(|t| (usize::from(t[0] & 1), [t[1], t[2]]))
            .collect()
    };
    match packing {
        Packing::Raw => data
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| (0, *pair))
            .collect(),
        // The top bit is set for the first field.
        Packing::S334 => triples(data)
            .into_iter()
            .map(|t| (usize::from(t[0] & 0x80 == 0), [t[1], t[2]]))
            .collect(),
        Packing::CcData => of_cc_data(data),
        Packing::Cdp => cc_data_of(data).map_or_else(Vec::new, of_cc_data),
    }
}

/// Returns the triples in a caption distribution packet.
fn cc_data_of(packet: &[u8]) -> Option<&[u8]> {
    /// Identifier, length, frame rate, flags and sequence number.
    const HEADER: usize = 7;
    /// Length of the section with the time code.
    const TIME_CODE: usize = 5;
    if packet.get(..2)? != [0x96, 0x69] {
        return None;
    }
    let mut rest = packet.get(HEADER..)?;
    if rest.first() == Some(&0x71) {
        rest = rest.get(TIME_CODE..)?;
    }
    match rest {
        [0x72, count, data @ ..] => data.get(..usize::from(count & 0x1f) * 3),
        _ => None,
    }
}

/// Reads the pairs of a video in the order in which its frames are shown.
#[derive(Default)]
pub struct Reader {
    fields: [Field; 2],
}

#[derive(Default)]
struct Field {
    state: Cea608State,
    /// Captions of the two channels of the field.
    captions: [Captions; 2],
    /// Whether the bytes are of a programme description (XDS), not of a caption.
    is_xds: bool,
    /// Whether the text of the channel in use is no caption.
    is_text: bool,
}

impl Reader {
    /// Reads the pair of a frame that is shown at `time`; `field` is 0 or 1.
    pub fn push(&mut self, time: Time, field: usize, pair: [u8; 2]) {
        if let Some(field) = self.fields.get_mut(field) {
            field.push(time, pair);
        }
    }

    /// Returns a track for each of the channels CC1 to CC4 that has captions.
    pub fn finish(self, end: Time) -> Vec<TextTrack> {
        let channels = self.fields.into_iter().flat_map(|field| field.captions);
        let cues = channels.map(|captions| captions.finish(end));
        let named = ["CC1", "CC2", "CC3", "CC4"].into_iter().zip(cues);
        let spoken = named.filter(|(_, cues)| !cues.is_empty());
        spoken
            .map(|(name, cues)| TextTrack {
                title: Some(name.to_owned()),
                is_default: name == "CC1",
                is_for_the_deaf: true,
                cues,
                format: FORMAT.to_owned(),
                ..TextTrack::default()
            })
            .collect()
    }
}

impl Field {
    fn push(&mut self, time: Time, pair: [u8; 2]) {
        let bytes = pair.map(|byte| byte & 0x7f);
        match bytes {
            [0, 0] => return,
            [0x01..=0x0e, _] => self.is_xds = true,
            [0x0f, _] => {
                self.is_xds = false;
                return;
            }
            [0x10..=0x1f, _] => self.is_xds = false,
            _ => {}
        }
        if self.is_xds {
            return;
        }
        // TextRestart and ResumeTextDisplay, in either channel of either field.
        if matches!(bytes, [0x14 | 0x15 | 0x1c | 0x1d, 0x2a | 0x2b]) {
            self.is_text = true;
        }
        // MP4 may hold bytes without their parity.
        let pair = match pair {
            [0..=0x7f, 0..=0x7f] => bytes.map(with_parity),
            _ => pair,
        };
        let Ok(Some(code)) = self.state.decode(pair) else {
            return;
        };
        if matches!(code, Cea608::NewMode(..) | Cea608::EndOfCaption(_)) {
            self.is_text = false;
        }
        if !self.is_text {
            let [first, second] = &mut self.captions;
            let captions = match code.channel() {
                Channel::ONE => first,
                Channel::TWO => second,
            };
            captions.take(time, code);
        }
    }
}

fn with_parity(byte: u8) -> u8 {
    if byte.count_ones().is_multiple_of(2) {
        byte | 0x80
    } else {
        byte
    }
}

type Row = [Option<char>; COLUMNS];

/// What one memory of a decoder holds.
#[derive(Clone, Default)]
struct Screen([Row; ROWS]);

impl Screen {
    /// Returns the rows that are not blank, from top to bottom.
    fn text(&self) -> String {
        let line = |row: &Row| -> String {
            let text: String = row.iter().map(|char| char.unwrap_or(' ')).collect();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let lines: Vec<_> = self.0.iter().map(line).collect();
        let lines: Vec<_> = lines
            .iter()
            .filter(|line| !line.is_empty())
            .map(String::as_str)
            .collect();
        lines.join("\n")
    }

    fn row(&mut self, row: usize) -> Option<&mut Row> {
        self.0.get_mut(row)
    }
}

/// The captions of one channel.
#[derive(Default)]
struct Captions {
    mode: Option<Mode>,
    shown: Screen,
    hidden: Screen,
    row: usize,
    column: usize,
    /// Start of the text that is shown and not yet a cue.
    since: Option<Time>,
    cues: Vec<Cue>,
}

impl Captions {
    fn take(&mut self, time: Time, code: Cea608) {
        match code {
            Cea608::NewMode(_, mode) => self.enter(time, mode),
            Cea608::Text(text) => {
                if text.needs_backspace {
                    self.column = self.column.saturating_sub(1);
                }
                for char in [text.char1, text.char2].into_iter().flatten() {
                    self.write(time, char);
                }
            }
            Cea608::Preamble(_, preamble) => self.place(time, preamble),
            // A change of colour or slant takes a column.
            Cea608::MidRowChange(..) => self.write(time, ' '),
            Cea608::TabOffset(_, columns) => {
                self.column = (self.column + usize::from(columns)).min(COLUMNS - 1);
            }
            Cea608::Backspace(_) => {
                self.column = self.column.saturating_sub(1);
                self.set(None);
            }
            Cea608::DeleteToEndOfRow(_) => {
                let (row, column) = (self.row, self.column);
                let row = self.memory().row(row);
                if let Some(rest) = row.and_then(|row| row.get_mut(column..)) {
                    rest.fill(None);
                }
            }
            Cea608::CarriageReturn(_) => self.roll_up(time),
            Cea608::EraseDisplay(_) => {
                self.end_cue(time);
                self.shown = Screen::default();
            }
            Cea608::EraseNonDisplay(_) => self.hidden = Screen::default(),
            Cea608::EndOfCaption(_) => {
                self.end_cue(time);
                std::mem::swap(&mut self.shown, &mut self.hidden);
                self.mode = Some(Mode::PopOn);
                self.since = Some(time);
            }
        }
    }

    fn enter(&mut self, time: Time, mode: Mode) {
        let old = self.mode.replace(mode);
        if !mode.is_rollup() || old == Some(mode) {
            return;
        }
        // Captions of another kind go.
        if !old.is_some_and(|old| old.is_rollup()) {
            self.end_cue(time);
            self.shown = Screen::default();
            self.hidden = Screen::default();
            self.row = ROWS - 1;
        }
        self.column = 0;
    }

    /// The memory that text is written into.
    fn memory(&mut self) -> &mut Screen {
        match self.mode {
            Some(Mode::PopOn) => &mut self.hidden,
            _ => &mut self.shown,
        }
    }

    fn set(&mut self, char: Option<char>) {
        let (row, column) = (self.row, self.column);
        if let Some(place) = self.memory().row(row).and_then(|row| row.get_mut(column)) {
            *place = char;
        }
    }

    fn write(&mut self, time: Time, char: char) {
        // A text without a mode is the rest of a caption that began before the recording.
        let Some(mode) = self.mode else {
            return;
        };
        self.set(Some(char));
        // The last column is written again and again.
        self.column = (self.column + 1).min(COLUMNS - 1);
        if mode != Mode::PopOn && !char.is_whitespace() {
            self.since.get_or_insert(time);
        }
    }

    fn place(&mut self, time: Time, preamble: PreambleAddressCode) {
        let row = usize::from(preamble.row()).min(ROWS - 1);
        match self.mode {
            Some(mode) if mode.is_rollup() && row != self.row => {
                self.end_cue(time);
                self.shown = Screen::default();
            }
            // A line that is painted anew is another caption.
            Some(Mode::PaintOn) => {
                let is_used = self
                    .shown
                    .row(row)
                    .is_some_and(|row| row.iter().any(Option::is_some));
                if is_used {
                    self.end_cue(time);
                    self.shown = Screen::default();
                }
            }
            _ => {}
        }
        (self.row, self.column) = (row, usize::from(preamble.column()));
    }

    /// Ends the line that rolls up: each line is a cue, which ends when the next one begins.
    fn roll_up(&mut self, time: Time) {
        if self.mode.is_some_and(|mode| mode.is_rollup()) {
            self.end_cue(time);
            self.shown = Screen::default();
            self.column = 0;
        }
    }

    /// Makes a cue of what is shown.
    fn end_cue(&mut self, time: Time) {
        let text = self.shown.text();
        let since = self.since.take();
        if let Some(since) = since
            && !text.is_empty()
            && since < time
        {
            self.cues.push(Cue::new(Span::new(since, time), &text));
        }
    }

    fn finish(mut self, end: Time) -> Vec<Cue> {
        self.end_cue(end);
        self.cues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POP_ON: [u8; 2] = [0x14, 0x20];
    const ROLL_UP: [u8; 2] = [0x14, 0x25];
    const PAINT_ON: [u8; 2] = [0x14, 0x29];
    const ERASE: [u8; 2] = [0x14, 0x2c];
    const RETURN: [u8; 2] = [0x14, 0x2d];
    const SHOW: [u8; 2] = [0x14, 0x2f];
    const ROW_14: [u8; 2] = [0x14, 0x40];
    const ROW_15: [u8; 2] = [0x14, 0x60];

    /// A script: at a time in seconds, commands and texts of the first channel.
    struct Script(Reader, usize);

    impl Script {
        fn new() -> Self {
            Script(Reader::default(), 0)
        }

        /// Sends a command twice, as encoders do.
        fn command(&mut self, time: f64, pair: [u8; 2]) -> &mut Self {
            self.pair(time, pair).pair(time, pair)
        }

        fn pair(&mut self, time: f64, pair: [u8; 2]) -> &mut Self {
            self.0
                .push(Time::from_secs_f64(time), self.1, pair.map(with_parity));
            self
        }

        fn text(&mut self, time: f64, text: &str) -> &mut Self {
            for pair in text.as_bytes().chunks(2) {
                let second = pair.get(1).copied().unwrap_or_default();
                self.pair(time, [pair[0], second]);
            }
            self
        }

        fn cues(self) -> Vec<(f64, f64, String)> {
            let tracks = self.0.finish(Time::from_secs(100));
            let cues = tracks.into_iter().flat_map(|track| track.cues);
            let seconds = |time: Time| time.secs_f64();
            cues.map(|cue| (seconds(cue.span.start), seconds(cue.span.end), cue.text))
                .collect()
        }
    }

    fn cue(start: f64, end: f64, text: &str) -> (f64, f64, String) {
        (start, end, text.to_owned())
    }

    #[test]
    fn captions_pop_on_when_they_are_complete() {
        let mut script = Script::new();
        script
            .command(0.0, POP_ON)
            .command(0.0, ROW_14)
            .text(0.1, "FORCE & MASS,")
            .command(0.2, ROW_15)
            .text(0.2, "a < b")
            .command(1.0, SHOW)
            .command(1.1, POP_ON)
            .command(1.1, ROW_15)
            .text(1.1, "next")
            .command(3.0, SHOW)
            .command(5.0, ERASE);
        let expected = [
            cue(1.0, 3.0, "FORCE &amp; MASS,\na &lt; b"),
            cue(3.0, 5.0, "next"),
        ];
        assert_eq!(script.cues(), expected);
    }

    #[test]
    fn each_line_that_rolls_up_is_a_cue() {
        let mut script = Script::new();
        script
            .command(0.5, ROLL_UP)
            .command(0.5, RETURN)
            .command(0.5, ROW_15)
            .text(1.0, "so what is")
            .command(2.0, RETURN)
            .text(2.5, "a force?")
            .command(4.0, ERASE);
        let expected = [cue(1.0, 2.0, "so what is"), cue(2.5, 4.0, "a force?")];
        assert_eq!(script.cues(), expected);
    }

    #[test]
    fn a_painted_caption_lasts_until_it_is_erased_or_painted_over() {
        let mut script = Script::new();
        script
            .command(1.0, PAINT_ON)
            .command(1.0, ROW_15)
            .text(1.0, "one")
            .command(2.0, ROW_15)
            .text(2.0, "two")
            .command(3.0, ERASE);
        let expected = [cue(1.0, 2.0, "one"), cue(2.0, 3.0, "two")];
        assert_eq!(script.cues(), expected);
    }

    #[test]
    fn accents_replace_the_letter_before_them() {
        let mut script = Script::new();
        script
            .command(0.0, POP_ON)
            .command(0.0, ROW_15)
            .text(0.0, "la cancio")
            // ó of the basic set, then an extended Ú after a plain U.
            .pair(0.0, [0x5f, 0x6e])
            .text(0.0, " U")
            .command(0.0, [0x12, 0x23])
            .command(1.0, SHOW);
        let cues = script.cues();
        assert_eq!(cues.len(), 1);
        assert!(
            cues[0].2.ends_with('Ú') && !cues[0].2.contains("UÚ"),
            "{cues:?}"
        );
    }

    #[test]
    fn descriptions_of_programmes_and_text_services_are_no_captions() {
        let mut script = Script::new();
        script.1 = 1;
        script
            .pair(0.0, [0x01, 0x03])
            .text(0.0, "Movie title")
            .pair(0.0, [0x0f, 0x1d])
            .command(0.0, [0x15, 0x2a])
            .text(0.0, "weather")
            .command(1.0, [0x15, 0x20])
            .command(1.0, [0x15, 0x60])
            .text(1.0, "hola")
            .command(2.0, [0x15, 0x2f])
            .command(3.0, [0x15, 0x2c]);
        let tracks = script.0.finish(Time::from_secs(100));
        assert_eq!(tracks.len(), 1);
        assert_eq!(tracks[0].title.as_deref(), Some("CC3"));
        let texts: Vec<_> = tracks[0].cues.iter().map(|cue| cue.text.as_str()).collect();
        assert_eq!(texts, ["hola"]);
    }

    #[test]
    fn pairs_are_unpacked_from_each_form() {
        let pair = [0x94, 0x20];
        assert_eq!(pairs(Packing::Raw, &pair), [(0, pair)]);
        let s334 = [0x80, 0x94, 0x20, 0x00, 0x15, 0x2f];
        assert_eq!(pairs(Packing::S334, &s334), [(0, pair), (1, [0x15, 0x2f])]);
        // A valid pair of each field, one that is not valid, and one of CEA-708.
        let cc_data = [
            0xfc, 0x94, 0x20, 0xfd, 0x15, 0x2f, 0xf8, 0x94, 0x20, 0xff, 0x02, 0x21,
        ];
        let expected = [(0, pair), (1, [0x15, 0x2f])];
        assert_eq!(pairs(Packing::CcData, &cc_data), expected);
        let mut cdp = vec![0x96, 0x69, 0, 0x4f, 0x43, 0, 1, 0x72, 0xe4];
        cdp.extend(cc_data);
        assert_eq!(pairs(Packing::Cdp, &cdp), expected);
        assert_eq!(pairs(Packing::Cdp, &cdp[..12]), []);
        assert_eq!(pairs(Packing::CcData, &[0xfc, 0x94]), []);
    }

    /// No bytes make it panic.
    #[test]
    fn any_pairs_are_read() {
        let mut reader = Reader::default();
        for high in 0..=255 {
            for low in 0..=255 {
                let time = Time::from_millis(u64::from(high) * 256 + u64::from(low));
                reader.push(time, usize::from(low & 1), [high, low]);
            }
        }
        reader.finish(Time::MAX);
    }
}
