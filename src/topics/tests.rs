// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;

fn sentences(texts: &[&str]) -> Vec<Sentence> {
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let start = Time::from_secs(8 * index as u64);
            Sentence {
                span: Some(Span::new(start, start.saturating_add(Time::from_secs(8)))),
                text: (*text).to_owned(),
            }
        })
        .collect()
}

/// Two topics of a few sentences each, said over in changing order as a lecture does.
fn lecture(first: &[&str], second: &[&str]) -> Vec<Sentence> {
    let mut texts = Vec::new();
    for topic in [first, second] {
        for round in 0..6 {
            for index in 0..topic.len() {
                texts.push(topic[(index * 3 + round) % topic.len()]);
            }
        }
    }
    sentences(&texts)
}

/// The boundary is found within a sentence or two, and the titles hold the topic's words.
fn check(first: &[&str], second: &[&str], words: [&[&str]; 2], language: Option<&str>) {
    let said = lecture(first, second);
    let options = Options {
        language: language.map(str::to_owned),
        ..Options::default()
    };
    let found = segment(&said, &options);
    let middle = said.len() / 2;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].sentence.abs_diff(middle) <= 2, "{found:?}");
    assert!(found[0].confidence > 0.8, "{found:?}");
    assert_eq!(found[0].time, said[found[0].sentence].span.map(|s| s.start));
    let named = titles(&said, &[0..middle, middle..said.len()], language);
    for (title, words) in named.iter().zip(words) {
        let title = title.as_deref().expect("a title").to_lowercase();
        assert!(words.iter().any(|word| title.contains(word)), "{title}");
    }
}

const PLANTS: [&str; 7] = [
    "Plants catch sunlight with chlorophyll in their leaves.",
    "The chlorophyll turns sunlight into sugar for the plant.",
    "A leaf takes carbon dioxide through small openings.",
    "Sugar from the leaves feeds the roots of the plant.",
    "Without sunlight the leaf makes no sugar and no oxygen.",
    "Green leaves give oxygen while they bind carbon dioxide.",
    "Roots bring water, and water is split by chlorophyll.",
];
const VOLCANOES: [&str; 7] = [
    "A volcano erupts when magma rises through the crust.",
    "Under the volcano the magma chamber fills for centuries.",
    "Lava is magma that reached the surface of the crust.",
    "The eruption throws ash and lava over the slopes.",
    "Ash from an eruption darkens the sky around a volcano.",
    "Gas in the magma chamber drives the eruption.",
    "Slopes of lava and ash make the cone of the volcano.",
];

#[test]
fn two_topics_in_english() {
    check(
        &PLANTS,
        &VOLCANOES,
        [
            &["leaves", "leaf", "sunlight", "chlorophyll", "sugar"],
            &["volcano", "magma", "lava", "eruption", "ash"],
        ],
        None,
    );
}

#[test]
fn two_topics_in_chinese() {
    check(
        &[
            "植物的叶子通过叶绿素吸收阳光。",
            "叶绿素把阳光变成植物需要的糖分。",
            "叶子从空气里吸收二氧化碳并放出氧气。",
            "光合作用需要水分、阳光和二氧化碳。",
            "没有阳光，叶子就不能进行光合作用。",
            "光合作用产生的氧气来自水分。",
            "植物的根部吸收水分供给叶子。",
        ],
        &[
            "火山喷发的时候岩浆从地壳里升上来。",
            "火山下面的岩浆房里充满了气体。",
            "岩浆流出地壳以后叫做熔岩。",
            "火山喷发会把火山灰带到很高的地方。",
            "熔岩和火山灰堆成了山坡。",
            "岩浆里的气体推动火山喷发。",
            "地壳的裂缝里流出很多熔岩。",
        ],
        [
            &["叶", "光合", "阳光", "氧"],
            &["火山", "岩浆", "熔岩", "喷发"],
        ],
        Some("zh-Hans"),
    );
}

