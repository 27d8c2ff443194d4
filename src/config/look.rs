//! The look of output: colors, timestamps and the form of lines.

use jiff::tz::TimeZone;

use super::{FileKind, Surroundings, UsageError};
use crate::cli::{Form, Global, Tail, Timestamps, When, Zone};
use crate::format::Colors;
use crate::format::stamp::{Stamp, StampForm};
use crate::format::template::Template;
use crate::output::{self, Destination};

/// Whether output of this kind has colors.
pub(super) fn colors(global: &Global, around: &Surroundings, output: FileKind) -> Colors {
    let by_output = || output == FileKind::Terminal && !around.dumb_terminal;
    let wanted = match global.color {
        _ if global.no_color => false,
        When::Always => true,
        When::Never => false,
        When::Auto if around.no_color => false,
        When::Auto => around.force_color || by_output(),
    };
    if wanted { Colors::On } else { Colors::Off }
}

/// How many containers a run can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    One,
    Several,
}

pub(super) fn output(
    global: &Global,
    tail: &Tail,
    around: &Surroundings,
    shown: Shown,
) -> output::Config {
    let single = shown == Shown::One;
    let to_files = tail.output_dir.is_some();
    let terminal = around.stdout == FileKind::Terminal && !to_files;
    let json = tail.output == Form::Json && tail.template.is_none();
    // If stdout is a pipe, the next program may draw on the same terminal as the status line.
    let calm = to_files || matches!(around.stdout, FileKind::Terminal | FileKind::Regular);
    output::Config {
        form: match tail.output {
            _ if tail.template.is_some() => output::Form::Template,
            Form::Json => output::Form::Json,
            Form::Default | Form::Pretty | Form::Raw if to_files => {
                output::Form::Text { prefix: false }
            }
            Form::Raw => output::Form::Bare,
            Form::Default | Form::Pretty if single && !terminal => output::Form::Bare,
            Form::Default | Form::Pretty => {
                output::Form::Text { prefix: !single && !tail.no_prefix }
            }
        },
        stamp: stamp(tail, around).filter(|_| !json),
        template: None,
        pretty: tail.output == Form::Pretty,
        strip_escapes: tail.strip_ansi,
        zone: match &tail.timezone {
            Some(Zone::Named(zone)) => zone.clone(),
            Some(Zone::Local) | None => around.now.time_zone().clone(),
        },
        sanitize: terminal,
        color_out: if to_files { Colors::Off } else { colors(global, around, around.stdout) },
        color_err: colors(global, around, around.stderr()),
        quiet: global.quiet,
        status: around.stderr_is_terminal
            && calm
            && !global.quiet
            && (!json || to_files)
            && !around.dumb_terminal,
        summary: match global.quiet {
            true => output::Summary::Never,
            false if tail.summary || around.stderr_is_terminal => output::Summary::Always,
            false => output::Summary::OnSignal,
        },
        destination: if to_files { Destination::Files } else { Destination::Stdout },
    }
}

pub(super) fn template(global: &Global, tail: &Tail) -> Result<Option<Template>, UsageError> {
    let template = tail.template.as_deref().map(Template::new).transpose();
    template.map_err(|error| UsageError::Template { name: global.sources.name("template"), error })
}

/// The timestamp of each line.
fn stamp(tail: &Tail, around: &Surroundings) -> Option<Stamp> {
    let form = match tail.timestamps {
        Some(Timestamps::Short) => StampForm::Short,
        Some(Timestamps::Iso) => StampForm::Iso,
        Some(Timestamps::Full) => StampForm::Full,
        // A template has the time of a line anyway.
        None | Some(Timestamps::Off) if tail.template.is_some() && tail.timezone.is_some() => {
            StampForm::Full
        }
        None | Some(Timestamps::Off) => return None,
    };
    let zone = match &tail.timezone {
        Some(Zone::Named(zone)) => zone.clone(),
        Some(Zone::Local) => around.now.time_zone().clone(),
        // Exactly the form of `docker logs -t`.
        None if form == StampForm::Full => TimeZone::UTC,
        None if around.stdout == FileKind::Terminal => around.now.time_zone().clone(),
        None => TimeZone::UTC,
    };
    Some(Stamp { form, zone })
}

/// The output of a command without lines: notes on stderr.
pub(super) fn talk(global: &Global, around: &Surroundings) -> output::Config {
    let terminal = around.stdout == FileKind::Terminal;
    output::Config {
        form: output::Form::Text { prefix: true },
        stamp: None,
        template: None,
        pretty: false,
        strip_escapes: false,
        zone: around.now.time_zone().clone(),
        sanitize: terminal,
        color_out: colors(global, around, around.stdout),
        color_err: colors(global, around, around.stderr()),
        quiet: global.quiet,
        status: false,
        summary: output::Summary::Never,
        destination: Destination::Stdout,
    }
}
