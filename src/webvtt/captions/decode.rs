// SPDX-License-Identifier: MPL-2.0

//! The text of a caption file, however it was saved.

use chardetng::EncodingDetector;
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, IBM866, ISO_2022_JP, ISO_8859_2, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, KOI8_R, KOI8_U, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_874,
    WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255,
    WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

use crate::webvtt::{Problem, ProblemKind, ReadError};

/// Bytes that decide on an encoding; more tell no more.
const LOOKED_AT: usize = 1 << 20;

/// Encodings of files in a language, the likeliest first, and the top-level domain of a country that
/// speaks it, by which pages on the web are guessed.
struct Habit {
    languages: &'static [&'static str],
    encodings: &'static [&'static Encoding],
    domain: &'static str,
}

/// The domain is that of the language's own tag if it is empty here.
static HABITS: [Habit; 17] = [
    Habit {
        languages: &["pl", "hu", "hr", "sk", "ro", "bs"],
        encodings: &[WINDOWS_1250, ISO_8859_2],
        domain: "",
    },
    Habit {
        languages: &["cs"],
        encodings: &[WINDOWS_1250, ISO_8859_2],
        domain: "cz",
    },
    Habit {
        languages: &["sl"],
        encodings: &[WINDOWS_1250, ISO_8859_2],
        domain: "si",
    },
    Habit {
        languages: &["sr"],
        encodings: &[WINDOWS_1251, WINDOWS_1250, ISO_8859_2, ISO_8859_5],
        domain: "rs",
    },
    Habit {
        languages: &["ru", "bg", "mk", "be", "kk", "mn"],
        encodings: &[WINDOWS_1251, KOI8_R, KOI8_U, ISO_8859_5, IBM866],
        domain: "ru",
    },
    Habit {
        languages: &["uk"],
        encodings: &[WINDOWS_1251, KOI8_U, KOI8_R, ISO_8859_5],
        domain: "ua",
    },
    Habit {
        languages: &["el"],
        encodings: &[WINDOWS_1253, ISO_8859_7],
        domain: "gr",
    },
    Habit {
        languages: &["tr", "az"],
        encodings: &[WINDOWS_1254],
        domain: "tr",
    },
    Habit {
        languages: &["he", "yi"],
        encodings: &[WINDOWS_1255, ISO_8859_8],
        domain: "il",
    },
    Habit {
        languages: &["ar", "fa", "ur"],
        encodings: &[WINDOWS_1256, ISO_8859_6],
        domain: "eg",
    },
    Habit {
        languages: &["lt", "lv", "et"],
        encodings: &[WINDOWS_1257],
        domain: "lt",
    },
    Habit {
        languages: &["vi"],
        encodings: &[WINDOWS_1258],
        domain: "vn",
    },
    Habit {
        languages: &["th"],
        encodings: &[WINDOWS_874],
        domain: "th",
    },
    Habit {
        languages: &["ja"],
        encodings: &[SHIFT_JIS, EUC_JP, ISO_2022_JP],
        domain: "jp",
    },
    Habit {
        languages: &["ko"],
        encodings: &[EUC_KR],
        domain: "kr",
    },
    Habit {
        languages: &["zh"],
        encodings: &[GBK, GB18030, BIG5],
        domain: "cn",
    },
    Habit {
        languages: &[
            "en", "de", "fr", "es", "pt", "it", "nl", "sv", "da", "no", "nb", "nn", "fi", "is",
            "ca", "eu", "gl", "ga", "af", "id", "ms", "sq", "sw",
        ],
        encodings: &[WINDOWS_1252],
        domain: "",
    },
];

/// Returns the text of a file in UTF-8, UTF-16 or an encoding that files in `language` are saved in,
/// without a byte order mark and with lines that end with LF. `language` is a BCP 47 tag. Reports the
/// first line that was not Unicode, and refuses what may be in several encodings.
pub fn decode(
    bytes: &[u8],
    language: Option<&str>,
) -> Result<(String, Option<Problem>), ReadError> {
    let (text, problem) = match utf16(bytes) {
        Some(encoding) => (encoding.decode(bytes).0.into_owned(), None),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(error) => not_utf8(bytes, error.valid_up_to(), language)?,
        },
    };
    let text = text.trim_start_matches('\u{feff}');
    Ok((text.replace("\r\n", "\n").replace('\r', "\n"), problem))
}

