// SPDX-License-Identifier: MPL-2.0

//! Codecs of the video renditions.

use std::fmt;

/// A video codec.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum VideoCodec {
    /// ITU-T H.264, which every player plays.
    H264,
    /// ITU-T H.265.
    H265,
    /// AV1 of the Alliance for Open Media.
    Av1,
}

/// All codecs, from the one that most players play to the one that needs the fewest bytes.
const ALL: [VideoCodec; 3] = [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1];

impl VideoCodec {
    /// Returns the name in settings and in the names of renditions.
    pub fn name(self) -> &'static str {
        match self {
            VideoCodec::H264 => "h264",
            VideoCodec::H265 => "h265",
            VideoCodec::Av1 => "av1",
        }
    }

    /// Returns the codec of an RFC 6381 string such as `avc1.64001F`; `None` for another one.
    pub fn of(codec: &str) -> Option<Self> {
        match codec.split('.').next()? {
            "avc1" | "avc3" => Some(VideoCodec::H264),
            "hvc1" | "hev1" => Some(VideoCodec::H265),
            "av01" => Some(VideoCodec::Av1),
            _ => None,
        }
    }

    /// Returns the name of a rendition in this codec; H.264 adds nothing to it.
    pub fn named(self, rendition: String) -> String {
        match self {
            VideoCodec::H264 => rendition,
            other => format!("{rendition}-{}", other.name()),
        }
    }
}

/// Codecs in which every video rendition is made: H.264, and optionally others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Codecs(Vec<VideoCodec>);

impl Codecs {
    /// Iterates in the order of playlists, H.264 first: a simple player uses the first one.
    pub fn iter(&self) -> impl Iterator<Item = VideoCodec> {
        self.0.iter().copied()
    }
}

impl Default for Codecs {
    fn default() -> Self {
        Codecs(vec![VideoCodec::H264])
    }
}

/// A list of codecs that cannot be used for a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodecsError {
    /// This part of the list is not a codec.
    Unknown(String),
    /// H.264 is missing.
    NotForAll,
}

impl fmt::Display for CodecsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecsError::Unknown(part) => write!(
                f,
                "\"{part}\" in codecs is neither \"h264\", \"h265\" nor \"av1\"; write, for example, \
                 \"h264,av1\""
            ),
            CodecsError::NotForAll => f.write_str(
                "codecs has no \"h264\", which is the only one that every player plays; write, for \
                 example, \"h264,av1\"",
            ),
        }
    }
}

impl std::error::Error for CodecsError {}

impl std::str::FromStr for Codecs {
    type Err = CodecsError;

    fn from_str(text: &str) -> Result<Self, CodecsError> {
        let codec = |part: &str| {
            let found = ALL.into_iter().find(|codec| codec.name() == part.trim());
            found.ok_or_else(|| CodecsError::Unknown(part.trim().to_owned()))
        };
        let mut codecs = text
            .split(',')
            .map(codec)
            .collect::<Result<Vec<_>, CodecsError>>()?;
        codecs.sort_unstable();
        codecs.dedup();
        match codecs.first() {
            Some(VideoCodec::H264) => Ok(Codecs(codecs)),
            _ => Err(CodecsError::NotForAll),
        }
    }
}

impl fmt::Display for Codecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(VideoCodec::name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_written() {
        let codecs: Codecs = "av1, h264,av1".parse().expect("valid");
        assert_eq!(codecs.to_string(), "h264,av1");
        assert_eq!(Codecs::default().to_string().parse(), Ok(Codecs::default()));
        let unknown = |part: &str| Err(CodecsError::Unknown(part.into()));
        assert_eq!("h264,vp9".parse::<Codecs>(), unknown("vp9"));
        assert_eq!("".parse::<Codecs>(), unknown(""));
        assert_eq!("h265".parse::<Codecs>(), Err(CodecsError::NotForAll));
    }

    #[test]
    fn a_rendition_says_its_codec() {
        let named = |codec: &str| VideoCodec::of(codec).map(|codec| codec.named("720p".into()));
        assert_eq!(named("avc1.64001F").as_deref(), Some("720p"));
        assert_eq!(named("hvc1.1.6.L93.90").as_deref(), Some("720p-h265"));
        assert_eq!(named("av01.0.05M.08").as_deref(), Some("720p-av1"));
        assert_eq!(named("mp4a.40.2"), None);
    }
}
