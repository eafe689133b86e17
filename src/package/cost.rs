// SPDX-License-Identifier: MPL-2.0

//! Cost of storing and delivering a package, compared with a package at a fixed rate.
//!
//! An estimate of two lines of a bill: `bytes / 10^9 * rate`. Requests, taxes and free tiers are
//! not included. If a provider's GB has 2^30 bytes, its bill is 7 % lower.

use serde::{Deserialize, Serialize};

/// USD for storing a GB for a month.
pub const STORAGE_RATE: f64 = 0.023;
/// USD for delivering a GB.
pub const DELIVERY_RATE: f64 = 0.085;
/// Source of [`STORAGE_RATE`] and [`DELIVERY_RATE`].
pub const SOURCE: &str = "list prices: Amazon S3 Standard, us-east-1, first 50 TB a month \
    (https://aws.amazon.com/s3/pricing); Amazon CloudFront, United States and Europe, first 10 TB \
    a month (https://aws.amazon.com/cloudfront/pricing)";

/// Bit rate in bit/s of a rendition encoded at a fixed rate, audio included: 720 lines of a class
/// as conferencing services record them.
pub const FIXED_RATE: u64 = 1_500_000;
/// Size of a whole ladder relative to its largest rendition: 720, 540 and 360 lines, each with
/// about half the bytes of the one above.
pub const FIXED_LADDER: f64 = 1.8;

/// Rates for the estimate.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pricing {
    /// Number of times the class is watched in full.
    pub views: u64,
    /// USD for storing a GB (10^9 bytes) for a month.
    pub storage_rate: f64,
    /// USD for delivering a GB.
    pub delivery_rate: f64,
    /// Source of the rates, if they are the default ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Pricing {
    /// Returns these rates, in USD per GB and month, and per GB.
    pub fn new(views: u64, storage_rate: f64, delivery_rate: f64) -> Self {
        let is_default = storage_rate == STORAGE_RATE && delivery_rate == DELIVERY_RATE;
        Pricing {
            views,
            storage_rate,
            delivery_rate,
            source: is_default.then(|| SOURCE.to_owned()),
        }
    }

    fn storage(&self, bytes: u64) -> f64 {
        rounded(bytes as f64 / 1e9 * self.storage_rate)
    }

    fn delivery(&self, bytes: u64) -> f64 {
        rounded(bytes as f64 / 1e9 * self.views as f64 * self.delivery_rate)
    }
}

/// Rounds to a millionth: a short class costs less than a cent.
fn rounded(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}

/// Cost of a package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cost {
    #[serde(flatten)]
    pub pricing: Pricing,
    /// Size of all files of the package except the manifest, in bytes.
    pub stored_bytes: u64,
    /// USD for storing them for a month.
    pub storage: f64,
    /// Cost of delivery, by rendition.
    pub renditions: Vec<RenditionCost>,
    /// Cost of the same class at a fixed rate; `None` without video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<FixedCost>,
}

/// Cost if every viewer gets this rendition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RenditionCost {
    /// Name of the video rendition, such as `720p`, or without video the label of the audio
    /// rendition.
    pub name: String,
    /// Bytes that a viewer of the whole class gets: its segments, and those of the default audio.
    pub bytes: u64,
    /// USD for delivering them to all views.
    pub delivery: f64,
}

/// Cost of a class of 720 lines at [`FIXED_RATE`], stored as a ladder of [`FIXED_LADDER`] times its
/// size.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FixedCost {
    /// Bit rate in bit/s.
    pub rate: u64,
    /// Bytes stored for each byte of it.
    pub ladder: f64,
    /// Bytes that a viewer of the whole class gets: rate times duration.
    pub bytes: u64,
    /// USD for delivering them to all views.
    pub delivery: f64,
    /// Bytes stored: ladder times bytes.
    pub stored_bytes: u64,
    /// USD for storing them for a month.
    pub storage: f64,
}

impl Cost {
    /// Returns the cost of a package of which `stored_bytes` are stored. `renditions` has the name
    /// and the bytes per view of each; `duration`, in seconds, is given if there is video.
    pub fn new(
        renditions: Vec<(String, u64)>,
        duration: Option<f64>,
        stored_bytes: u64,
        pricing: Pricing,
    ) -> Self {
        let fixed = duration.map(|duration| {
            let bytes = (FIXED_RATE as f64 / 8.0 * duration).round();
            let stored_bytes = (bytes * FIXED_LADDER).round() as u64;
            let bytes = bytes as u64;
            FixedCost {
                rate: FIXED_RATE,
                ladder: FIXED_LADDER,
                bytes,
                delivery: pricing.delivery(bytes),
                stored_bytes,
                storage: pricing.storage(stored_bytes),
            }
        });
        Cost {
            stored_bytes,
            storage: pricing.storage(stored_bytes),
            renditions: renditions
                .into_iter()
                .map(|(name, bytes)| RenditionCost {
                    name,
                    bytes,
                    delivery: pricing.delivery(bytes),
                })
                .collect(),
            fixed,
            pricing,
        }
    }

