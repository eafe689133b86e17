// SPDX-License-Identifier: MPL-2.0

//! Packet times: by the sender's clock or by the recorder's.

use super::header::Kind;
use super::recording::{Packet, Recording};
use crate::timeline::Time;

const NANOS: i128 = 1_000_000_000;
const NANOS_PER_MS: i64 = 1_000_000;
/// The least delayed packet of each such window of arrival stands for it.
const WINDOW_MS: u32 = 1000;
/// The sender's clock jumped when the delay changes by more than this, and stays so.
const JUMP: i64 = 1000 * NANOS_PER_MS;
/// Windows over which a changed delay has to last; a burst after a stall is shorter.
const LASTING: usize = 3;
/// Fewer windows do not tell drift from the network's jitter.
const MIN_WINDOWS_FOR_DRIFT: usize = 30;
/// Sound cards and cameras drift less; a steeper line is not drift.
const MAX_DRIFT: f64 = 1e-3;
/// Windows that lie this far above the line were delayed by the network.
const MAX_ABOVE_LINE: f64 = 20.0 * NANOS_PER_MS as f64;

/// The clock that gives packets their times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The sender's: RTP timestamps, from zero at the first packet. Messages of a data channel
    /// count from the file's creation. Equals janus-pp-rec.
    #[default]
    Rtp,
    /// The recorder's: a straight line through the times of arrival, without the sender's drift
    /// and without jitter. Recordings of one session stay aligned.
    Arrival,
}

/// A stretch of packets whose sender's clock runs evenly.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Index of its first packet.
    first: usize,
    /// Timestamp of `nanos`.
    ticks: i64,
    nanos: i64,
    /// Nanoseconds gained per nanosecond of the sender's clock.
    drift: f64,
}

impl Piece {
    fn nanos(&self, ticks: i64, rate: u32) -> i64 {
        let nanos = to_nanos(ticks.saturating_sub(self.ticks), rate);
        let gained = (nanos as f64 * self.drift).round() as i64;
        self.nanos.saturating_add(nanos).saturating_add(gained)
    }
}

/// The times of a recording's packets.
#[derive(Clone, Debug)]
pub struct Timeline {
    rate: u32,
    /// Never empty.
    pieces: Vec<Piece>,
    origin: Option<i64>,
    /// The usual time from one packet (audio), frame or message to the next.
    step: Time,
    duration: Time,
}

impl Timeline {
    /// Returns the times of `recording` by `clock`. Formats without arrival times always follow
    /// [`Clock::Rtp`].
    pub fn new(recording: &Recording, clock: Clock) -> Self {
        let header = recording.header();
        let packets = recording.packets();
        let rate = header.codec.clock_rate();
        let is_data = header.codec.kind() == Kind::Data;
        let by_arrival = clock == Clock::Arrival && header.format.has_arrival_times();
        let lowest = packets
            .iter()
            .map(|packet| packet.timestamp)
            .min()
            .unwrap_or(0);
        let piece = |ticks| Piece {
            first: 0,
            ticks,
            nanos: 0,
            drift: 0.0,
        };
        let (pieces, origin) = if is_data {
            let start = if by_arrival {
                header.first_frame
            } else {
                header.created
            };
            (vec![piece(start.unwrap_or(lowest))], start)
        } else if by_arrival {
            let pieces = fit(packets, rate);
            let earliest = earliest(&pieces, packets, rate);
            let moved = pieces.into_iter().map(|piece| Piece {
                nanos: piece.nanos.saturating_sub(earliest.min(0)),
                ..piece
            });
            let origin = header
                .first_frame
                .map(|first| first.saturating_add(earliest.min(0) / 1000));
            (moved.collect(), origin)
        } else {
            let arrival = packets.first().map_or(0, |first| i64::from(first.arrival));
            (
                vec![piece(lowest)],
                header
                    .first_frame
                    .map(|first| first.saturating_add(arrival * 1000)),
            )
        };
        let step = step(packets, rate, is_data);
        let mut timeline = Self {
            rate,
            pieces,
            origin,
            step,
            duration: Time::default(),
        };
        let last = (0..packets.len())
            .map(|index| timeline.time(index, packets))
            .max();
        timeline.duration = last.unwrap_or_default().saturating_add(step);
        timeline
    }

    /// Returns the time of the packet at `index` of `packets`, those that the timeline was made of.
    pub fn time(&self, index: usize, packets: &[Packet]) -> Time {
        let Some(packet) = packets.get(index) else {
            return self.duration;
        };
        let piece = self.pieces.partition_point(|piece| piece.first <= index);
        let nanos = self
            .pieces
            .get(piece.saturating_sub(1))
            .map_or(0, |piece| piece.nanos(packet.timestamp, self.rate));
        Time::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }

    /// Returns the instant of time zero in microseconds since 1970 UTC, if the format has it.
    pub fn origin(&self) -> Option<i64> {
        self.origin
    }

    /// Returns the usual time from one packet (audio), frame or message to the next.
    pub fn step(&self) -> Time {
        self.step
    }

    /// Returns the end of the last packet: its time and one step.
    pub fn duration(&self) -> Time {
        self.duration
    }
}

fn to_nanos(ticks: i64, rate: u32) -> i64 {
    let rate = i128::from(rate.max(1));
    let nanos = (i128::from(ticks) * NANOS + rate / 2).div_euclid(rate);
    i64::try_from(nanos).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX })
}

