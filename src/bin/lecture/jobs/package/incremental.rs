// SPDX-License-Identifier: MPL-2.0

//! Incremental packaging: reuses segments of the previous package and encodes only what changed.
//!
//! In case of doubt, everything is encoded as if there were no old package.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use gstlecture::edit::trim_file::{Action, Entry, TrimFile};
use gstlecture::package::hls::playlist;
use gstlecture::package::manifest::{MadeFrom, Manifest, MediaEntry};
use gstlecture::package::mp4::codec::sample_description;
use gstlecture::package::mp4::fragment;
use gstlecture::package::names::{self, ContentName};
use gstlecture::package::programme::{Audio, Programme, Role, Video};
use gstlecture::package::reuse::{self, Part};
use gstlecture::package::track::{KeyFrame, Segment, Track};
use gstlecture::timeline::{CutList, FrameRate, Span, Time};

use super::describe;
use crate::class::drafts::Corrected;
use crate::class::folder;
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::{run_part, run_to_end};
use crate::error::Error;
use crate::fs::files;
use crate::jobs::Request;
use crate::jobs::package::finish;
use crate::jobs::package::{PackageOptions, ReusedSegments};
use crate::media::probe::Input;

/// Folder in which parts are encoded, inside the staging folder.
const PART: &str = ".part";
/// Cut list of a part.
const CUTS: &str = ".part.vtt";
/// Margin before and after a part when seeking.
const MARGIN: Time = Time::from_secs(2);
/// Largest start of a part for which the source is read from its beginning instead of seeking.
const NEAR: Time = Time::from_secs(20);
/// End of the recording, as a time that a cue can contain.
const FAR: Time = Time::from_secs(1_000_000);

/// Plan for the video: old segments to reuse and parts to encode.
struct Plan {
    rate: FrameRate,
    /// Frames of the old segments.
    segments: Vec<Range<u64>>,
    parts: Vec<Part>,
}

/// An encoded part: its folder and its renditions.
type Made = Option<(PathBuf, Vec<Video>)>;

/// A new package made from an old one.
pub struct Republish<'a> {
    pub request: &'a Request,
    pub options: &'a PackageOptions,
    pub input: &'a Input,
    pub corrected: &'a Corrected,
    /// The old package.
    pub old: &'a Path,
    /// The folder of the new package, empty.
    pub staging: &'a Path,
}