    /// Formats the cost as a table for people.
    pub fn table(&self) -> String {
        let pricing = &self.pricing;
        let mut lines = vec![format!(
            "{} full views at {} USD/GB, storage at {} USD/GB per month:",
            pricing.views, pricing.delivery_rate, pricing.storage_rate
        )];
        let line = |name: &str, bytes: u64, delivery: f64| {
            format!(
                "  {name:<12} {:>10} MB per view {delivery:>11.2} USD",
                megabytes(bytes)
            )
        };
        let stored = |bytes: u64, storage: f64| {
            format!("stored {} MB, {storage:.4} USD per month", megabytes(bytes))
        };
        for one in &self.renditions {
            lines.push(line(&one.name, one.bytes, one.delivery));
        }
        lines.push(format!("  {}", stored(self.stored_bytes, self.storage)));
        if let Some(fixed) = &self.fixed {
            lines.push(format!(
                "{}  (720p at {} Mbit/s; {}x for its ladder: {})",
                line("fixed rate", fixed.bytes, fixed.delivery),
                fixed.rate as f64 / 1e6,
                fixed.ladder,
                stored(fixed.stored_bytes, fixed.storage)
            ));
        }
        lines.join("\n")
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::chapters::Chapter;
    use crate::package::manifest::Manifest;
    use crate::package::programme::{Audio, Programme, Role, Video};
    use crate::package::track::tests::track;
    use crate::timeline::Time;

    /// Makes the manifest of an hour with 450 MB and 225 MB of video and 45 MB of audio in two
    /// languages.
    fn manifest(has_video: bool) -> Manifest {
        let video = |lines: u32, bytes| Video {
            track: track(&format!("video/{lines}p"), "avc1", &[(3_600_000, bytes)]),
            name: format!("{lines}p"),
            lines,
            width: lines * 16 / 9,
            height: lines,
            frame_rate: (25, 1),
        };
        let audio = |label: &str, bytes| Audio {
            track: track(&format!("audio/{label}"), "mp4a", &[(3_600_000, bytes)]),
            label: label.into(),
            language: "en".into(),
            role: Role::Main,
            channels: 2,
            rate: 48_000,
        };
        let programme = Programme {
            video: match has_video {
                true => vec![video(720, 450_000_000), video(360, 225_000_000)],
                false => Vec::new(),
            },
            audio: vec![audio("Main", 45_000_000), audio("Other", 60_000_000)],
            ..Programme::default()
        };
        Manifest::of_media(&programme, &[] as &[Chapter], Time::from_secs(3600))
    }

    #[test]
    fn a_viewer_gets_a_picture_and_the_default_sound() {
        let cost = manifest(true)
            .estimate_cost(800_000_000, Pricing::new(1000, STORAGE_RATE, DELIVERY_RATE));
        let by_name: Vec<(&str, u64, f64)> = cost
            .renditions
            .iter()
            .map(|one| (one.name.as_str(), one.bytes, one.delivery))
            .collect();
        // 495 GB and 270 GB at 0.085, 0.8 GB at 0.023.
        assert_eq!(
            by_name,
            [("720p", 495_000_000, 42.075), ("360p", 270_000_000, 22.95)]
        );
        assert_eq!(cost.storage, 0.0184);
        assert_eq!(cost.pricing.source.as_deref(), Some(SOURCE));
        // 1.5 Mbit/s for an hour are 675 MB.
        let fixed = cost.fixed.clone().expect("there is a picture");
        assert_eq!((fixed.bytes, fixed.delivery), (675_000_000, 57.375));
        assert_eq!(
            (fixed.stored_bytes, fixed.storage),
            (1_215_000_000, 0.027945)
        );
        assert_eq!(
            cost.table(),
            "1000 full views at 0.085 USD/GB, storage at 0.023 USD/GB per month:\n  \
             720p              495.0 MB per view       42.08 USD\n  \
             360p              270.0 MB per view       22.95 USD\n  \
             stored 800.0 MB, 0.0184 USD per month\n  \
             fixed rate        675.0 MB per view       57.38 USD  (720p at 1.5 Mbit/s; 1.8x for its \
             ladder: stored 1215.0 MB, 0.0279 USD per month)"
        );
    }

    #[test]
    fn sound_alone_is_not_held_against_a_picture() {
        let cost = manifest(false).estimate_cost(105_000_000, Pricing::new(10, 1.0, 2.0));
        let names: Vec<&str> = cost.renditions.iter().map(|one| &one.name[..]).collect();
        assert_eq!(names, ["Main", "Other"]);
        assert_eq!((cost.storage, cost.fixed), (0.105, None));
        assert_eq!(cost.renditions[0].delivery, 0.9);
        assert_eq!(cost.pricing.source, None);
    }
}
