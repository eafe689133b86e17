// SPDX-License-Identifier: MPL-2.0

//! The stand-in for a camera that is off: initials on a colour of the participant's own.

use super::Color;

/// Dark enough for white text: each has a contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3).
const COLORS: [Color; 8] = [
    color(0x1d, 0x4e, 0x89),
    color(0x7a, 0x1f, 0x5c),
    color(0x1b, 0x5e, 0x20),
    color(0x8a, 0x3b, 0x12),
    color(0x4a, 0x2c, 0x8a),
    color(0x00, 0x5f, 0x61),
    color(0x8b, 0x1a, 0x1a),
    color(0x4e, 0x4b, 0x16),
];

const fn color(red: u8, green: u8, blue: u8) -> Color {
    Color { red, green, blue }
}

/// Returns the first letters of the first and the last word of a name, in upper case. Empty if the
/// name has neither letters nor digits.
pub fn initials(name: &str) -> String {
    let first = |word: &str| word.chars().find(|letter| letter.is_alphanumeric());
    let letters: Vec<char> = name.split_whitespace().filter_map(first).collect();
    let last = letters.last().filter(|_| letters.len() > 1);
    letters
        .first()
        .into_iter()
        .chain(last)
        .flat_map(|letter| letter.to_uppercase())
        .collect()
}

/// Returns the colour of a participant, the same in every recording.
pub fn background(participant: &str) -> Color {
    let sum = participant.bytes().fold(0u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let index = usize::try_from(sum).unwrap_or_default() % COLORS.len();
    COLORS.get(index).copied().unwrap_or(Color::BLACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, letters) in [
            ("Ada Lovelace", "AL"),
            ("ada", "A"),
            ("Ana María de la Cruz", "AC"),
            ("  (guest) 7 ", "G7"),
            ("山田 太郎", "山太"),
            ("ßen", "SS"),
            ("--", ""),
            ("", ""),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }

    #[test]
    fn white_text_can_be_read_on_every_colour() {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        for color in COLORS {
            let light = 0.2126 * linear(color.red)
                + 0.7152 * linear(color.green)
                + 0.0722 * linear(color.blue);
            assert!(1.05 / (light + 0.05) >= 4.5, "{color:?}");
        }
    }
}
