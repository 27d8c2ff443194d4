//! Elements that all parts of the page share: badges, icons, lists. Every text goes through
//! [`markup`](crate::leak::report::escape::markup) here.

use crate::leak::facts::Verdict;
use crate::leak::report::escape::markup;

pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak => "leak",
        Verdict::Clean => "clean",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Invalid => "invalid",
    }
}

/// A sign of its own for each verdict, so that colour is not needed.
pub(super) fn icon(verdict: Verdict) -> String {
    let drawing = match verdict {
        Verdict::Leak => {
            "<path d=\"M12 2.6 22.6 21.4H1.4z\"/><path class=\"sign\" d=\"M12 9.4v5.4m0 3v.2\"/>"
        }
        Verdict::Clean => {
            "<circle cx=\"12\" cy=\"12\" r=\"10.4\"/><path class=\"sign\" d=\"m7 12.4 3.6 3.6L17 8.6\"/>"
        }
        Verdict::Inconclusive => {
            "<circle cx=\"12\" cy=\"12\" r=\"10.4\"/><path class=\"sign\" d=\"M9 9.4c0-4 6.2-3.6 6.2-.2 0 \
             2.4-3.2 2.4-3.2 5m0 3v.2\"/>"
        }
        Verdict::Invalid => {
            "<path d=\"M7.6 1.6h8.8l6 6v8.8l-6 6H7.6l-6-6V7.6z\"/><path class=\"sign\" d=\"m8.4 8.4 7.2 \
             7.2m0-7.2-7.2 7.2\"/>"
        }
    };
    format!("<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">{drawing}</svg>")
}

pub(super) fn badge(verdict: Verdict) -> String {
    format!("<span class=\"badge {}\">{}{}</span>", class(verdict), icon(verdict), verdict.as_str())
}

/// All of them, written one after the other.
pub(super) fn each<T>(all: impl IntoIterator<Item = T>, written: impl Fn(T) -> String) -> String {
    let all: Vec<String> = all.into_iter().map(written).collect();
    all.concat()
}

/// A section with a list; nothing without items.
pub(super) fn list(title: &str, class: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items = each(items, |item| format!("<li>{}</li>\n", markup(item)));
    let title = markup(title);
    format!("<section class=\"list {class}\">\n<h2>{title}</h2>\n<ul>\n{items}</ul>\n</section>\n")
}
