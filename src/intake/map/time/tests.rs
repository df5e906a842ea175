use super::*;

fn source(formats: &[&str], ambiguous: Ambiguous) -> Source {
    let formats: Vec<String> = formats.iter().map(|format| (*format).to_owned()).collect();
    let format = (!formats.is_empty()).then_some(OneOrMore::More(formats));
    Source { format, ambiguous: Some(ambiguous), ..Source::default() }
}

fn times(formats: &[&str], zone: Option<&str>) -> Times {
    Times::new(&source(formats, Ambiguous::Refuse), zone).unwrap_or_else(|error| panic!("{formats:?}: {error}"))
}

fn refused(formats: &[&str], zone: Option<&str>) -> String {
    Times::new(&source(formats, Ambiguous::Refuse), zone).expect_err(&format!("{formats:?}"))
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
}

fn read(utc: &str, is_day: bool) -> Result<ReadTime, RejectCode> {
    Ok(ReadTime { at: at(utc), is_day })
}

const NO: Result<ReadTime, RejectCode> = Err(RejectCode::InvalidTime);

#[test]
fn times_are_read_with_an_offset_or_in_the_zone() {
    let standard = times(&[], Some("Europe/Tallinn"));
    for (text, utc, is_day) in [
        ("2020-03-10T14:22:51Z", "2020-03-10T14:22:51Z", false),
        ("2020-03-10T14:22:51+08:00", "2020-03-10T06:22:51Z", false),
        ("2020-03-10T14:22:51", "2020-03-10T12:22:51Z", false),
        ("2020-03-10 14:22", "2020-03-10T12:22:00Z", false),
        ("2020-03-10", "2020-03-09T22:00:00Z", true),
        ("20200310", "2020-03-09T22:00:00Z", true),
        ("2020-03-10T00:00:00", "2020-03-09T22:00:00Z", false),
        ("20200310T000000", "2020-03-09T22:00:00Z", false),
        ("2020-03-29T00:00:00", "2020-03-28T22:00:00Z", false),
        ("2020-03-30T00:00:00", "2020-03-29T21:00:00Z", false),
    ] {
        assert_eq!(standard.read(text), read(utc, is_day), "{text}");
    }
}

#[test]
fn a_zone_in_the_cell_counts_or_refuses_whatever_the_maps_zone() {
    let standard = times(&[], Some("Asia/Shanghai"));
    let named = times(&["%Y-%m-%d %H:%M:%S %Q"], Some("Asia/Shanghai"));
    for (standard_text, named_text, utc) in [
        ("2026-11-28T20:00:00[UTC]", "2026-11-28 20:00:00 UTC", "2026-11-28T20:00:00Z"),
        ("2026-11-28T20:00:00[Europe/London]", "2026-11-28 20:00:00 Europe/London", "2026-11-28T20:00:00Z"),
        ("2026-11-28T20:00:00[Asia/Shanghai]", "2026-11-28 20:00:00 Asia/Shanghai", "2026-11-28T12:00:00Z"),
        ("2026-11-28T20:00:00+01:00[Europe/Rome]", "2026-11-28 20:00:00 +0100", "2026-11-28T19:00:00Z"),
        ("2026-11-28T20:00:00-05:00", "2026-11-28 20:00:00 -05:00", "2026-11-29T01:00:00Z"),
    ] {
        assert_eq!(standard.read(standard_text), read(utc, false), "{standard_text}");
        assert_eq!(named.read(named_text), read(utc, false), "{named_text}");
    }
    for text in [
        "2026-11-28T20:00:00+02:00[Europe/Rome]",
        "2026-11-28T20:00:00[Mars/Olympus]",
        "2026-03-29T02:30:00[Europe/Rome]",
        "2026-11-28T20:00:00 CST",
    ] {
        assert_eq!(standard.read(text), NO, "{text}");
    }
    for text in ["2026-11-28 20:00:00 CST", "2026-11-28 20:00:00 Mars/Olympus", "2026-11-28 20:00:00"] {
        assert_eq!(named.read(text), NO, "{text}");
    }
    // A day in another zone is that zone's day.
    assert_eq!(standard.read("2026-11-28[Europe/Rome]"), read("2026-11-27T23:00:00Z", true));
    let no_zone = times(&["%Y-%m-%d %H:%M:%S %Q"], None);
    assert_eq!(no_zone.read("2026-11-28 20:00:00 UTC"), read("2026-11-28T20:00:00Z", false));
}

