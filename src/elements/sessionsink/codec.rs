// SPDX-License-Identifier: MPL-2.0

//! The streams that can be recorded, and the elements between a stream and the muxer.

use gst::glib;
use gst::prelude::*;

/// A codec by its RTP encoding name, with its kind, its caps and its elements.
struct Codec {
    name: &'static str,
    is_video: bool,
    /// The caps of the encoded stream.
    caps: &'static str,
    /// The depayloader. It is absent where no RTP is recorded.
    depayloader: Option<&'static str>,
    /// The elements from the encoded stream to the muxer.
    chain: &'static str,
}

/// avc3 and hev1 keep parameter sets in the stream, so that the size may change in a file.
const CODECS: [Codec; 10] = [
    Codec {
        name: "VP8",
        is_video: true,
        caps: "video/x-vp8",
        depayloader: Some("rtpvp8depay request-keyframe=true wait-for-keyframe=true"),
        chain: "",
    },
    Codec {
        name: "VP9",
        is_video: true,
        caps: "video/x-vp9",
        depayloader: Some("rtpvp9depay request-keyframe=true wait-for-keyframe=true"),
        chain: "vp9parse",
    },
    Codec {
        name: "AV1",
        is_video: true,
        caps: "video/x-av1",
        // Of the plugin rtp of gst-plugins-rs, which may not be installed.
        depayloader: Some("rtpav1depay request-keyframe=true wait-for-keyframe=true"),
        chain: "av1parse",
    },
    Codec {
        name: "H264",
        is_video: true,
        caps: "video/x-h264",
        depayloader: Some("rtph264depay request-keyframe=true wait-for-keyframe=true"),
        chain: "h264parse config-interval=-1 ! video/x-h264,stream-format=avc3,alignment=au",
    },
    Codec {
        name: "H265",
        is_video: true,
        caps: "video/x-h265",
        depayloader: Some("rtph265depay"),
        chain: "h265parse config-interval=-1 ! video/x-h265,stream-format=hev1,alignment=au",
    },
    Codec {
        name: "OPUS",
        is_video: false,
        caps: "audio/x-opus",
        depayloader: Some("rtpopusdepay"),
        chain: "opusparse",
    },
    Codec {
        name: "PCMU",
        is_video: false,
        caps: "audio/x-mulaw",
        depayloader: Some("rtppcmudepay"),
        chain: "",
    },
    Codec {
        name: "PCMA",
        is_video: false,
        caps: "audio/x-alaw",
        depayloader: Some("rtppcmadepay"),
        chain: "",
    },
    Codec {
        name: "G722",
        is_video: false,
        caps: "audio/G722",
        depayloader: Some("rtpg722depay"),
        chain: "avdec_g722 ! audioconvert ! flacenc",
    },
    Codec {
        name: "AAC",
        is_video: false,
        caps: "audio/mpeg,mpegversion=4",
        depayloader: None,
        chain: "aacparse",
    },
];

/// A stream that can be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stream {
    /// The encoding name in lower case.
    pub codec: String,
    pub is_video: bool,
    /// The description of the elements in front of the muxer; empty if none is needed.
    pub chain: String,
    /// Whatever of the caps a file cannot change.
    fixed: String,
}

impl Stream {
    /// Reads the caps of a stream.
    ///
    /// # Errors
    /// Returns the name of a codec that is not recorded.
    pub fn from_caps(caps: &gst::CapsRef) -> Result<Self, String> {
        let unknown = || caps.to_string();
        let structure = caps.structure(0).ok_or_else(unknown)?;
        let is_rtp = structure.name() == "application/x-rtp";
        let encoding = structure.get::<&str>("encoding-name").unwrap_or("none");
        let codec = CODECS.iter().find(|codec| {
            if is_rtp {
                codec.name.eq_ignore_ascii_case(encoding)
            } else {
                let own = gst::Caps::builder_full()
                    .structure(plain(codec.caps))
                    .build();
                caps.can_intersect(&own)
            }
        });
        let name = if is_rtp {
            encoding
        } else {
            structure.name().as_str()
        };
        let codec = codec.ok_or_else(|| name.to_owned())?;
        let depayloader = match (is_rtp, codec.depayloader) {
            (true, None) => return Err(name.to_owned()),
            (true, Some(depayloader)) => depayloader,
            (false, _) => "",
        };
        let parts = [depayloader, codec.chain].into_iter();
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        let chain = parts.join(" ! ");
        let fields: &[&str] = match (is_rtp, codec.is_video) {
            (true, _) => &["clock-rate", "encoding-params"],
            (false, true) => &[],
            (false, false) => &["rate", "channels", "codec_data", "streamheader"],
        };
        let fixed = fields.iter().filter_map(|field| {
            let value = structure.value(*field).ok()?;
            Some(format!("{field}={}", value.serialize().ok()?))
        });
        Ok(Stream {
            codec: codec.name.to_ascii_lowercase(),
            is_video: codec.is_video,
            chain,
            fixed: fixed.collect::<Vec<_>>().join(","),
        })
    }
}

fn plain(caps: &str) -> gst::Structure {
    let (name, version) = caps.split_once(",mpegversion=").unwrap_or((caps, ""));
    let version: Option<i32> = version.parse().ok();
    gst::Structure::builder(name)
        .field_if_some("mpegversion", version)
        .build()
}

/// Returns the caps of the pads for video or audio: RTP of any codec, and the encoded streams. A stream
/// of another codec is reported, not refused.
pub fn pad_caps(is_video: bool) -> gst::Caps {
    let media = if is_video { "video" } else { "audio" };
    let rtp = gst::Structure::builder("application/x-rtp").field("media", media);
    let encoded = CODECS
        .iter()
        .filter(|codec| codec.is_video == is_video)
        .map(|codec| plain(codec.caps));
    std::iter::once(rtp.build()).chain(encoded).collect()
}

/// Makes the bin of a file: the source named `source`, the elements of the stream, the muxer named
/// `muxer` and the sink named `file`.
pub fn make_bin(stream: &Stream) -> Result<gst::Bin, glib::Error> {
    let chain = match &*stream.chain {
        "" => String::new(),
        chain => format!("{chain} ! "),
    };
    let pad = if stream.is_video {
        "video_0"
    } else {
        "audio_0"
    };
    // A cluster's times are offsets of 16 bit in ms: long pauses need new ones.
    let description = format!(
        "appsrc name=source format=time block=true max-bytes=16777216 emit-signals=false \
         ! {chain}muxer.{pad} \
         matroskamux name=muxer streamable=true max-cluster-duration=5000000000 \
         ! filesink name=file buffer-mode=unbuffered async=false sync=false enable-last-sample=false"
    );
    gst::parse::bin_from_description(&description, false)
}
