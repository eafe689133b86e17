// SPDX-License-Identifier: MPL-2.0

//! Language tags (BCP 47, RFC 5646): canonical spelling, the language's own name, direction.

use isolang::Language;

/// Tag of an unknown language (ISO 639-2).
pub const UNDETERMINED: &str = "und";

/// Scripts that are written from right to left (Unicode bidirectional class R or AL), by ISO 15924.
const RIGHT_TO_LEFT_SCRIPTS: [&str; 10] = [
    "Adlm", "Arab", "Aran", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa",
];

/// Languages whose tag omits such a script (Suppress-Script of the IANA registry, else CLDR's
/// likely subtags).
const RIGHT_TO_LEFT: [&str; 18] = [
    "ar", "arc", "arz", "ckb", "dv", "fa", "he", "iw", "ks", "nqo", "ps", "sd", "syr", "ug", "ur",
    "yi", "ji", "azb",
];

/// Language subtags that are not in ISO 639-3: codes that were replaced, and groups of languages.
const MORE: [&str; 13] = [
    "bh", "in", "iw", "ji", "jw", "mo", "sh", "ber", "mis", "mul", "nah", "und", "zxx",
];

/// Names that depend on more than the language.
const VARIANT_NAMES: [(&str, &str); 6] = [
    ("zh-Hans", "简体中文"),
    ("zh-Hant", "繁體中文"),
    ("zh-CN", "简体中文"),
    ("zh-TW", "繁體中文"),
    ("sr-Latn", "Srpski (latinica)"),
    ("pt-BR", "Português (Brasil)"),
];

/// Returns the canonical spelling of a tag (RFC 5646 section 2.1.1): `EN-gb` becomes `en-GB`.
/// Returns `None` if it is not a tag.
pub fn tag(text: &str) -> Option<String> {
    let mut after_singleton = false;
    let mut parts = Vec::new();
    for (index, part) in text.split('-').enumerate() {
        let is_word = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_part = match index {
            0 => is_word && (2..=8).contains(&part.len()),
            _ => (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()),
        };
        if !is_part {
            return None;
        }
        let mut part = part.to_ascii_lowercase();
        if index > 0 && !after_singleton && is_word {
            match part.len() {
                2 => part.make_ascii_uppercase(),
                4 => part[..1].make_ascii_uppercase(),
                _ => {}
            }
        }
        after_singleton |= part.len() == 1;
        parts.push(part);
    }
    Some(parts.join("-"))
}

/// Like [`tag`], for a language that has a code: returns `None` for `english`.
pub fn known(text: &str) -> Option<String> {
    tag(text).filter(|tag| {
        let language = first(tag);
        // From qaa on they are for private use.
        let is_private = language.len() == 3 && language.starts_with('q');
        is_private || MORE.contains(&language) || of_code(language).is_some()
    })
}

/// Codes of ISO 639-2/B, which containers name languages by, and those of ISO 639-3 for them.
const BIBLIOGRAPHIC: [(&str, &str); 20] = [
    ("alb", "sqi"),
    ("arm", "hye"),
    ("baq", "eus"),
    ("bur", "mya"),
    ("chi", "zho"),
    ("cze", "ces"),
    ("dut", "nld"),
    ("fre", "fra"),
    ("geo", "kat"),
    ("ger", "deu"),
    ("gre", "ell"),
    ("ice", "isl"),
    ("mac", "mkd"),
    ("mao", "mri"),
    ("may", "msa"),
    ("per", "fas"),
    ("rum", "ron"),
    ("slo", "slk"),
    ("tib", "bod"),
    ("wel", "cym"),
];

/// Like [`known`], for a tag as containers write it; its language gets its shortest code: `de` for
/// `ger` and `deu`.
pub fn shortest(text: &str) -> Option<String> {
    let tag = tag(text)?;
    let (language, rest) = tag.split_at(first(&tag).len());
    let mut codes = BIBLIOGRAPHIC.iter();
    let code = codes.find(|(code, _)| *code == language);
    let language = code.map_or(language, |(_, code)| code);
    let short = of_code(language).and_then(|found| found.to_639_1());
    known(&format!("{}{rest}", short.unwrap_or(language)))
}

/// Returns the code of a language by its name, in English or in the language itself: `en` for
/// `english`.
pub fn code(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let capital = capitalised(&name);
    let found = Language::from_name(&capital)
        .or_else(|| Language::from_autonym(&name))
        .or_else(|| Language::from_autonym(&capital))?;
    Some(found.to_639_1().unwrap_or(found.to_639_3()))
}