/// Returns what a file begins with if that is in ASCII: for a look at its first line.
pub fn decode_head(head: &[u8]) -> String {
    let text = match utf16(head) {
        Some(encoding) => encoding.decode(head).0,
        None => String::from_utf8_lossy(head),
    };
    let text = text.trim_start_matches('\u{feff}');
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The kind of UTF-16, by its byte order mark or since caption files begin with ASCII.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0xff, 0xfe, ..] | [1..=255, 0, 1..=255, 0, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] | [0, 1..=255, 0, 1..=255, ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// Decodes bytes of which those up to `odd` are UTF-8.
fn not_utf8(
    bytes: &[u8],
    odd: usize,
    language: Option<&str>,
) -> Result<(String, Option<Problem>), ReadError> {
    let line = line_of(bytes, odd);
    let problem = |encoding: &'static Encoding| {
        Some(Problem {
            line,
            kind: ProblemKind::Encoding(encoding.name()),
        })
    };
    if let Some(text) = mostly_utf8(bytes) {
        return Ok((text, problem(WINDOWS_1252)));
    }
    // The first byte beyond ASCII, which may look like UTF-8.
    let first = bytes
        .iter()
        .position(|byte| !byte.is_ascii())
        .unwrap_or(odd);
    let doubtful = || ReadError::Encoding {
        line: line_of(bytes, first),
        at: first,
        byte: bytes.get(first).copied().unwrap_or_default(),
    };
    let encoding = encoding(bytes, language).ok_or_else(doubtful)?;
    let text = text_in(encoding, bytes).ok_or_else(doubtful)?;
    Ok((text, problem(encoding)))
}

/// Counted from one.
fn line_of(bytes: &[u8], at: usize) -> usize {
    let before = bytes.get(..at).unwrap_or(bytes);
    let ends = before.iter().enumerate().filter(|&(at, &byte)| {
        byte == b'\n' || byte == b'\r' && before.get(at + 1) != Some(&b'\n')
    });
    ends.count() + 1
}

/// Decodes UTF-8 with a few odd bytes in it, which are read as Windows-1252; `None` if the bytes are
/// not mostly UTF-8.
fn mostly_utf8(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    let (mut valid, mut odd) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        odd += chunk.invalid().len();
        text.push_str(chunk.valid());
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
    }
    let has_bom = bytes.starts_with(b"\xef\xbb\xbf");
    (has_bom || valid > odd).then_some(text)
}

/// The encoding of a file in a language, if there is no doubt of it.
fn encoding(bytes: &[u8], language: Option<&str>) -> Option<&'static Encoding> {
    let tag = language.unwrap_or_default().to_ascii_lowercase();
    let primary = tag.split('-').next().unwrap_or_default();
    let mut habits = HABITS.iter();
    let habit = habits.find(|habit| habit.languages.contains(&primary));
    let domain = match habit {
        Some(_)
            if ["zh-hant", "zh-tw", "zh-hk"]
                .iter()
                .any(|zh| tag.starts_with(zh)) =>
        {
            Some("tw")
        }
        Some(Habit { domain: "", .. }) => Some(primary),
        Some(habit) => Some(habit.domain),
        None => None,
    };
    let looked_at = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let mut detector = EncodingDetector::new();
    detector.feed(looked_at, true);
    let guess = detector.guess(domain.map(str::as_bytes), false);
    let Some(habit) = habit else {
        return is_plausible(guess, bytes).then_some(guess);
    };
    if habit.encodings.contains(&guess) {
        return is_plausible(guess, bytes).then_some(guess);
    }
    // Of two encodings that give the same text it does not matter which one it is.
    let likeliest = *habit.encodings.first()?;
    let is_same = text_in(guess, bytes)? == text_in(likeliest, bytes)?;
    (is_same && is_plausible(likeliest, bytes)).then_some(likeliest)
}

/// The text; `None` if bytes in it have no meaning.
fn text_in(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}

/// Whether what bytes mean in an encoding is text: without controls, without symbols such as the
/// superior three inside of words, and without words in two scripts, as the letters of another
/// encoding become.
fn is_plausible(encoding: &'static Encoding, bytes: &[u8]) -> bool {
    let Some(text) = text_in(encoding, bytes) else {
        return false;
    };
    let characters: Vec<char> = text.chars().collect();
    let is_control = |c: &char| ('\u{7f}'..'\u{a0}').contains(c) || *c == '\0';
    let is_symbol = |c: char| ('\u{a1}'..'\u{c0}').contains(&c) && !c.is_alphabetic() && c != '·';
    let in_word = characters.windows(3).any(|three| match three {
        [before, symbol, after] => {
            before.is_alphabetic() && is_symbol(*symbol) && after.is_alphabetic()
        }
        _ => false,
    });
    !in_word && !mixes_scripts(&characters) && !characters.iter().any(is_control)
}