#[test]
fn two_topics_in_japanese_by_what_it_looks_like() {
    check(
        &[
            "植物の葉は葉緑素で光を吸収します。",
            "葉緑素は光から糖を作ります。",
            "葉は二酸化炭素を吸収して酸素を出します。",
            "光合成には水と光と二酸化炭素が必要です。",
            "光がないと葉は光合成ができません。",
            "光合成で出る酸素は水から生まれます。",
            "植物の根は水を吸収して葉に送ります。",
        ],
        &[
            "火山が噴火するとマグマが地殻を上がります。",
            "火山の下のマグマだまりにはガスがあります。",
            "マグマが地表に出ると溶岩になります。",
            "噴火で火山灰が空に広がります。",
            "溶岩と火山灰が山の斜面を作ります。",
            "マグマのガスが噴火を起こします。",
            "地殻の割れ目から溶岩が流れます。",
        ],
        [
            &["葉", "光", "酸素", "吸収"],
            &["火山", "マグマ", "溶岩", "噴火"],
        ],
        None,
    );
}

#[test]
fn two_topics_in_thai() {
    check(
        &[
            "ใบไม้ของพืชดูดซับแสงแดดด้วยคลอโรฟิลล์",
            "คลอโรฟิลล์เปลี่ยนแสงแดดเป็นน้ำตาลของพืช",
            "ใบไม้ดูดซับคาร์บอนไดออกไซด์และปล่อยออกซิเจน",
            "พืชต้องการแสงแดดและน้ำ",
            "ถ้าไม่มีแสงแดดใบไม้จะไม่สร้างน้ำตาล",
            "ออกซิเจนมาจากใบไม้ของพืช",
            "รากของพืชดูดซับน้ำ",
        ],
        &[
            "ภูเขาไฟระเบิดเมื่อแมกมาขึ้นมาจากเปลือกโลก",
            "ใต้ภูเขาไฟมีแมกมาและก๊าซ",
            "แมกมาที่ออกมาจากเปลือกโลกเรียกว่าลาวา",
            "ภูเขาไฟระเบิดพ่นเถ้าและลาวา",
            "เถ้าและลาวาทำให้เกิดภูเขาไฟ",
            "ก๊าซในแมกมาทำให้ภูเขาไฟระเบิด",
            "ลาวาไหลจากเปลือกโลก",
        ],
        [
            &["ใบไม้", "แสงแดด", "พืช", "ดูด"],
            &["ภูเขาไฟ", "แมกมา", "ลาวา", "ระเบิด"],
        ],
        Some("th"),
    );
}

#[test]
fn two_topics_from_right_to_left() {
    check(
        &[
            "أوراق النبات تمتص ضوء الشمس",
            "الكلوروفيل يحول ضوء الشمس إلى سكر",
            "الأوراق تمتص ثاني أكسيد الكربون",
            "النبات يحتاج إلى الماء وضوء الشمس",
            "الجذور تمتص الماء من التربة",
            "السكر يغذي جذور النبات",
            "ضوء الشمس يصل إلى أوراق النبات",
        ],
        &[
            "البركان يثور عندما تصعد الصهارة",
            "الصهارة تحت البركان فيها غازات",
            "الحمم تخرج من قشرة الأرض",
            "رماد البركان يغطي السماء",
            "الحمم والرماد يصنعان جبل البركان",
            "الغازات في الصهارة تسبب ثوران البركان",
            "قشرة الأرض فوق الصهارة رقيقة",
        ],
        [
            &["ضوء", "النبات", "الشمس"],
            &["البركان", "الصهارة", "الحمم"],
        ],
        Some("ar"),
    );
}

#[test]
fn one_topic_has_no_boundary() {
    let texts: Vec<&str> = (0..80)
        .map(|index| PLANTS[index * 3 % PLANTS.len()])
        .collect();
    assert_eq!(segment(&sentences(&texts), &Options::default()), []);
}

