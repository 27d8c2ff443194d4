//! The details of a container's lines: labels and variables that its log options name.

use std::collections::BTreeMap;

/// Parses `k=v,k2=v2`. The daemon percent-encodes keys and values as in a query (Go's `url.QueryEscape`).
pub(crate) fn pairs(details: &str) -> BTreeMap<String, String> {
    let pairs = details.split(',').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key), decoded(value))
    };
    pairs.map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = |at: usize| behind.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        rest = behind;
        match (first, hex(0), hex(1)) {
            (b'+', _, _) => bytes.push(b' '),
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(16 * high + low).unwrap_or(b'?'));
                rest = &behind[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_decoded_as_a_query_is() {
        let of = |text: &str| {
            let pairs = pairs(text).into_iter().map(|(key, value)| format!("{key}:{value}"));
            pairs.collect::<Vec<_>>().join("|")
        };
        assert_eq!(of("app=web,b%3Dc=a+b%2Cc%C3%A4"), "app:web|b=c:a b,cä");
        assert_eq!(of("tag=,x"), "tag:|x:");
        assert_eq!(of("a=%4,b=%zz%"), "a:%4|b:%zz%");
        assert_eq!(of(""), "");
    }
}