/// Whether letters of other scripts than Latin stand beside those of ASCII more often than a foreign
/// name with an ending explains.
fn mixes_scripts(characters: &[char]) -> bool {
    /// The last letter of the blocks of Latin (Unicode, Latin Extended-B).
    const LAST_LATIN: char = '\u{24f}';
    /// Below the scripts of East Asia, which write no spaces.
    const EAST_ASIA: char = '\u{1100}';
    let is_other = |c: char| c.is_alphabetic() && c > LAST_LATIN && c < EAST_ASIA;
    let others = characters.iter().filter(|c| is_other(**c)).count();
    let beside = |two: &&[char]| match two {
        [one, other] => {
            one.is_ascii_alphabetic() && is_other(*other)
                || is_other(*one) && other.is_ascii_alphabetic()
        }
        _ => false,
    };
    characters.windows(2).filter(beside).count() * 5 > others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_saving_gives_the_same_text() {
        let text = "WEBVTT\n\n“Übung” – 2 €\n";
        let windows = b"WEBVTT\r\n\r\n\x93\xdcbung\x94 \x96 2 \x80\r\n";
        let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(unit).collect()
        };
        let marked = format!("\u{feff}{text}");
        for (bytes, line) in [
            (text.as_bytes(), None),
            (marked.as_bytes(), None),
            (text.replace('\n', "\r").as_bytes(), None),
            (windows, Some(3)),
            (&utf16(&marked, u16::to_le_bytes), None),
            (&utf16(&marked, u16::to_be_bytes), None),
            (&utf16(text, u16::to_le_bytes), None),
            (&utf16(text, u16::to_be_bytes), None),
        ] {
            let (decoded, problem) = decode(bytes, Some("de")).expect("known");
            assert_eq!(decoded, text);
            assert_eq!(problem.map(|problem| problem.line), line);
        }
    }

    #[test]
    fn an_encoding_is_known_by_the_language() {
        for (language, encoding, text) in [
            (
                "pl",
                WINDOWS_1250,
                "Źdźbło trawy i żółta łódka, proszę państwa.",
            ),
            ("cs", ISO_8859_2, "Příliš žluťoučký kůň úpěl ďábelské ódy."),
            (
                "ru",
                WINDOWS_1251,
                "Сегодня мы поговорим о графах и деревьях.",
            ),
            ("uk", WINDOWS_1251, "Їжак і ґава живуть у лісі."),
            ("ru", KOI8_R, "Сегодня мы поговорим о графах и деревьях."),
            (
                "el",
                WINDOWS_1253,
                "Καλημέρα σας, σήμερα θα μιλήσουμε για γραφήματα.",
            ),
            (
                "tr",
                WINDOWS_1254,
                "Bugün ağaçları ve çizgeleri işleyeceğiz.",
            ),
            ("he", WINDOWS_1255, "שלום לכולם, היום נדבר על גרפים."),
            (
                "ar",
                WINDOWS_1256,
                "مرحبا بكم في درس اليوم عن الرسوم البيانية.",
            ),
            ("ja", SHIFT_JIS, "今日はグラフについて話します。"),
            ("zh", GBK, "今天我们讲图论和树。"),
            ("zh-TW", BIG5, "今天我們講圖論和樹。"),
            ("ko", EUC_KR, "오늘은 그래프에 대해 이야기하겠습니다."),
            ("fr", WINDOWS_1252, "Aujourd’hui, l’œuvre d’un élève."),
        ] {
            let file = format!("WEBVTT\n\n00:01.000 --> 00:04.000\n{text}\n");
            let (bytes, _, has_unmappable) = encoding.encode(&file);
            assert!(!has_unmappable, "{text}");
            let (decoded, problem) = decode(&bytes, Some(language)).expect(text);
            assert_eq!(decoded, file);
            assert_eq!(problem.expect("reported").line, 4);
        }
    }

    #[test]
    fn a_doubtful_encoding_is_refused_with_its_byte_and_line() {
        let russian = WINDOWS_1251.encode("WEBVTT\n\n00:01.000 --> 00:04.000\nСегодня о графах\n");
        let refused = decode(&russian.0, Some("pl")).expect_err("doubtful");
        let expected = ReadError::Encoding {
            line: 4,
            at: 32,
            byte: 0xd1,
        };
        assert_eq!(refused, expected);
        assert!(decode(b"WEBVTT\n\nwy\xb3\xb9cznie\x81\n", None).is_err());
    }

    #[test]
    fn one_odd_byte_does_not_spoil_the_rest() {
        let bytes: Vec<u8> = "日本\n".bytes().chain([0xe9]).collect();
        let (text, problem) = decode(&bytes, None).expect("known");
        assert_eq!(text, "日本\né");
        assert_eq!(problem.expect("reported").line, 2);
    }
}