/// Returns whether two tags are of the same language, in any script and region, such as `en`,
/// `en-GB` and `eng`.
pub fn is_same(one: &str, other: &str) -> bool {
    let of = |tag: &str| {
        let language = first(tag).to_ascii_lowercase();
        let short = of_code(&language).and_then(|found| found.to_639_1());
        short.map_or(language, str::to_owned)
    };
    of(one) == of(other)
}

/// Returns the language of a tag, without its script and region.
fn first(tag: &str) -> &str {
    tag.split_once('-').map_or(tag, |(language, _)| language)
}

fn of_code(language: &str) -> Option<Language> {
    match language.len() {
        2 => Language::from_639_1(language),
        _ => Language::from_639_3(language),
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let capital = letters.next().into_iter().flat_map(char::to_uppercase);
    capital.chain(letters).collect()
}

/// Returns the name of a language in the language itself, such as `Deutsch` or `English (GB)`. A
/// tag without a name is returned as it is.
pub fn name(tag: &str) -> String {
    let known = VARIANT_NAMES.iter().find(|(variant, _)| *variant == tag);
    if let Some((_, name)) = known {
        return (*name).to_owned();
    }
    let (language, rest) = tag.split_once('-').unwrap_or((tag, ""));
    let name = of_code(language).and_then(|found| found.to_autonym());
    let Some(name) = name.filter(|name| *name != language) else {
        return tag.to_owned();
    };
    let name = capitalised(name);
    match rest {
        "" => name,
        rest => format!("{name} ({rest})"),
    }
}

/// Returns whether a language is written from right to left.
pub fn is_right_to_left(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    match parts.find(|part| part.len() == 4 && part.starts_with(|c: char| c.is_ascii_alphabetic()))
    {
        Some(script) => RIGHT_TO_LEFT_SCRIPTS.contains(&script),
        None => RIGHT_TO_LEFT.contains(&language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_of_containers_get_their_shortest_code() {
        for (text, expected) in [
            ("ger", Some("de")),
            ("deu", Some("de")),
            ("eng", Some("en")),
            ("pt-br", Some("pt-BR")),
            ("chi", Some("zh")),
            ("und", Some("und")),
            ("grc", Some("grc")),
            ("xyz1", None),
        ] {
            assert_eq!(shortest(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_tag_has_one_spelling() {
        for (written, spelled) in [
            ("EN", Some("en")),
            ("en-gb", Some("en-GB")),
            ("ZH-hANT-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("de-x-AB", Some("de-x-ab")),
            ("sl-ROZAJ-1994", Some("sl-rozaj-1994")),
            ("", None),
            ("e", None),
            ("en_GB", None),
            ("en-", None),
            ("en.bak", None),
            ("../en", None),
        ] {
            assert_eq!(tag(written).as_deref(), spelled, "{written}");
        }
    }

    #[test]
    fn a_language_has_a_code() {
        for tag in [
            "en",
            "pt-BR",
            "eng",
            "yue",
            "ber",
            "iw",
            "qaa",
            "und",
            "zh-Hant-TW",
        ] {
            assert_eq!(known(tag).as_deref(), Some(tag));
        }
        for (name, expected) in [
            ("english", Some("en")),
            ("Deutsch", Some("de")),
            ("SWAHILI", None),
            ("Cantonese", None),
            ("ger", None),
            ("qx", None),
            ("draft", None),
        ] {
            assert_eq!(known(name), None, "{name}");
            if expected.is_some() {
                assert_eq!(code(name), expected);
            }
        }
    }

    #[test]
    fn a_language_is_the_same_in_every_region() {
        for other in ["en", "EN", "en-GB", "eng", "en-Latn-US"] {
            assert!(is_same("en-US", other), "{other}");
        }
        for other in ["de", "und", "enm"] {
            assert!(!is_same("en", other), "{other}");
        }
    }

    #[test]
    fn a_language_has_its_own_name() {
        for (tag, expected) in [
            ("en", "English"),
            ("de", "Deutsch"),
            ("fr-CA", "Français (CA)"),
            ("ar", "العربية"),
            ("ja", "日本語"),
            ("pt-BR", "Português (Brasil)"),
            ("zh-Hant", "繁體中文"),
            ("qaa", "qaa"),
            ("und", "und"),
        ] {
            assert_eq!(name(tag), expected, "{tag}");
        }
    }

    #[test]
    fn the_direction_is_that_of_the_script() {
        for tag in ["ar", "he", "fa-AF", "ur", "az-Arab", "dv"] {
            assert!(is_right_to_left(tag), "{tag}");
        }
        for tag in ["en", "ja", "ur-Latn", "hi", "de-1996"] {
            assert!(!is_right_to_left(tag), "{tag}");
        }
    }
}