/// Returns the median distance of neighbours; messages have none.
fn step(packets: &[Packet], rate: u32, is_data: bool) -> Time {
    const ENOUGH: usize = 4096;
    let neighbours = packets.iter().zip(packets.iter().skip(1));
    let mut distances: Vec<i64> = neighbours
        .filter(|(packet, next)| next.sequence - packet.sequence == 1 && !is_data)
        .map(|(packet, next)| next.timestamp.saturating_sub(packet.timestamp))
        .filter(|ticks| *ticks > 0)
        .take(ENOUGH)
        .collect();
    distances.sort_unstable();
    let median = distances.get(distances.len() / 2).copied().unwrap_or(0);
    Time::from_nanos(u64::try_from(to_nanos(median, rate)).unwrap_or(0))
}

/// The least delayed packet of a window.
#[derive(Clone, Copy)]
struct Point {
    /// Index of the window's first packet.
    first: usize,
    /// Time by the sender's clock, from its lowest timestamp, in ns.
    sent: i64,
    /// Time of arrival less `sent`, in ns.
    delay: i64,
}

/// Returns lines through the times of arrival, one for each stretch without a jump.
fn fit(packets: &[Packet], rate: u32) -> Vec<Piece> {
    let base = packets.first().map_or(0, |packet| packet.timestamp);
    let points = points(packets, base, rate);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = points.as_slice();
    while !rest.is_empty() {
        let (stretch, after) = rest.split_at(stretch(rest));
        rest = after;
        let (delay, drift) = line(stretch);
        let first = if pieces.is_empty() {
            0
        } else {
            stretch.first().map_or(0, |point| point.first)
        };
        let mut piece = Piece {
            first,
            ticks: base,
            nanos: delay,
            drift,
        };
        if let (Some(before), Some(packet)) = (pieces.last(), packets.get(first)) {
            let end = packets
                .get(first.saturating_sub(1))
                .map_or(0, |last| before.nanos(last.timestamp, rate));
            let start = piece.nanos(packet.timestamp, rate);
            // Time never goes back.
            piece.nanos = piece.nanos.saturating_add((end - start).max(0));
        }
        pieces.push(piece);
    }
    pieces
}

fn points(packets: &[Packet], base: i64, rate: u32) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut window = None;
    for (index, packet) in packets.iter().enumerate() {
        let sent = to_nanos(packet.timestamp.saturating_sub(base), rate);
        let delay = (i64::from(packet.arrival) * NANOS_PER_MS).saturating_sub(sent);
        let number = packet.arrival / WINDOW_MS;
        match points.last_mut() {
            // A late packet belongs to the window before.
            Some(point) if window.is_some_and(|window| number <= window) => {
                if delay < point.delay {
                    (point.sent, point.delay) = (sent, delay);
                }
            }
            _ => {
                window = Some(number);
                points.push(Point {
                    first: index,
                    sent,
                    delay,
                });
            }
        }
    }
    points
}

/// Returns the number of points until the sender's clock jumps.
fn stretch(points: &[Point]) -> usize {
    let mut level = points.first().map_or(0, |point| point.delay);
    for (index, point) in points.iter().enumerate() {
        let next = points.get(index..index + LASTING).unwrap_or_default();
        let jumps = |up: bool| {
            let far = |point: &Point| {
                let change = point.delay.saturating_sub(level);
                if up { change > JUMP } else { change < -JUMP }
            };
            !next.is_empty() && next.iter().all(far)
        };
        if jumps(true) || jumps(false) {
            return index.max(1);
        }
        if point.delay.saturating_sub(level).abs() <= JUMP {
            level = point.delay;
        }
    }
    points.len()
}

/// Returns delay at zero and drift of the line along the least delayed points.
fn line(points: &[Point]) -> (i64, f64) {
    let mut delays: Vec<i64> = points.iter().map(|point| point.delay).collect();
    delays.sort_unstable();
    let median = delays.get(delays.len() / 2).copied().unwrap_or(0);
    if points.len() < MIN_WINDOWS_FOR_DRIFT {
        return (median, 0.0);
    }
    let (mut offset, mut drift) = (median as f64, 0.0);
    let mut is_first = true;
    for _ in 0..4 {
        let limit = if is_first {
            JUMP as f64
        } else {
            MAX_ABOVE_LINE
        };
        is_first = false;
        let near: Vec<(f64, f64)> = points
            .iter()
            .map(|point| (point.sent as f64, point.delay as f64))
            .filter(|(sent, delay)| delay - (offset + drift * sent) <= limit)
            .collect();
        let Some(fitted) = least_squares(&near) else {
            break;
        };
        (offset, drift) = fitted;
    }
    if drift.abs() > MAX_DRIFT {
        return (median, 0.0);
    }
    (offset.round() as i64, drift)
}

/// Returns offset and slope of the line with the least squares of errors.
fn least_squares(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    if points.len() < 2 {
        return None;
    }
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let sxx: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let sxy: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    if sxx <= 0.0 {
        return None;
    }
    let slope = sxy / sxx;
    Some((mean_y - slope * mean_x, slope))
}

fn earliest(pieces: &[Piece], packets: &[Packet], rate: u32) -> i64 {
    // Within a piece times follow the timestamps; only the first piece can start before zero.
    let end = pieces.get(1).map_or(packets.len(), |piece| piece.first);
    let times = pieces
        .first()
        .zip(packets.get(..end))
        .map(|(piece, packets)| {
            packets
                .iter()
                .map(|packet| piece.nanos(packet.timestamp, rate))
                .min()
        });
    times.flatten().unwrap_or(0)
}
