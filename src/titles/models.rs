// SPDX-License-Identifier: MPL-2.0

//! Names of Tesseract's models, which follow ISO 639-2 with exceptions.

/// Models by language subtag (BCP 47). The names are those of tesseract-ocr's tessdata_fast.
const MODELS: [(&str, &str); 62] = [
    ("af", "afr"),
    ("ar", "ara"),
    ("az", "aze"),
    ("be", "bel"),
    ("bg", "bul"),
    ("bn", "ben"),
    ("bs", "bos"),
    ("ca", "cat"),
    ("cs", "ces"),
    ("cy", "cym"),
    ("da", "dan"),
    ("de", "deu"),
    ("el", "ell"),
    ("en", "eng"),
    ("eo", "epo"),
    ("es", "spa"),
    ("et", "est"),
    ("eu", "eus"),
    ("fa", "fas"),
    ("fi", "fin"),
    ("fil", "fil"),
    ("fr", "fra"),
    ("ga", "gle"),
    ("gl", "glg"),
    ("gu", "guj"),
    ("he", "heb"),
    ("hi", "hin"),
    ("hr", "hrv"),
    ("hu", "hun"),
    ("hy", "hye"),
    ("id", "ind"),
    ("is", "isl"),
    ("it", "ita"),
    ("ja", "jpn"),
    ("ka", "kat"),
    ("kk", "kaz"),
    ("ko", "kor"),
    ("lt", "lit"),
    ("lv", "lav"),
    ("mk", "mkd"),
    ("mr", "mar"),
    ("ms", "msa"),
    ("nb", "nor"),
    ("nl", "nld"),
    ("nn", "nor"),
    ("no", "nor"),
    ("pl", "pol"),
    ("pt", "por"),
    ("ro", "ron"),
    ("ru", "rus"),
    ("sk", "slk"),
    ("sl", "slv"),
    ("sq", "sqi"),
    ("sv", "swe"),
    ("sw", "swa"),
    ("ta", "tam"),
    ("te", "tel"),
    ("th", "tha"),
    ("tr", "tur"),
    ("uk", "ukr"),
    ("ur", "urd"),
    ("vi", "vie"),
];

/// Models that read no Latin letters, which slides of their languages contain.
const WITHOUT_LATIN: [&str; 24] = [
    "ara", "bel", "ben", "bul", "ell", "fas", "guj", "heb", "hin", "hye", "kat", "kaz", "mar",
    "mkd", "rus", "srp", "tam", "tel", "tha", "ukr", "urd", "uzb_cyrl", "mon", "kir",
];

/// Returns whether a model reads no Latin letters.
pub fn lacks_latin(model: &str) -> bool {
    WITHOUT_LATIN.contains(&model)
}

/// Returns the names of the models for a language, given as a BCP 47 tag, the best one first. It is
/// empty for a language without one.
pub fn models(tag: &str) -> Vec<&'static str> {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default().to_ascii_lowercase();
    let has = |wanted: &str| parts.clone().any(|part| part.eq_ignore_ascii_case(wanted));
    match language.as_str() {
        "zh" | "cmn" if has("Hant") || has("TW") || has("HK") || has("MO") => {
            vec!["chi_tra", "chi_sim"]
        }
        "yue" => vec!["chi_tra", "chi_sim"],
        "zh" | "cmn" => vec!["chi_sim", "chi_tra"],
        "sr" if has("Latn") => vec!["srp_latn", "srp"],
        "sr" => vec!["srp", "srp_latn"],
        "uz" if has("Cyrl") => vec!["uzb_cyrl", "uzb"],
        "uz" => vec!["uzb", "uzb_cyrl"],
        "iw" => vec!["heb"],
        "in" => vec!["ind"],
        language => {
            let found = MODELS.binary_search_by(|(subtag, _)| (*subtag).cmp(language));
            found
                .ok()
                .map(|index| MODELS[index].1)
                .into_iter()
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_their_models() {
        assert!(MODELS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(models("en-GB"), ["eng"]);
        assert_eq!(models("de"), ["deu"]);
        assert_eq!(models("iw"), ["heb"]);
        assert_eq!(models("zh-Hant-HK"), ["chi_tra", "chi_sim"]);
        assert_eq!(models("zh-CN"), ["chi_sim", "chi_tra"]);
        assert_eq!(models("sr-Latn"), ["srp_latn", "srp"]);
        assert!(models("tlh").is_empty() && models("").is_empty());
    }
}