#[test]
fn too_little_text_has_no_boundary() {
    let options = Options::default();
    assert_eq!(segment(&[], &options), []);
    assert_eq!(segment(&sentences(&["One sentence."]), &options), []);
    assert_eq!(segment(&sentences(&["", "…", " "]), &options), []);
    assert_eq!(
        segment(&sentences(&[PLANTS[0], VOLCANOES[0]]), &options),
        []
    );
}

#[test]
fn a_known_number_of_topics_is_kept() {
    let said = lecture(&PLANTS, &VOLCANOES);
    for topics in [0, 1, 2, 5, said.len(), said.len() + 9] {
        let options = Options {
            topics: Some(topics),
            ..Options::default()
        };
        let found = segment(&said, &options);
        assert_eq!(found.len() + 1, topics.clamp(1, said.len()));
    }
}

#[test]
fn a_long_transcript_is_joined_and_its_boundary_found() {
    let topic = |words: &[&'static str]| -> Vec<&'static str> {
        (0..2500)
            .map(|index| words[index * 3 % words.len()])
            .collect()
    };
    let texts = [topic(&PLANTS), topic(&VOLCANOES)].concat();
    let found = segment(&sentences(&texts), &Options::default());
    assert_eq!(found.len(), 1);
    assert!(found[0].sentence.abs_diff(2500) <= 5, "{found:?}");
}

#[test]
fn titles_of_chapters_without_words_are_left_to_a_person() {
    let said = sentences(&["Um, okay, so.", "Yeah.", "So this is it, right?"]);
    assert_eq!(
        titles(&said, &[0..1, 1..3, 3..3, 7..9], Some("en")),
        [None, None, None, None]
    );
}

#[test]
fn titles_end_with_no_word_of_grammar_and_keep_names_as_written() {
    let said = lecture(
        &[
            "Now let's talk about the conservation of energy.",
            "The conservation of energy was shown by Joule.",
            "In the experiment of Joule the energy became heat.",
        ],
        &VOLCANOES,
    );
    let middle = 18;
    let named = titles(&said, &[0..middle, middle..said.len()], None);
    assert_eq!(named[0].as_deref(), Some("Conservation of energy"));
}

#[test]
fn titles_neither_begin_nor_end_with_a_verb() {
    let said = sentences(&[
        "To hear the next message press 6.",
        "To repeat this message press 5.",
        "To hear the previous message press 4.",
        "Please press star, or press the pound key.",
        "The pound key ends your message.",
    ]);
    let whole = 0..said.len();
    let named = titles(&said, std::slice::from_ref(&whole), Some("en"));
    assert_eq!(named[0].as_deref(), Some("Pound key"));
}

proptest! {
    #[test]
    fn boundaries_are_sorted_within_and_the_same_again(
        texts in prop::collection::vec("[a-d ]{0,12}|\\PC{0,12}|okay so [e-h]{3} [e-h]{3}", 0..40),
        topics in prop::option::of(0usize..50),
        sensitivity in -1.0f64..2.0,
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let said = sentences(&texts);
        let options = Options { language: None, sensitivity, topics };
        let found = segment(&said, &options);
        prop_assert!(found.windows(2).all(|pair| pair[0].sentence < pair[1].sentence));
        prop_assert!(found.iter().all(|b| b.sentence > 0 && b.sentence < said.len()));
        prop_assert!(found.iter().all(|b| (0.0..=1.0).contains(&b.confidence)));
        prop_assert_eq!(&found, &segment(&said, &options));
        let mut edges = vec![0];
        edges.extend(found.iter().map(|b| b.sentence));
        edges.push(said.len());
        let ranges: Vec<_> = edges.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let named = titles(&said, &ranges, None);
        prop_assert_eq!(named.len(), ranges.len());
        let given: Vec<&String> = named.iter().flatten().collect();
        prop_assert!(given.iter().all(|t| !t.trim().is_empty() && t.chars().count() <= MAX_TITLE));
        for (index, title) in given.iter().enumerate() {
            prop_assert!(!given[..index].contains(title));
        }
        prop_assert_eq!(&named, &titles(&said, &ranges, None));
    }
}
