//! Parses one line of the exposition format: name, labels, value. Supports Prometheus text 0.0.4 and 1.0 (quoted names)
//! and `OpenMetrics`.

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// The lines without comments.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Parses `name{label="value"} 1.5 1700000000000`. Labels and timestamp are optional. `OpenMetrics` may add an exemplar
/// after a `#`.
pub(super) fn sample(line: &str) -> Option<Sample> {
    let (name, labels, rest) = head(line)?;
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?;
    // A timestamp or an exemplar.
    if words.next().is_some_and(|word| word != "#" && word.parse::<f64>().is_err()) {
        return None;
    }
    // A space or the brace of the labels must precede the value.
    if !rest.starts_with([' ', '\t']) && labels.is_empty() && !line.contains('}') {
        return None;
    }
    Some(Sample { name, labels, value: value.parse().ok()? })
}

type Head<'a> = (String, Vec<(String, String)>, &'a str);

/// Name, labels, and the rest of the line.
pub(super) fn head(line: &str) -> Option<Head<'_>> {
    let end = line.find(|c| !is_in_name(c)).unwrap_or(line.len());
    let (bare, rest) = line.split_at(end);
    if bare.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut name = (!bare.is_empty()).then(|| bare.to_owned());
    let Some(mut rest) = rest.trim_start().strip_prefix('{') else {
        return Some((name?, Vec::new(), rest));
    };
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Some((name?, labels, after));
        }
        let (label, after) = match rest.starts_with('"') {
            true => quoted(rest)?,
            false => {
                let (label, _) = rest.split_once('=')?;
                (label.trim_end().to_owned(), &rest[label.len()..])
            }
        };
        let Some(after) = after.trim_start().strip_prefix('=') else {
            // A quoted name is inside the braces, without a value.
            if name.is_some() || !rest.starts_with('"') || label.is_empty() {
                return None;
            }
            (name, rest) = (Some(label), after);
            continue;
        };
        if label.is_empty() || !rest.starts_with('"') && !is_plain(&label) {
            return None;
        }
        let (value, after) = quoted(after.trim_start())?;
        labels.push((label, value));
        rest = after;
    }
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Whether a name needs no quotes.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(is_in_name)
}

/// Escapes a value for quotes.
pub(super) fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A quoted value, and the rest.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 2..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            c => value.push(c),
        }
    }
    None
}
