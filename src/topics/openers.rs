// SPDX-License-Identifier: MPL-2.0

//! Words that speakers open a topic with ("okay, now let's …"), and words that a sentence goes on
//! with ("and that …"). They move a boundary by a sentence or two and make none.

/// The words of a language; both lists are empty for a language that is not listed.
pub(super) struct Openers {
    open: &'static [&'static str],
    go_on: &'static [&'static str],
}

impl Openers {
    /// The words of the language with this ISO 639-1 code.
    pub fn of(code: &str) -> Self {
        let (open, go_on): (&[&str], &[&str]) = match code {
            "de" => (
                &[
                    "also",
                    "gut",
                    "heute",
                    "jetzt",
                    "kommen",
                    "nun",
                    "nächste",
                    "nächster",
                    "nächstes",
                    "ok",
                    "okay",
                    "schließlich",
                    "so",
                    "weiter",
                    "zuerst",
                    "zunächst",
                ],
                &[
                    "aber", "auch", "dann", "das", "dass", "denn", "er", "es", "oder", "sie",
                    "und", "weil",
                ],
            ),
            "en" => (
                &[
                    "alright", "another", "finally", "first", "lastly", "let", "let's", "let’s",
                    "move", "moving", "next", "now", "ok", "okay", "right", "second", "so", "talk",
                    "third", "today", "turn",
                ],
                &[
                    "also", "and", "because", "but", "he", "it", "it's", "of", "or", "she", "that",
                    "that's", "then", "they", "to", "which",
                ],
            ),
            "es" => (
                &[
                    "ahora",
                    "bien",
                    "bueno",
                    "entonces",
                    "finalmente",
                    "hoy",
                    "ok",
                    "pasemos",
                    "primero",
                    "segundo",
                    "siguiente",
                    "vamos",
                    "veamos",
                ],
                &["ella", "o", "pero", "porque", "que", "también", "y", "él"],
            ),
            "fr" => (
                &[
                    "alors",
                    "aujourd'hui",
                    "aujourd’hui",
                    "bien",
                    "bon",
                    "donc",
                    "enfin",
                    "ensuite",
                    "maintenant",
                    "ok",
                    "passons",
                    "prochain",
                    "prochaine",
                    "voilà",
                    "voyons",
                ],
                &[
                    "car", "elle", "et", "il", "ils", "mais", "ou", "parce", "qui",
                ],
            ),
            "it" => (
                &[
                    "adesso",
                    "allora",
                    "bene",
                    "finalmente",
                    "infine",
                    "oggi",
                    "ok",
                    "ora",
                    "passiamo",
                    "prossima",
                    "prossimo",
                    "quindi",
                    "vediamo",
                ],
                &["anche", "che", "e", "lei", "lui", "ma", "o", "perché"],
            ),
            "ja" => (
                &["さて", "では", "それでは", "まず", "今日", "最後", "次"],
                &["が", "しかし", "だから", "でも", "また"],
            ),
            "nl" => (
                &[
                    "dus",
                    "eerst",
                    "goed",
                    "laten",
                    "nu",
                    "ok",
                    "oké",
                    "tenslotte",
                    "vandaag",
                    "volgende",
                ],
                &[
                    "dat", "die", "en", "het", "hij", "maar", "of", "ook", "want", "zij",
                ],
            ),
            "pt" => (
                &[
                    "agora",
                    "bem",
                    "bom",
                    "então",
                    "finalmente",
                    "hoje",
                    "ok",
                    "primeiro",
                    "próxima",
                    "próximo",
                    "vamos",
                ],
                &["e", "ela", "ele", "mas", "ou", "porque", "que", "também"],
            ),
            "ru" => (
                &[
                    "давайте",
                    "итак",
                    "наконец",
                    "сегодня",
                    "следующая",
                    "следующий",
                    "так",
                    "теперь",
                    "хорошо",
                ],
                &["а", "и", "или", "но", "он", "она", "потому", "что", "это"],
            ),
            "zh" => (
                &[
                    "下面",
                    "今天",
                    "好",
                    "好的",
                    "接下来",
                    "最后",
                    "现在",
                    "那么",
                    "首先",
                ],
                &["也", "但是", "因为", "所以", "而且"],
            ),
            _ => (&[], &[]),
        };
        Openers { open, go_on }
    }

    /// Log odds of a sentence's first words, in lower case: what opens adds up, what goes on
    /// counts against.
    pub fn weight(&self, words: &[String]) -> f64 {
        /// Openers stand at the very start.
        const FIRST: usize = 5;
        /// A third one says nothing new.
        const MOST: f64 = 2.0;
        let holds = |list: &[&str], word: &String| list.contains(&word.as_str());
        let opening = words
            .iter()
            .take(FIRST)
            .filter(|word| holds(self.open, word));
        let going_on = words.first().is_some_and(|word| holds(self.go_on, word));
        (opening.count() as f64 - f64::from(u8::from(going_on))).min(MOST)
    }

    /// Whether the word is one of either kind.
    pub fn holds(&self, word: &str) -> bool {
        self.open.contains(&word) || self.go_on.contains(&word)
    }
}
