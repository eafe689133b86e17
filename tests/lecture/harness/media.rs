// SPDX-License-Identifier: MPL-2.0

//! Colors and tones of files, read by ffmpeg.

use std::path::Path;

use super::tool;

/// Red, green and blue of a pixel at a time.
pub fn pixel(file: &Path, seconds: &str, (x, y): (u32, u32)) -> [u8; 3] {
    crop(file, seconds, &format!("crop=2:2:{x}:{y}"))[0]
}

/// All pixels of the frame at a time.
pub fn pixels(file: &Path, seconds: &str) -> Vec<[u8; 3]> {
    crop(file, seconds, "null")
}

fn crop(file: &Path, seconds: &str, filter: &str) -> Vec<[u8; 3]> {
    let filter = format!("format=rgb24,{filter}");
    let file = file.display().to_string();
    let bytes = tool(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            &file,
            // Behind the input: that of a package is decoded from its start.
            "-ss",
            seconds,
            "-map",
            "0:v:0",
            "-frames:v",
            "1",
            "-vf",
            &filter,
            "-f",
            "rawvideo",
            "-",
        ],
    );
    let pixels = bytes.chunks_exact(3);
    pixels.map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect()
}

pub fn is_red([red, green, _]: [u8; 3]) -> bool {
    red > 180 && green < 70
}

pub fn is_green([red, green, _]: [u8; 3]) -> bool {
    green > 90 && red < 70
}

/// The level of a tone in a file from this second on, for a second, as a part of full scale.
pub fn level(file: &Path, frequency: f64, from: &str) -> f64 {
    let file = file.display().to_string();
    let samples = tool(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            &file,
            "-ss",
            from,
            "-t",
            "1",
            "-af",
            "pan=mono|c0=c0",
            "-ar",
            "8000",
            "-f",
            "f32le",
            "-",
        ],
    );
    let samples = samples.chunks_exact(4);
    let (mut sine, mut cosine, mut count) = (0.0, 0.0, 0.0);
    for bytes in samples {
        let sample = f64::from(f32::from_le_bytes(bytes.try_into().expect("four bytes")));
        let angle = 2.0 * std::f64::consts::PI * frequency * count / 8000.0;
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
        count += 1.0;
    }
    2.0 * f64::hypot(sine, cosine) / count
}
