// SPDX-License-Identifier: MPL-2.0

//! What it costs to keep a package and to deliver it, beside what a package at a fixed rate costs.
//!
//! An estimate of two lines of a bill: `bytes / 10^9 * rate`. Requests, taxes and free tiers are
//! not in it. A provider whose GB has 2^30 bytes bills 7 % less than it says.

use serde::{Deserialize, Serialize};

/// USD for keeping a GB for a month.
pub const STORAGE_RATE: f64 = 0.023;
/// USD for delivering a GB.
pub const DELIVERY_RATE: f64 = 0.085;
/// Where [`STORAGE_RATE`] and [`DELIVERY_RATE`] come from.
pub const SOURCE: &str = "list prices: Amazon S3 Standard, us-east-1, first 50 TB a month \
    (https://aws.amazon.com/s3/pricing); Amazon CloudFront, United States and Europe, first 10 TB \
    a month (https://aws.amazon.com/cloudfront/pricing)";

/// Bits a second of a rendition that is encoded at a fixed rate, sound included: 720 lines of a
/// class as conferencing services record them.
pub const FIXED_RATE: u64 = 1_500_000;
/// How much a whole ladder takes for each byte of its largest rendition: 720, 540 and 360 lines of
/// which each takes about half of what the one above takes.
pub const FIXED_LADDER: f64 = 1.8;

/// The rates to reckon with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pricing {
    /// How many times the class is watched, each time all of it.
    pub views: u64,
    /// USD for keeping a GB (10^9 bytes) for a month.
    pub storage_rate: f64,
    /// USD for delivering a GB.
    pub delivery_rate: f64,
    /// Where the rates come from, where they are the default ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Pricing {
    /// These rates, in USD for a GB and month and for a GB.
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

/// To a millionth: a short class costs less than a cent.
fn rounded(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}

/// What a package costs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cost {
    #[serde(flatten)]
    pub pricing: Pricing,
    /// All files of the package but the manifest.
    pub stored_bytes: u64,
    /// USD for keeping them for a month.
    pub storage: f64,
    /// What viewers get, by the rendition that they get.
    pub renditions: Vec<RenditionCost>,
    /// The same class at a fixed rate; not where there is no picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<FixedCost>,
}

/// What it costs when every viewer gets this rendition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RenditionCost {
    /// The picture's, as in `720p`, or where there is none the sound's.
    pub name: String,
    /// What a viewer of the whole class gets: its segments, and those of the default sound.
    pub bytes: u64,
    /// USD for delivering them to all views.
    pub delivery: f64,
}

/// A class of 720 lines at [`FIXED_RATE`], kept as a ladder of [`FIXED_LADDER`] times its size.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FixedCost {
    /// Bits a second.
    pub rate: u64,
    /// What is stored for each byte of it.
    pub ladder: f64,
    /// What a viewer of the whole class gets: rate times duration.
    pub bytes: u64,
    /// USD for delivering them to all views.
    pub delivery: f64,
    /// What is stored: ladder times bytes.
    pub stored_bytes: u64,
    /// USD for keeping it for a month.
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

    /// The cost in lines to read.
    pub fn table(&self) -> String {
        let pricing = &self.pricing;
        let mut lines = vec![format!(
            "{} views of all of it at {} USD/GB, storage at {} USD/GB a month:",
            pricing.views, pricing.delivery_rate, pricing.storage_rate
        )];
        let line = |name: &str, bytes: u64, delivery: f64| {
            format!(
                "  {name:<12} {:>10} MB a view {delivery:>11.2} USD",
                megabytes(bytes)
            )
        };
        let stored = |bytes: u64, storage: f64| {
            format!("stored {} MB, {storage:.4} USD a month", megabytes(bytes))
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

    /// An hour of 450 MB and 225 MB of picture and 45 MB of sound, by two voices.
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
            "1000 views of all of it at 0.085 USD/GB, storage at 0.023 USD/GB a month:\n  \
             720p              495.0 MB a view       42.08 USD\n  \
             360p              270.0 MB a view       22.95 USD\n  \
             stored 800.0 MB, 0.0184 USD a month\n  \
             fixed rate        675.0 MB a view       57.38 USD  (720p at 1.5 Mbit/s; 1.8x for its \
             ladder: stored 1215.0 MB, 0.0279 USD a month)"
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
