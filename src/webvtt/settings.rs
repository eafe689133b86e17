// SPDX-License-Identifier: MPL-2.0

//! Cue settings (§6.3, "parse the WebVTT cue settings").

/// The settings of a cue; missing ones have their defaults.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CueSettings {
    pub vertical: Option<Vertical>,
    /// Position of the cue across the lines, and the edge that is placed there.
    pub line: Option<(LinePosition, Option<Alignment>)>,
    /// Position of the cue along the lines, in per cent, and the edge that is placed there.
    pub position: Option<(f64, Option<PositionAlignment>)>,
    /// Size of the cue along the lines, in per cent.
    pub size: Option<f64>,
    pub align: Option<TextAlignment>,
    /// The identifier of a region. `line`, `size` and `vertical` take a cue out of its region.
    pub region: Option<String>,
}

/// A writing direction that is not horizontal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vertical {
    /// `rl`: lines follow each other to the left.
    GrowingLeft,
    /// `lr`: lines follow each other to the right.
    GrowingRight,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum LinePosition {
    /// Lines of text from the top; negative from the bottom.
    Lines(f64),
    /// Per cent of the video.
    Percent(f64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alignment {
    Start,
    Center,
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionAlignment {
    LineLeft,
    Center,
    LineRight,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TextAlignment {
    Start,
    Center,
    End,
    Left,
    Right,
}

impl CueSettings {
    /// Parses settings; invalid ones have no effect.
    pub fn parse(settings: &str) -> Self {
        Self::parse_reporting(settings, |_| ())
    }

    /// Parses settings and reports each invalid one.
    pub(super) fn parse_reporting(settings: &str, mut report: impl FnMut(&str)) -> Self {
        let mut parsed = CueSettings::default();
        for setting in settings.split_ascii_whitespace() {
            if parsed.set(setting).is_none() {
                report(setting);
            }
        }
        parsed
    }

    fn set(&mut self, setting: &str) -> Option<()> {
        let (name, value) = setting.split_once(':')?;
        if value.is_empty() {
            return None;
        }
        match name {
            "vertical" => {
                self.vertical = Some(match value {
                    "rl" => Vertical::GrowingLeft,
                    "lr" => Vertical::GrowingRight,
                    _ => return None,
                });
                self.region = None;
            }
            "line" => {
                let (at, alignment) = with_alignment(value, |word| match word {
                    "start" => Some(Alignment::Start),
                    "center" => Some(Alignment::Center),
                    "end" => Some(Alignment::End),
                    _ => None,
                })?;
                let at = if at.ends_with('%') {
                    LinePosition::Percent(percentage(at)?)
                } else {
                    LinePosition::Lines(number(at)?)
                };
                self.line = Some((at, alignment));
                self.region = None;
            }
            "position" => {
                let (at, alignment) = with_alignment(value, |word| match word {
                    "line-left" => Some(PositionAlignment::LineLeft),
                    "center" => Some(PositionAlignment::Center),
                    "line-right" => Some(PositionAlignment::LineRight),
                    _ => None,
                })?;
                self.position = Some((percentage(at)?, alignment));
            }
            "size" => {
                let size = percentage(value)?;
                self.size = Some(size);
                if size != 100.0 {
                    self.region = None;
                }
            }
            "align" => {
                self.align = Some(match value {
                    "start" => TextAlignment::Start,
                    "center" => TextAlignment::Center,
                    "end" => TextAlignment::End,
                    "left" => TextAlignment::Left,
                    "right" => TextAlignment::Right,
                    _ => return None,
                });
            }
            "region" => self.region = Some(value.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

/// Splits `value,alignment`; an invalid alignment makes the setting invalid.
fn with_alignment<A>(
    value: &str,
    alignment: impl Fn(&str) -> Option<A>,
) -> Option<(&str, Option<A>)> {
    match value.split_once(',') {
        Some((value, word)) => Some((value, Some(alignment(word)?))),
        None => Some((value, None)),
    }
}

/// Returns whether a text consists of digits, with a dot between digits.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

fn number(text: &str) -> Option<f64> {
    is_decimal(text.strip_prefix('-').unwrap_or(text))
        .then(|| text.parse().ok())
        .flatten()
}

/// Parses a WebVTT percentage, 0 to 100.
fn percentage(text: &str) -> Option<f64> {
    let text = text.strip_suffix('%').filter(|text| is_decimal(text))?;
    text.parse().ok().filter(|value| *value <= 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ignored(setting: &str) -> bool {
        let mut ignored = false;
        CueSettings::parse_reporting(setting, |_| ignored = true);
        ignored
    }

    #[test]
    fn every_setting_is_read() {
        let settings = CueSettings::parse(
            "vertical:lr line:1%,end position:25.5%,line-left size:50% align:right region:foo",
        );
        assert_eq!(
            settings,
            CueSettings {
                vertical: Some(Vertical::GrowingRight),
                line: Some((LinePosition::Percent(1.0), Some(Alignment::End))),
                position: Some((25.5, Some(PositionAlignment::LineLeft))),
                size: Some(50.0),
                align: Some(TextAlignment::Right),
                region: Some("foo".to_owned()),
            }
        );
        let line = CueSettings::parse("line:-1.5").line;
        assert_eq!(line, Some((LinePosition::Lines(-1.5), None)));
    }

    #[test]
    fn an_explicit_place_takes_a_cue_out_of_its_region() {
        for settings in [
            "region:a line:0",
            "region:a size:99%",
            "region:a vertical:rl",
        ] {
            assert_eq!(CueSettings::parse(settings).region, None, "{settings}");
        }
        for settings in ["region:a", "line:0 region:a", "region:a size:100%"] {
            let region = CueSettings::parse(settings).region;
            assert_eq!(region.as_deref(), Some("a"), "{settings}");
        }
    }

    #[test]
    fn what_is_no_setting_has_no_effect() {
        for setting in [
            "line",
            "line:",
            ":0",
            "Line:0",
            "line:-",
            "line:%",
            "line:1-",
            "line:--1",
            "line:1..5",
            "line:.5",
            "line:5.",
            "line:101%",
            "line:-0%",
            "line:1%%",
            "line:%1",
            "line:0%x",
            "line:0,middle",
            "line:0,",
            "position:1",
            "position:101%",
            "position:1%,start",
            "size:50",
            "size:-1%",
            "align:middle",
            "align:Start",
            "vertical:",
            "vertical:tb",
            "D:vertical",
        ] {
            assert!(is_ignored(setting), "{setting}");
            assert_eq!(CueSettings::parse(setting), CueSettings::default());
        }
    }
}