impl Republish<'_> {
    /// Makes all media, their playlists and the contents of catalogsink's manifest. Returns `None`
    /// if everything has to be encoded; the staging folder may contain files in that case.
    pub fn make(
        &self,
        old: &Manifest,
        now: &MadeFrom,
        into: &mut Option<ReusedSegments>,
    ) -> Result<Option<Manifest>, Error> {
        let Some(was) = &old.each_made_from else {
            return self.in_doubt("its manifest does not list what it was made from");
        };
        let (Some(programme), Some(old_cuts)) = (self.read(self.old, old), was.cut_list()) else {
            return self.in_doubt("its playlists have been changed");
        };
        if was.picture != now.picture || programme.tracks().next().is_none() {
            return self
                .in_doubt("its video was made with other settings or from another recording");
        }
        let same_cuts = was.cuts == now.cuts;
        let Some(video) = self.picture(&programme.video, &old_cuts, same_cuts, into)? else {
            return Ok(None);
        };
        let end = video.first().map(|video| video.track.end());
        let mut audio = Vec::new();
        for (role, same) in [
            (Role::Main, same_cuts && was.sound == now.sound),
            (
                Role::Description,
                same_cuts && was.descriptions == now.descriptions,
            ),
        ] {
            let Some(sound) = self.sound(&programme, role, same, end)? else {
                return self.in_doubt("the audio cannot be packaged alone");
            };
            audio.extend(sound);
        }
        let programme = Programme {
            video,
            audio,
            chapters: self.corrected.has_chapters(),
            ..Programme::default()
        }
        .with_shared_target();
        if !is_apart(&programme) {
            return self.in_doubt("two audio renditions have the same name");
        }
        for (name, bytes) in programme.files() {
            files::write(&self.staging.join(name), &bytes)?;
        }
        Ok(Some(Manifest::of_media(
            &programme,
            &[],
            programme.duration(),
        )))
    }

    /// Reads the tracks of a package. Returns `None` if they are not as catalogsink writes them.
    fn read(&self, package: &Path, manifest: &Manifest) -> Option<Programme> {
        let rate = self.input.video.as_ref().map(|video| video.frame_rate);
        let track = |media: &MediaEntry, rate: FrameRate| {
            let path = package.join(&media.playlist);
            let folder = path.parent()?;
            let media_playlist = fs::read(&path).ok()?;
            let i_frames = fs::read(folder.join(names::I_FRAMES)).ok();
            let (relative, _) = media.playlist.rsplit_once('/')?;
            let size = |name: &str| Some(fs::metadata(folder.join(name)).ok()?.len());
            let playlists = (&media_playlist[..], i_frames.as_deref());
            playlist::track(relative, &media.codec, rate, playlists, size)
        };
        manifest.programme(rate, track)
    }

    /// Makes the video renditions.
    fn picture(
        &self,
        old: &[Video],
        old_cuts: &CutList,
        same_cuts: bool,
        into: &mut Option<ReusedSegments>,
    ) -> Result<Option<Vec<Video>>, Error> {
        let Some(first) = old.first() else {
            return Ok(Some(Vec::new()));
        };
        let count = first.track.segments.len();
        if same_cuts {
            for video in old {
                self.adopt(self.old, &video.track)?;
            }
            self.report(count, count, into);
            return Ok(Some(old.to_vec()));
        }
        let Some(plan) = self.plan(old, old_cuts)? else {
            return Ok(None);
        };
        let Some(made) = self.encode_parts(&plan, old)? else {
            return Ok(None);
        };
        let mut joined = Vec::new();
        for (rung, video) in old.iter().enumerate() {
            let Some(track) = self.join(&plan, &made, rung, &video.track)? else {
                return Ok(None);
            };
            joined.push(Video {
                track,
                ..video.clone()
            });
        }
        for (folder, _) in made.iter().flatten() {
            fs::remove_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
        }
        let reused = |part: &&Part| matches!(part, Part::Old { .. });
        let reused = plan.parts.iter().filter(reused).count();
        let count = joined.first().map_or(0, |video| video.track.segments.len());
        self.report(reused, count, into);
        Ok(Some(joined))
    }

    /// Chooses the video segments to reuse.
    fn plan(&self, old: &[Video], old_cuts: &CutList) -> Result<Option<Plan>, Error> {
        if !self.corrected.redaction.covered().is_empty() {
            // The image that replaces a covered frame may come from a cut passage.
            return self.in_doubt("frames are covered");
        }
        if self.input.room.is_some() {
            return self.in_doubt("the tracks of a session are composed from their start");
        }
        let Some(rate) = self.input.frame_rate() else {
            return self.in_doubt("its frame rate is not constant");
        };
        let rates = old.iter().map(|video| video.frame_rate);
        if rates.clone().min() != rates.max() {
            // The choice of frames it shows changes with every cut before them.
            return self.in_doubt("a rendition contains only some of the frames");
        }
        let frames = |video: &Video| -> Vec<Range<u64>> {
            let segments = video.track.segments.iter();
            segments
                .map(|segment| rate.nearest(segment.span.start)..rate.nearest(segment.span.end))
                .collect()
        };
        let segments = old.first().map(frames).unwrap_or_default();
        if old.iter().any(|video| frames(video) != segments) {
            return self.in_doubt("its renditions do not have the same segments");
        }
        let duration = Time::from_secs_f64(self.options.segment_duration.0);
        let cuts = &self.corrected.cuts;
        let Some(parts) = reuse::plan(&segments, old_cuts, cuts, rate, duration) else {
            return self.in_doubt("cuts are not between frames");
        };
        let reused = parts.iter().filter_map(|part| match part {
            Part::Old { segment, .. } => segments.get(*segment),
            Part::New { .. } => None,
        });
        let reused: u64 = reused.map(|frames| frames.end - frames.start).sum();
        let whole = segments.last().map_or(0, |frames| frames.end);
        // A part costs more than its frames.
        if reused < whole / 4 {
            return self.in_doubt("too little of it is kept");
        }
        Ok(Some(Plan {
            rate,
            segments,
            parts,
        }))
    }

    /// Encodes the new parts, in order; old parts have no entry.
    fn encode_parts(&self, plan: &Plan, old: &[Video]) -> Result<Option<Vec<Made>>, Error> {
        let rate = plan.rate;
        let mut made = Vec::new();
        for (number, part) in plan.parts.iter().enumerate() {
            let Part::New { start, end } = *part else {
                made.push(None);
                continue;
            };
            let output = Span::new(
                rate.start(start),
                end.map_or(Time::MAX, |end| rate.start(end)),
            );
            let Some((folder, videos)) = self.encode(number, output)? else {
                return self.in_doubt("a part cannot be encoded alone");
            };
            let length = end.map(|end| end - start);
            let fits = |(old, new): (&Video, &Video)| {
                let frames = rate.nearest(new.track.end());
                let alike = |video: &Video| Video {
                    track: empty(&video.track),
                    ..video.clone()
                };
                alike(old) == alike(new) && length.is_none_or(|length| length == frames)
            };
            if videos.len() != old.len() || !old.iter().zip(&videos).all(fits) {
                return self.in_doubt("an encoded part does not match the rest");
            }
            made.push(Some((folder, videos)));
        }
        Ok(Some(made))
    }

    /// Joins old and new segments of a rendition.
    fn join(
        &self,
        plan: &Plan,
        made: &[Made],
        rung: usize,
        old: &Track,
    ) -> Result<Option<Track>, Error> {
        let rate = plan.rate;
        let mut track = empty(old);
        let Some(ticks) = self.adopt_init(self.old, old, rate)? else {
            return self.in_doubt("its frames have another timescale");
        };
        for (part, made) in plan.parts.iter().zip(made) {
            self.request.stop.check()?;
            // Folder of the segments, their first frame there, and their first frame here.
            let (folder, segments, from, to) = match (part, made) {
                (Part::Old { segment, start }, _) => {
                    let from = plan.segments.get(*segment).map_or(0, |frames| frames.start);
                    let segments = old.segments.get(*segment..=*segment);
                    (self.old, segments, from, *start)
                }
                (Part::New { start, .. }, Some((folder, videos))) => {
                    let segments = videos.get(rung).map(|video| &video.track.segments[..]);
                    (folder.as_path(), segments, 0, *start)
                }
                (Part::New { .. }, None) => return Ok(None),
            };
            let moved = |time: Time| rate.start(to + rate.nearest(time) - from);
            for segment in segments.unwrap_or_default() {
                let span = Span::new(moved(segment.span.start), moved(segment.span.end));
                let was = rate.nearest(segment.span.start);
                let is = rate.nearest(span.start);
                let name = self.take(folder, &track.folder, segment, was, is, ticks)?;
                let Some(name) = name else {
                    return self.in_doubt("a segment cannot be moved");
                };
                let keys = segment.keys.iter().map(|key| KeyFrame {
                    start: moved(key.start),
                    range: key.range.clone(),
                });
                track.segments.push(Segment {
                    name,
                    span,
                    keys: keys.collect(),
                    ..segment.clone()
                });
            }
        }
        // If it had been encoded with the rest, the tail would have joined the segment before it.
        if track.short_tail().is_some() {
            return self.in_doubt("what is left is too short");
        }
        Ok(Some(track))
    }

    /// Reports why everything has to be encoded, and returns `None`.
    fn in_doubt<T>(&self, why: &str) -> Result<Option<T>, Error> {
        self.request
            .note(&format!("the old package cannot be reused: {why}"));
        Ok(None)
    }

    fn report(&self, reused: usize, count: usize, into: &mut Option<ReusedSegments>) {
        let note = format!("{reused} of {count} video segments are reused");
        self.request.note(&note);
        *into = Some(ReusedSegments {
            segments: count,
            segments_reused: reused,
        });
    }

    /// Encodes a part of the new package. Returns its folder and its renditions.
    fn encode(&self, number: usize, output: Span) -> Result<Made, Error> {
        let sources = self.corrected.cuts.sources(output);
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else {
            return Ok(None);
        };
        let whole = Span::new(first.start, last.end);
        let Ok(cuts) = CutList::new(sources) else {
            return Ok(None);
        };
        let list = self.staging.join(CUTS);
        files::write(&list, self.trim_file(&cuts).to_string().as_bytes())?;
        let part = describe::Part {
            picture: true,
            // The audio may be longer than the video.
            sound: output.end == Time::MAX,
            descriptions: false,
            slides: self.corrected.slides_in(&cuts),
            cuts: Some(list.clone()),
            duration: None,
        };
        let folder = self.staging.join(format!("{PART}-{number}"));
        let pipeline = pipeline::make(&self.describe(&folder, &part))?;
        let sought = Span::new(
            whole.start.saturating_sub(MARGIN),
            whole.end.saturating_add(MARGIN),
        );
        let seeks = self.input.is_indexed && sought.start > NEAR;
        let progress = Progress::of_part("package", whole).watched(&self.request.watched);
        let part = seeks.then_some(sought);
        let outcome = run_part(&pipeline, part, progress, &self.request.stop, |_| {})?;
        fs::remove_file(&list).map_err(|error| Error::writing(&list, &error))?;
        if outcome.began > whole.start {
            return Ok(None);
        }
        let programme = folder::manifest(&folder).and_then(|made| self.read(&folder, &made));
        Ok(programme.map(|programme| (folder, programme.video)))
    }

    /// Returns the cut list of a part. Its spans are whole frames; the milliseconds of cues are
    /// rounded so that frames are kept rather than lost.
    fn trim_file(&self, cuts: &CutList) -> TrimFile {
        let keep = |span: Span| Entry {
            span: Span::new(
                Time::from_millis(span.start.millis()),
                match span.end {
                    Time::MAX => FAR,
                    end => {
                        Time::from_millis(end.saturating_add(Time::from_nanos(999_999)).millis())
                    }
                },
            ),
            action: Action::Keep,
            line: 0,
        };
        let others = self.corrected.trim.entries.iter();
        let others = others
            .filter(|entry| matches!(entry.action, Action::Mute { .. } | Action::Cover { .. }));
        TrimFile {
            review: None,
            entries: cuts.kept().map(keep).chain(others.cloned()).collect(),
        }
    }

    fn describe(
        &self,
        folder: &Path,
        part: &describe::Part,
    ) -> crate::engine::description::Pipeline {
        let (request, options) = (self.request, self.options);
        describe::describe_part(
            request,
            options,
            self.input,
            self.corrected,
            folder,
            Some(part),
        )
    }

    /// Makes the audio renditions of this role, in a programme that ends at `end`.
    fn sound(
        &self,
        old: &Programme,
        role: Role,
        same: bool,
        end: Option<Time>,
    ) -> Result<Option<Vec<Audio>>, Error> {
        let of_role = |audio: &&Audio| audio.role == role;
        if same {
            let audio: Vec<Audio> = old.audio.iter().filter(of_role).cloned().collect();
            for audio in &audio {
                self.adopt(self.old, &audio.track)?;
            }
            return Ok(Some(audio));
        }
        let is_main = role == Role::Main;
        let count = match is_main {
            true => self.input.audio.len(),
            false => self.corrected.described.len(),
        };
        if count == 0 {
            return Ok(Some(Vec::new()));
        }
        let part = describe::Part {
            picture: false,
            sound: is_main,
            descriptions: !is_main,
            cuts: None,
            slides: String::new(),
            duration: end,
        };
        let folder = self.staging.join(PART);
        let made = pipeline::make(&self.describe(&folder, &part))?;
        self.input.place(&made)?;
        if is_main {
            pipeline::decode_only(&made, "audio/x-raw");
        }
        self.request.note(match is_main {
            true => "the audio is encoded",
            false => "the audio description is encoded",
        });
        let length = self.input.duration;
        let progress = Progress::start("package", length).watched(&self.request.watched);
        let outcome = run_to_end(&made, progress, &self.request.stop, |_| {})?;
        for warning in &outcome.warnings {
            self.request.note(&format!("warning: {warning}"));
        }
        let programme = folder::manifest(&folder).and_then(|made| self.read(&folder, &made));
        let Some(programme) = programme else {
            return Ok(None);
        };
        for audio in &programme.audio {
            self.adopt(&folder, &audio.track)?;
        }
        fs::remove_dir_all(&folder).map_err(|error| Error::writing(&folder, &error))?;
        Ok((programme.audio.len() == count).then_some(programme.audio))
    }

    /// Links all files of a track into the new package.
    fn adopt(&self, package: &Path, track: &Track) -> Result<(), Error> {
        let segments = track.segments.iter().map(|segment| &segment.name);
        for name in segments.chain([&track.init]) {
            self.link(package, &track.folder, name)?;
        }
        Ok(())
    }

    /// Links the initialization segment of a track; returns the duration of a frame in its ticks.
    fn adopt_init(
        &self,
        package: &Path,
        track: &Track,
        rate: FrameRate,
    ) -> Result<Option<u64>, Error> {
        let path = package.join(&track.folder).join(&track.init);
        let init = fs::read(&path).map_err(|error| Error::reading(&path, &error))?;
        self.link(package, &track.folder, &track.init)?;
        let description = sample_description(&init).ok();
        Ok(description.and_then(|told| rate.ticks(told.timescale)))
    }

    /// Links a segment that begins with the frame `from` and moves it to the frame `to`; returns
    /// its name. Returns `None` if that is not possible.
    fn take(
        &self,
        package: &Path,
        folder: &str,
        segment: &Segment,
        from: u64,
        to: u64,
        ticks: u64,
    ) -> Result<Option<String>, Error> {
        if from == to {
            self.link(package, folder, &segment.name)?;
            return Ok(Some(segment.name.clone()));
        }
        let path = package.join(folder).join(&segment.name);
        let mut bytes = fs::read(&path).map_err(|error| Error::reading(&path, &error))?;
        if fragment::retime(&mut bytes, from, to, ticks).is_none() {
            return Ok(None);
        }
        let mut name = ContentName::default();
        name.update(&bytes);
        let name = name.finish("m4s");
        files::write(&self.staging.join(folder).join(&name), &bytes)?;
        Ok(Some(name))
    }

    fn link(&self, package: &Path, folder: &str, name: &str) -> Result<(), Error> {
        let target = self.staging.join(folder);
        fs::create_dir_all(&target).map_err(|error| Error::writing(&target, &error))?;
        finish::link_file(&package.join(folder).join(name), &target.join(name))
            .map_err(|error| Error::writing(&target, &error))
    }
}

/// Returns a track like this one, without segments.
fn empty(track: &Track) -> Track {
    Track {
        segments: Vec::new(),
        ..track.clone()
    }
}

/// Returns whether no two renditions share a folder or a label.
fn is_apart(programme: &Programme) -> bool {
    let folders: Vec<&str> = programme.tracks().map(|track| &*track.folder).collect();
    let labels: Vec<&str> = programme.audio.iter().map(|audio| &*audio.label).collect();
    [folders, labels].into_iter().all(|mut names| {
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() == count
    })
}
