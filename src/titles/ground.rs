// SPDX-License-Identifier: MPL-2.0

//! Removes the ground behind text: white letters on a coloured bar, dark pages and photographs all
//! become dark letters on white. Recognisers guess the colour of the ground by line, and lose light
//! lines on pages of dark ones.
//!
//! The ground of a place is the most frequent brightness around it. Strokes are darker or brighter.

/// Side of a block in pixels, over which the brightness is counted.
const BLOCK: usize = 8;
/// Number of levels of brightness.
const LEVELS: usize = 32;
/// Blocks to the left and right, and above and below, that show the ground: a bar of a heading is
/// wide and low.
const BESIDE: usize = 8;
const ABOVE: usize = 3;
/// Contrast that strokes get, in sixteenths.
const GAIN: u32 = 18;

type Counts = [u16; LEVELS];

/// Returns the distance of every pixel from its ground, as darkness.
pub(super) fn even(width: usize, rows: usize, pixels: &[u8]) -> Vec<u8> {
    let columns = width.div_ceil(BLOCK);
    let grounds = grounds(width, rows, pixels);
    let mut evened = Vec::with_capacity(pixels.len());
    for (row, line) in pixels.chunks_exact(width.max(1)).take(rows).enumerate() {
        let grounds = grounds.chunks_exact(columns.max(1)).nth(row / BLOCK);
        let grounds = grounds.unwrap_or_default();
        for (part, &ground) in line.chunks(BLOCK).zip(grounds) {
            evened.extend(part.iter().map(|&pixel| {
                let distance = u32::from(pixel.abs_diff(ground)) * GAIN / 16;
                255 - distance.min(255) as u8
            }));
        }
    }
    evened
}

/// Returns the brightness of the ground of each block.
fn grounds(width: usize, rows: usize, pixels: &[u8]) -> Vec<u8> {
    let (columns, lines) = (width.div_ceil(BLOCK), rows.div_ceil(BLOCK));
    let mut counts: Vec<Counts> = vec![[0; LEVELS]; columns * lines];
    for (row, line) in pixels.chunks_exact(width.max(1)).take(rows).enumerate() {
        let blocks = counts.chunks_exact_mut(columns.max(1)).nth(row / BLOCK);
        for (part, block) in line.chunks(BLOCK).zip(blocks.unwrap_or_default()) {
            for &pixel in part {
                block[usize::from(pixel) * LEVELS / 256] += 1;
            }
        }
    }
    let mut grounds = Vec::with_capacity(columns * lines);
    // Sums over the rows of blocks around, by column; they follow the row.
    let mut sums: Vec<Counts> = vec![[0; LEVELS]; columns];
    let row_of = |row: usize| counts.get(row * columns..(row + 1) * columns);
    for row in 0..ABOVE.min(lines) {
        add(&mut sums, row_of(row));
    }
    for row in 0..lines {
        add(
            &mut sums,
            row_of(row + ABOVE).filter(|_| row + ABOVE < lines),
        );
        let gone = row.checked_sub(ABOVE + 1).and_then(row_of);
        subtract(&mut sums, gone);
        grounds.extend((0..columns).map(|column| {
            let around = column.saturating_sub(BESIDE)..(column + BESIDE + 1).min(columns);
            most_frequent(sums.get(around).unwrap_or_default())
        }));
    }
    grounds
}

fn add(sums: &mut [Counts], counts: Option<&[Counts]>) {
    for (sum, counts) in sums.iter_mut().zip(counts.unwrap_or_default()) {
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
    }
}

fn subtract(sums: &mut [Counts], counts: Option<&[Counts]>) {
    for (sum, counts) in sums.iter_mut().zip(counts.unwrap_or_default()) {
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum -= count;
        }
    }
}

/// Returns the most frequent brightness: the mean of the three adjacent levels with most pixels.
fn most_frequent(columns: &[Counts]) -> u8 {
    let mut all = [0u32; LEVELS];
    for counts in columns {
        for (sum, count) in all.iter_mut().zip(counts) {
            *sum += u32::from(*count);
        }
    }
    let around = |level: usize| {
        let start = level.saturating_sub(1);
        (start, &all[start..(level + 2).min(LEVELS)])
    };
    let count = |level: &usize| around(*level).1.iter().sum::<u32>();
    let level = (0..LEVELS).max_by_key(count).unwrap_or_default();
    let (start, counts) = around(level);
    let middle = |level: usize| (level * 256 / LEVELS + 128 / LEVELS) as u32;
    let weighted = counts.iter().enumerate();
    let weighted: u32 = weighted
        .map(|(index, count)| middle(start + index) * count)
        .sum();
    // Pixels at both ends of the scale are most likely black and white.
    match weighted / counts.iter().sum::<u32>().max(1) {
        ..8 => 0,
        248.. => 255,
        mean => mean as u8,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WIDTH: usize = 400;
    const ROWS: usize = 200;

    /// Draws strokes on a ground, with a bar at the top.
    fn page(ground: u8, ink: u8, bar: u8, bar_ink: u8) -> Vec<u8> {
        let pixel = |at: usize| {
            let (x, y) = (at % WIDTH, at / WIDTH);
            let is_stroke = x % 9 < 3 && y % 40 >= 12 && y % 40 < 30 && x > 30 && x < 350;
            match (y < 40, is_stroke) {
                (true, false) => bar,
                (true, true) => bar_ink,
                (false, false) => ground,
                (false, true) => ink,
            }
        };
        (0..WIDTH * ROWS).map(pixel).collect()
    }

    #[test]
    fn text_of_all_colours_becomes_dark_on_white() {
        for page in [
            page(255, 0, 60, 250),
            page(20, 200, 90, 230),
            page(230, 60, 230, 60),
        ] {
            let evened = even(WIDTH, ROWS, &page);
            for y in (16..28).chain(96..108) {
                let row = &evened[y * WIDTH..(y + 1) * WIDTH];
                assert!(
                    row[37] < 120 && row[43] > 235,
                    "row {y}: {} {}",
                    row[37],
                    row[43]
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_pixels_give_as_many(width in 0usize..70, rows in 0usize..40, seed in any::<u64>()) {
            let pixel = |at: usize| (seed.rotate_left(at as u32 % 64) & 0xff) as u8;
            let pixels: Vec<u8> = (0..width * rows).map(pixel).collect();
            prop_assert_eq!(even(width, rows, &pixels).len(), pixels.len());
        }
    }
}
