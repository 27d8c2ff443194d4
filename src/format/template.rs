//! The user's own line format: a Jinja template with the fields of a line as variables.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

/// The variables; docs/json.md describes them as the fields of a `line`.
pub(crate) const VARIABLES: [&str; 12] = [
    "v",
    "type",
    "time",
    "host",
    "container",
    "id",
    "stream",
    "msg",
    "msg_base64",
    "partial",
    "recovered",
    "details",
];

/// The name of the only template of an environment.
const NAME: &str = "line";

/// A template that compiles and renders.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Arc<str>);

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An error in a template, with its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct TemplateError {
    /// The line, from 1.
    line: usize,
    /// The column, from 1, in characters.
    column: usize,
    what: String,
    /// The hint.
    pub hint: String,
}

impl Template {
    /// Compiles a template and checks its variables.
    ///
    /// # Errors
    /// The error and its place.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        let environment = environment(source).map_err(|error| failed(source, &error))?;
        let template = environment.get_template(NAME).map_err(|error| failed(source, &error))?;
        let unknown = template.undeclared_variables(false);
        let known = |name: &str| {
            VARIABLES.contains(&name) || environment.globals().any(|(global, _)| global == name)
        };
        if let Some(name) = unknown.iter().filter(|name| !known(name)).min() {
            return Err(unknown_variable(source, name));
        }
        // Jinja looks up filters and tests only when it renders.
        let sample = VARIABLES.iter().map(|name| ((*name).to_owned(), Value::from("{}")));
        match template.render(sample.collect::<Value>()) {
            Err(error) if is_of_template(&error) => Err(failed(source, &error)),
            _ => Ok(Self(source.into())),
        }
    }

    /// A renderer of this template.
    pub(crate) fn renderer(&self) -> Renderer {
        // It compiled before.
        Renderer(environment(&self.0).unwrap_or_default())
    }
}

/// Renders lines.
#[derive(Debug)]
pub(crate) struct Renderer(Environment<'static>);

impl Renderer {
    /// A line with these variables.
    ///
    /// # Errors
    /// The error of the template for this line.
    pub(crate) fn render(
        &self,
        variables: BTreeMap<&'static str, Value>,
    ) -> Result<String, String> {
        let template = self.0.get_template(NAME).map_err(|error| error.to_string())?;
        template.render(Value::from(variables)).map_err(|error| message(&error))
    }
}

fn environment(source: &str) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_debug(true);
    // A missing field is empty, and so are its members.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.add_filter("fromjson", |text: String| -> Value {
        serde_json::from_str(&text).unwrap_or(Value::UNDEFINED)
    });
    environment.add_template_owned(NAME, source.to_owned())?;
    Ok(environment)
}

/// Whether each line would fail.
fn is_of_template(error: &Error) -> bool {
    use ErrorKind::{UnknownFilter, UnknownFunction, UnknownTest};
    matches!(error.kind(), UnknownFilter | UnknownTest | UnknownFunction)
}

fn message(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn failed(source: &str, error: &Error) -> TemplateError {
    let at = error.range().map_or(0, |range| range.start);
    let (mut line, column) = place(source, at);
    if error.range().is_none() {
        line = error.line().unwrap_or(line);
    }
    TemplateError { line, column, what: message(error), hint: EXAMPLE.to_owned() }
}

/// A template that works.
const EXAMPLE: &str = "a template is like '{{ container }} {{ msg }}'";

fn unknown_variable(source: &str, name: &str) -> TemplateError {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let begin = source.find('{').unwrap_or_default();
    let mut places = source[begin..].match_indices(name).map(|(at, _)| begin + at);
    let at = places.find(|at| {
        let (before, after) = (&source[..*at], &source[at + name.len()..]);
        !before.ends_with(is_word) && !before.ends_with('.') && !after.starts_with(is_word)
    });
    let (line, column) = place(source, at.unwrap_or_default());
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(known, name);
    let nearest = VARIABLES.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match nearest.filter(|nearest| 0.5 <= likeness(nearest)) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("the variables are {}", VARIABLES.join(", ")),
    };
    TemplateError { line, column, what: format!("there is no variable {name}"), hint }
}

/// Line and column of a byte offset.
fn place(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or(source);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, msg: &str) -> Result<String, String> {
        let template = Template::new(source).unwrap();
        let variables = [("container", "web"), ("msg", msg)];
        template.renderer().render(variables.map(|(key, value)| (key, Value::from(value))).into())
    }

    #[test]
    fn a_template_renders_the_fields_of_a_line() {
        for (source, msg, expected) in [
            ("{{ container }}: {{ msg|upper }}", "hi <b>", "web: HI <B>"),
            ("{% if recovered %}late {% endif %}{{msg}}", "hi", "hi"),
            (
                "{{ (msg|fromjson).user.name }}/{{ msg|fromjson|length }}",
                r#"{"user":{"name":"anna"}}"#,
                "anna/1",
            ),
            ("[{{ (msg|fromjson).user.name }}]", "plain", "[]"),
            ("{% set a = msg %}{{ a }}{% for i in range(2) %}.{% endfor %}", "x", "x.."),
        ] {
            assert_eq!(render(source, msg).as_deref(), Ok(expected), "{source}");
        }
        assert!(render("{{ msg|int }}", "x").is_err());
    }

    #[test]
    fn an_error_has_a_place_and_a_hint() {
        let error = |source: &str| {
            let error = Template::new(source).unwrap_err();
            (error.to_string(), error.hint)
        };
        let (text, hint) = error("{{ msg }}\n  {{ contaner }}");
        assert_eq!(text, "line 2, column 6: there is no variable contaner");
        assert_eq!(hint, "did you mean container?");
        let (text, hint) = error("{{ xyzzy }}");
        assert_eq!(text, "line 1, column 4: there is no variable xyzzy");
        assert!(hint.starts_with("the variables are v, type, time"), "{hint}");
        let (text, _) = error("é {{ msg|uper }}");
        assert!(text.starts_with("line 1, column 10: unknown filter"), "{text}");
        let (text, hint) = error("{{ msg");
        assert!(text.starts_with("line 1, column ") && text.contains("syntax error"), "{text}");
        assert_eq!(hint, EXAMPLE);
        assert!(error("{% if msg %}").0.starts_with("line 1, column "));
    }

    #[test]
    fn the_variables_are_documented() {
        let document = include_str!("../../docs/json.md");
        assert!(VARIABLES.iter().all(|name| document.contains(&format!("`{name}`"))));
    }
}
