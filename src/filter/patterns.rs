//! The regular expressions of one flag, compiled once. They match bytes, since a log need not be UTF-8.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// The size limit of the compiled expressions of one flag, in bytes.
const COMPILED_MAX_BYTES: usize = 64 << 20;

/// Expressions; an event matches if one does. `^` and `$` match at each line of an event.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    each: Vec<Regex>,
    /// All of them, to find in one pass whether one matches; only if there are several.
    any: Option<RegexSet>,
}

/// An expression that is malformed, or too large to compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}", .column.map(|column| format!(", at character {column}")).unwrap_or_default())]
pub struct BadPattern {
    /// The expression as typed.
    pub pattern: String,
    /// The error.
    pub reason: String,
    /// The column, from 1.
    pub column: Option<usize>,
}

impl Patterns {
    /// Compiles expressions.
    ///
    /// # Errors
    /// One of them is malformed or too large.
    pub fn compile(texts: &[String]) -> Result<Self, BadPattern> {
        let compile = |text: &String| {
            // The parser reports the column; the compiler only draws it.
            parse(text)?;
            let regex = RegexBuilder::new(text).multi_line(true).build();
            regex.map_err(|_| BadPattern::too_large(text))
        };
        let each: Vec<Regex> = texts.iter().map(compile).collect::<Result<_, _>>()?;
        let set = || {
            let mut builder = RegexSetBuilder::new(texts);
            let set = builder.multi_line(true).size_limit(COMPILED_MAX_BYTES).build();
            set.map_err(|_| BadPattern::too_large(&texts.join("|")))
        };
        let any = if 1 < each.len() { Some(set()?) } else { None };
        Ok(Self { each, any })
    }

    /// The expressions as typed, each in backticks.
    pub fn quoted(&self) -> String {
        let each: Vec<String> = self.each.iter().map(|one| format!("`{one}`")).collect();
        each.join(", ")
    }

    /// Whether there is no expression.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Whether one of them matches.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.any {
            Some(set) => set.is_match(text),
            None => self.each.first().is_some_and(|one| one.is_match(text)),
        }
    }

    /// The matched ranges in order; ranges that overlap or touch are joined.
    pub fn find_all(&self, text: &[u8]) -> Vec<Range<usize>> {
        let found = self.each.iter().flat_map(|one| one.find_iter(text));
        let mut found: Vec<Range<usize>> =
            found.map(|found| found.range()).filter(|range| !range.is_empty()).collect();
        found.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }
}

impl BadPattern {
    fn too_large(pattern: &str) -> Self {
        let reason = "it is too large when compiled".to_owned();
        Self { pattern: pattern.to_owned(), reason, column: None }
    }
}

fn parse(text: &str) -> Result<(), BadPattern> {
    let mut parser = regex_syntax::ParserBuilder::new().utf8(false).multi_line(true).build();
    let (reason, start) = match parser.parse(text) {
        Ok(_) => return Ok(()),
        Err(regex_syntax::Error::Parse(error)) => (error.kind().to_string(), error.span().start),
        Err(regex_syntax::Error::Translate(error)) => {
            (error.kind().to_string(), error.span().start)
        }
        Err(error) => {
            let reason = error.to_string().lines().last().unwrap_or_default().to_owned();
            return Err(BadPattern { pattern: text.to_owned(), reason, column: None });
        }
    };
    let column = text.get(..start.offset).map(|before| before.chars().count() + 1);
    Err(BadPattern { pattern: text.to_owned(), reason, column })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::compile(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_error_has_a_message_and_a_column() {
        for (text, expected) in [
            ("a(b", "unclosed group, at character 2"),
            ("ééé[", "unclosed character class, at character 4"),
            (
                "x{2,1}",
                "invalid repetition count range, the start must be <= the end, at character 2",
            ),
            ("*", "repetition operator missing expression, at character 1"),
            (r"\p{Nothing}", "Unicode property not found, at character 1"),
            (r"(?:\w{500}){500}", "it is too large when compiled"),
        ] {
            let error = Patterns::compile(&[text.to_owned()]).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.pattern.as_str()), (expected, text));
        }
    }

    #[test]
    fn one_match_is_enough_and_bytes_need_not_be_utf8() {
        let several = patterns(&["error", "^warn"]);
        assert!(several.is_match(b"an error") && several.is_match(b"first\nwarn"));
        assert!(!several.is_match(b"a warning") && !Patterns::default().is_match(b""));
        assert!(patterns(&["a.*b"]).is_match(b"a\nab"));
        assert!(patterns(&["tail$"]).is_match(b"\xff\xfe tail"));
        assert!(patterns(&[r"(?-u)\xff"]).is_match(b"\xff"));
    }

    #[test]
    fn matches_that_overlap_or_touch_are_one() {
        let cases: [(&[&str], &str, &[&str]); 5] = [
            (&["abc", "bcd"], "abcde", &["abcd"]),
            (&["ab", "cd"], "abcd", &["abcd"]),
            (&["a", "c"], "abc", &["a", "c"]),
            (&["abc", "b"], "abc", &["abc"]),
            (&["x*"], "ab", &[]),
        ];
        for (texts, text, expected) in cases {
            let found = patterns(texts).find_all(text.as_bytes());
            let found: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{texts:?}");
        }
    }

    proptest! {
        #[test]
        fn merged_matches_cover_what_each_matches(text in "[a-d]{0,30}") {
            let texts = ["ab", "bc?", "d+", "a.c"];
            let merged = patterns(&texts).find_all(text.as_bytes());
            prop_assert!(merged.windows(2).all(|pair| pair[0].end < pair[1].start));
            let covered = |at: usize| merged.iter().any(|range| range.contains(&at));
            for at in 0..text.len() {
                let matched = texts.iter().any(|one| {
                    patterns(&[one]).find_all(text.as_bytes()).iter().any(|range| range.contains(&at))
                });
                prop_assert_eq!(covered(at), matched);
            }
        }

        #[test]
        fn any_text_is_a_pattern_or_an_error(text in ".{0,40}") {
            if let Err(error) = Patterns::compile(&[text]) {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