#[test]
fn a_zone_that_a_format_spells_out_counts_or_refuses_the_map() {
    for format in ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S (GMT)"] {
        let text = format.replace("%Y", "2026").replace("%m", "11").replace("%d", "28");
        let text = text.replace("%H", "20").replace("%M", "00").replace("%S", "00");
        assert_eq!(times(&[format], None).read(&text), read("2026-11-28T20:00:00Z", false), "{format}");
        let in_file = times(&[format], Some("Asia/Shanghai"));
        assert_eq!(in_file.read(&text), read("2026-11-28T20:00:00Z", false), "{format}");
    }
    for (format, says) in [
        ("%Y-%m-%d %H:%M:%S CST", "spells `CST` out"),
        ("%Y-%m-%dT%H:%M:%S[Asia/Shanghai]", "spells `Asia/Shanghai` out"),
        ("%Y-%m-%dT%H:%M:%S+08:00", "spells an offset out"),
        ("%Y-%m-%dT%H:%M:%S%z UTC", "names the zone twice"),
    ] {
        let error = refused(&[format], Some("Asia/Shanghai"));
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn times_are_read_by_a_format() {
    let german = times(&["%d.%m.%Y %H:%M"], Some("Europe/Berlin"));
    assert_eq!(german.read("01.02.2021 03:04"), read("2021-02-01T02:04:00Z", false));
    let day = times(&["%d/%m/%Y"], Some("Asia/Shanghai"));
    assert_eq!(day.read("11/11/2022"), read("2022-11-10T16:00:00Z", true));
    let offset = times(&["%Y%m%d%H%M%S%z"], None);
    for text in ["20221111080000+0800", "20221111080000+08:00", "20221111000000Z"] {
        assert_eq!(offset.read(text), read("2022-11-11T00:00:00Z", false), "{text}");
    }
    for text in ["2022-11-11", "31/02/2022", "11/11/2022 ", ""] {
        assert_eq!(day.read(text), NO, "{text}");
    }
    for (format, text, utc) in [
        ("%Y年%m月%d日 %H:%M", "2026年11月28日 08:30", "2026-11-28T00:30:00Z"),
        ("%Y年%m月%d日 %H时%M分", "2026年1月8日 8时05分", "2026-01-08T00:05:00Z"),
        ("%d-%b-%Y %I:%M %p", "28-Nov-2026 8:30 PM", "2026-11-28T12:30:00Z"),
        ("%d-%b-%Y %I:%M %p", "28-nov-2026 12:00 am", "2026-11-27T16:00:00Z"),
        ("%B %e, %Y %k:%M", "November  8, 2026  8:30", "2026-11-08T00:30:00Z"),
        ("%a, %d %b %Y %T", "Sat, 28 Nov 2026 08:30:15", "2026-11-28T00:30:15Z"),
        ("%Y%m%d%H%M%S%3f", "20261128083015250", "2026-11-28T00:30:15.25Z"),
        ("%Y-%m-%d %H:%M:%S%.f", "2026-11-28 08:30:15", "2026-11-28T00:30:15Z"),
        ("%Y-%m-%d %H:%M:%S%.f", "2026-11-28 08:30:15.123456", "2026-11-28T00:30:15.123456Z"),
        ("%H:%M %d/%m/%Y", "8:30 28/11/2026", "2026-11-28T00:30:00Z"),
        ("%m/%d/%Y %H:%M %p", "11/28/2026 14:30 PM", "2026-11-28T06:30:00Z"),
    ] {
        assert_eq!(times(&[format], Some("Asia/Shanghai")).read(text), read(utc, false), "{format} {text}");
    }
    assert_eq!(times(&["%d%b%Y"], Some("Asia/Shanghai")).read("8Nov2026"), read("2026-11-07T16:00:00Z", true));
    assert_eq!(times(&["%Y-%j"], Some("Asia/Shanghai")).read("2026-332"), read("2026-11-27T16:00:00Z", true));
    assert_eq!(times(&["%G-W%V-%u"], Some("Asia/Shanghai")).read("2026-W48-6"), read("2026-11-27T16:00:00Z", true));
}

#[test]
fn a_field_takes_as_many_digits_as_it_has() {
    for (format, good, bad) in [
        (
            "%d/%m/%Y",
            &["28/11/2026", "1/2/2026", "01/02/2026"][..],
            &[
                "28/11/26",
                "28/11/026",
                "28/11/12026",
                "028/11/2026",
                "28/011/2026",
                "28/11/-026",
                "/11/2026",
                "28/11/2026x",
                "28 /11/2026",
            ][..],
        ),
        ("%0d/%0m/%Y", &["01/02/2026"], &["1/2/2026", "01/2/2026"]),
        ("%Y%m%d", &["20261128"], &["2026118", "202611", "261128", "202611280", "2026 128"]),
        ("%Y%m%d%H%M", &["202611280830"], &["20261128830", "2026112883", "20261128", "2026112808300", "20261128 830"]),
        ("%Y%m%d %H%M", &["20261128 0830"], &["20261128 830", "202611280830", "20261128 08300"]),
        (
            "%Y-%m-%d %H:%M",
            &["2026-11-28 08:30", "2026-1-8 8:30"],
            &["2026-11-28 8:3", "2026-11-2808:30", "2026-11-28 008:30", "26-11-28 08:30"],
        ),
        ("%d.%m.%Y %H:%M:%S", &["8.1.2026 8:30:05"], &["8.1.2026 8:30:5", "8.1.2026 8:3:05", "8.1.2026 08:30:60"]),
        (
            "%Y-%m-%d %I:%M%p",
            &["2026-11-28 8:30PM", "2026-11-28 08:30am"],
            &["2026-11-28 13:30PM", "2026-11-28 0:30AM", "2026-11-28 8:30"],
        ),
        ("%m/%d/%Y %H:%M %p", &["11/28/2026 14:30 PM"], &["11/28/2026 02:30 PM", "11/28/2026 14:30 AM"]),
        ("%Y-%j", &["2026-032"], &["2026-32", "2026-366"]),
        ("%a %d %b %Y", &["Sat 28 Nov 2026"], &["Sun 28 Nov 2026", "Sat 28 No 2026", "Sat28Nov2026"]),
    ] {
        let times = times(&[format], Some("Asia/Shanghai"));
        for text in good {
            assert!(times.read(text).is_ok(), "{format} {text}");
        }
        for text in bad {
            assert_eq!(times.read(text), NO, "{format} {text}");
        }
    }
}

#[test]
fn of_several_formats_just_one_fits_each_with_its_own_precision() {
    let list = ["%Y%m%d%H%M%S%z", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d"];
    for times in [times(&list, Some("Asia/Shanghai")), times(&["hl7"], Some("Asia/Shanghai"))] {
        assert_eq!(times.read("20261128"), read("2026-11-27T16:00:00Z", true));
        assert_eq!(times.read("202611280830"), read("2026-11-28T00:30:00Z", false));
        assert_eq!(times.read("20261128083015"), read("2026-11-28T00:30:15Z", false));
        assert_eq!(times.read("20261128083015-0500"), read("2026-11-28T13:30:15Z", false));
        for text in ["2026112808", "202611", "2026", "2026112", "20261128083", "2026112808301", "261128083015"] {
            assert_eq!(times.read(text), NO, "{text}");
        }
    }
    let hl7 = times(&["hl7"], Some("Asia/Shanghai"));
    assert_eq!(hl7.read("20261128083015.2500+0800"), read("2026-11-28T00:30:15.25Z", false));
    assert_eq!(hl7.read("202611280830+0800"), read("2026-11-28T00:30:00Z", false));
    let mixed = times(&["%d/%m/%Y", "iso", "excel"], Some("Asia/Shanghai"));
    for text in ["28/11/2026", "2026-11-28", "20261128", "46354"] {
        assert_eq!(mixed.read(text), read("2026-11-27T16:00:00Z", true), "{text}");
    }
    // They say the same, so either will do.
    let twice = times(&["iso", "%Y-%m-%d"], Some("Asia/Shanghai"));
    assert_eq!(twice.read("2026-11-28"), read("2026-11-27T16:00:00Z", true));
}

#[test]
fn two_formats_that_read_one_text_as_two_times_refuse_the_map_or_the_row() {
    for formats in [["%d/%m/%Y", "%m/%d/%Y"], ["%Y%m%d", "%d%m%Y"], ["%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M"]] {
        let error = refused(&formats, Some("Asia/Shanghai"));
        assert!(
            error.contains("two different times") && error.contains(formats[0]) && error.contains(formats[1]),
            "{error}"
        );
    }
    // Formats that trials do not tell apart are distinguished by the first row that both read.
    let formats = ["%d/%m/%Y", "%m/%d/%Y"].map(|format| Format::new(format).expect("right")).to_vec();
    let untried = Times { formats, ..times(&[], Some("Asia/Shanghai")) };
    assert_eq!(untried.read("05/10/2026"), NO);
    assert_eq!(untried.explain("05/10/2026", RejectCode::InvalidTime), "formats of the map read it as different times");
    assert_eq!(untried.read("28/11/2026"), read("2026-11-27T16:00:00Z", true));
    assert_eq!(untried.read("10/10/2026"), read("2026-10-09T16:00:00Z", true));
}

#[test]
fn serials_and_counts_of_seconds_are_formats_by_name() {
    let excel = times(&["excel"], Some("Asia/Shanghai"));
    for (text, utc, is_day) in [
        ("46354", "2026-11-27T16:00:00Z", true),
        ("46354.0", "2026-11-27T16:00:00Z", true),
        ("46354.354166666664", "2026-11-28T00:30:00Z", false),
        ("46354,35417", "2026-11-28T00:30:00Z", false),
        ("46354.5", "2026-11-28T04:00:00Z", false),
        ("46354.9999999999", "2026-11-28T16:00:00Z", false),
        ("61", "1900-02-28T15:54:17Z", true),
    ] {
        assert_eq!(excel.read(text), read(utc, is_day), "{text}");
    }
    for text in ["60", "0", "-1", "20261128", "4.6354E+4", "46.354,5", "", ".5", "46354.", "1795826000"] {
        assert_eq!(excel.read(text), NO, "{text}");
    }
    assert_eq!(times(&["excel-1904"], Some("UTC")).read("44892"), read("2026-11-28T00:00:00Z", true));
    for name in ["epoch-seconds", "%s"] {
        let seconds = times(&[name], None);
        assert_eq!(seconds.read("1795826000"), read("2026-11-28T00:33:20Z", false));
        assert_eq!(seconds.read("1795826000.25"), read("2026-11-28T00:33:20.25Z", false));
        for text in ["60", "1795826000000", "17958260000", "-1795826000", "1.795826E+9"] {
            assert_eq!(seconds.read(text), NO, "{text}");
        }
    }
    let milliseconds = times(&["epoch-milliseconds"], None);
    assert_eq!(milliseconds.read("1795826000250"), read("2026-11-28T00:33:20.25Z", false));
    assert_eq!(milliseconds.read("1795826000"), NO);
}

#[test]
fn what_a_cell_looks_like_names_the_format_to_write_and_never_the_cell() {
    let times = times(&["%d/%m/%Y"], Some("Asia/Shanghai"));
    for (text, says) in [
        ("46354", "format = \"excel\""),
        ("46354.354", "format = \"excel\""),
        ("1795826000", "format = \"epoch-seconds\""),
        ("1795826000000", "format = \"epoch-milliseconds\""),
        ("20261128", "format = \"hl7\""),
        ("20261128083015", "format = \"hl7\""),
        ("28/11/26", "a year of two digits"),
        ("tomorrow", "no time of the map's `format`"),
    ] {
        let explained = times.explain(text, RejectCode::InvalidTime);
        assert!(explained.contains(says) && !explained.contains(text), "{text}: {explained}");
    }
}

#[test]
fn a_time_the_clock_shows_twice_or_never_is_refused_unless_the_map_decides() {
    // Tallinn: 03:30 on 2020-03-29 never was, 03:30 on 2020-10-25 was twice.
    let (never, twice) = ("2020-03-29T03:30:00", "2020-10-25T03:30:00");
    let deciding = |ambiguous| Times::new(&source(&[], ambiguous), Some("Europe/Tallinn")).expect("right");
    let refuse = deciding(Ambiguous::Refuse);
    assert_eq!(refuse.read(never), NO);
    assert_eq!(refuse.read(twice), NO);
    assert_eq!(deciding(Ambiguous::Earlier).read(twice), read("2020-10-25T00:30:00Z", false));
    assert_eq!(deciding(Ambiguous::Later).read(twice), read("2020-10-25T01:30:00Z", false));
}

#[test]
fn a_day_whose_midnight_never_was_begins_after_it() {
    let beirut = times(&[], Some("Asia/Beirut"));
    assert_eq!(beirut.read("2022-03-27"), read("2022-03-26T22:00:00Z", true));
}

#[test]
fn without_a_zone_no_offset_is_guessed() {
    let none = times(&[], None);
    assert_eq!(none.read("2020-03-10T14:22:51"), Err(RejectCode::TimeWithoutOffset));
    assert_eq!(none.read("2020-03-10"), Err(RejectCode::TimeWithoutOffset));
    assert!(none.read("2020-03-10T14:22:51Z").is_ok());
}

#[test]
fn wrong_formats_are_found_when_the_map_is_read() {
    for (format, says) in [
        ("%H:%M", "no day"),
        ("%Y-%m", "no day"),
        ("%Y-%m-%d %!", "no directive %!"),
        ("%Y-%m-%d %", "% alone"),
        ("%d/%m/%y", "years have four"),
        ("%D", "years have four"),
        ("%C%y-%m-%d", "years have four"),
        ("%m/%d/%Y %H:%m", "the month twice"),
        ("%Y-%m-%d %I:%M", "no %p"),
        ("%Y-%m-%d %l:%M", "no %p"),
        ("%Y-%m-%d %p", "not the hour"),
        ("%Y-%m-%d %H", "not the minute"),
        ("%Y-%m-%d %H:%S", "not the minute"),
        ("%Y-%m-%d %M", "not the hour"),
        ("%Y-%m-%d %H:%M %Z", "several zones"),
        ("%s %Y", "epoch-seconds"),
        ("%f%Y%m%d%H%M%S", "%3f"),
        ("%Y-%m-%d %x", "no directive %x"),
        ("%3d/%m/%Y", "takes no width"),
        ("serial", "there is no format `serial`"),
        ("dd/mm/yyyy", "there is no format"),
    ] {
        let error = refused(&[format], Some("UTC"));
        assert!(error.contains(says), "{format}: {error}");
    }
    assert!(refused(&["%d.%m.%Y"], None).contains("no offset"));
    assert!(refused(&["excel"], None).contains("no offset"));
    let zone = Source { zone: Some("Europe/Talinn".to_owned()), ..Source::default() };
    assert!(Times::new(&zone, None).expect_err("no such zone").contains("no time zone"));
    let zone = Source { zone: Some("UTC".to_owned()), ..source(&["%Y%m%d%H%M%z"], Ambiguous::Refuse) };
    assert!(Times::new(&zone, None).expect_err("in vain").contains("would not count"));
}

/// Formats that write an instant to the second, and those that write its day.
const PRECISE: [&str; 9] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%e %B %Y %k:%M:%S",
    "%a, %d %b %Y %T %z",
    "%Y-%jT%H%M%S",
    "%F %T %Q",
    "%Y年%-m月%-d日%H时%M分%S秒",
];
const DAYS: [&str; 5] = ["%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%G-W%V-%u", "%Y-%j"];

fn some_times() -> impl Iterator<Item = jiff::ZonedDateTime> {
    let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
    // Every hour, minute and second of the day is met, and some hundred days.
    (0..400i64).map(move |number| {
        let second = 946_684_800 + number * 86_400 * 29 + number * 3_661;
        jiff::Timestamp::from_second(second).expect("in range").to_zoned_datetime(zone.clone())
    })
}

#[test]
fn what_a_format_writes_it_reads_again() {
    for time in some_times() {
        for format in PRECISE {
            let (times, text) = (times(&[format], Some("Asia/Shanghai")), time.strftime(format).to_string());
            let expected = ReadTime { at: Timestamp(time.timestamp().as_millisecond()), is_day: false };
            assert_eq!(times.read(&text), Ok(expected), "{format} {text}");
        }
        for format in DAYS {
            let (times, text) = (times(&[format], Some("Asia/Shanghai")), time.strftime(format).to_string());
            let midnight = time.start_of_day().expect("a day").timestamp().as_millisecond();
            assert_eq!(times.read(&text), Ok(ReadTime { at: Timestamp(midnight), is_day: true }), "{format} {text}");
        }
    }
}

/// With any character taken away or put in, a text is refused, or it is what its own time is written as but for zeros
/// and spaces: no text is read as a time that its format would write otherwise.
#[test]
fn no_text_is_read_as_two_times() {
    let bare = |text: &str| -> String {
        // A space counts between digits only: elsewhere it may be missing, or stand for a zero.
        let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let is_digit = |character: Option<char>| character.is_some_and(|character| character.is_ascii_digit());
        let counts = |at: usize| is_digit(text[..at].chars().next_back()) && is_digit(text[at + 1..].chars().next());
        let text: String = text.char_indices().filter(|(at, c)| *c != ' ' || counts(*at)).map(|(_, c)| c).collect();
        let mut bare = String::new();
        for (at, character) in text.char_indices() {
            let starts = !text[..at].ends_with(|before: char| before.is_ascii_digit()) || bare.ends_with('#');
            let goes_on = text[at + character.len_utf8()..].starts_with(|after: char| after.is_ascii_digit());
            bare.push(if character == '0' && starts && goes_on { '#' } else { character });
        }
        bare.replace('#', "")
    };
    let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
    let (mut taken, mut tried) = (0, 0);
    for time in some_times().step_by(23) {
        for format in PRECISE.iter().chain(&DAYS).filter(|format| !format.contains('Q')) {
            let (times, text) = (times(&[format], Some("Asia/Shanghai")), time.strftime(format).to_string());
            for (at, old) in text.char_indices() {
                let cut = format!("{}{}", &text[..at], &text[at + old.len_utf8()..]);
                let more = "019 :+-/".chars().map(|new| format!("{}{new}{}", &text[..at], &text[at..]));
                for changed in more.chain([cut]) {
                    tried += 1;
                    let Ok(read) = times.read(&changed) else { continue };
                    taken += 1;
                    let again = jiff::Timestamp::from_millisecond(read.at.0).expect("in range");
                    let written = again.to_zoned_datetime(zone.clone()).strftime(format).to_string();
                    let offset = |text: &str| text.replace("+08:", "+08");
                    assert_eq!(bare(&offset(&changed)), bare(&written), "{format}: {changed:?} of {text:?}");
                }
            }
        }
    }
    assert!(taken > 100 && tried > 20 * taken, "{taken} of {tried}");
}

#[test]
fn the_last_day_there_is_is_a_day_and_of_a_time_of_it_the_year_is_the_fault() {
    let days = Times::of_days(&source(&["%d/%m/%Y"], Ambiguous::Refuse), None).expect("formats of days");
    assert_eq!(days.read_day("31/12/9999"), Ok(jiff::civil::date(9999, 12, 31)));
    let times = times(&["%Y-%m-%d %H:%M"], Some("America/Los_Angeles"));
    assert_eq!(times.read("9999-12-31 23:59"), Err(RejectCode::InvalidTime));
    assert_eq!(times.explain("9999-12-31 23:59", RejectCode::InvalidTime), "lies in no plausible year");
}
