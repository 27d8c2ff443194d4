//! The help's texts: examples, exit codes, headings, and the layout of a page.

pub(super) const EXAMPLES: &str = "\
Examples:
  cmon tail web                    follow the logs of one container
  cmon watch                       show the log streams, live
  cmon leak-check --duration 10m   does opening and closing log streams leak?
  cmon tail --demo                 try it without Docker";

pub(super) const TAIL_EXAMPLES: &str = "\
Examples:
  cmon tail web                    show the last 10 lines, then follow
  cmon tail 'web-*' db -n 100      select several containers by glob and name
  cmon tail -l app=web -E web-3    select by label, and leave one out
  cmon tail --project .            follow the compose project of this directory
  cmon tail -a --no-follow -t      print all stored lines, with timestamps
  cmon tail web -p                 show the run before the last restart
  cmon tail job --wait             wait for a container, then show every line
  cmon tail -a --cursor c          go on where the last run with c has ended
  cmon tail -a --output-dir logs   write a file per container, each line once
  cmon tail web -o pretty          show JSON and logfmt lines for people
  cmon tail web -o json | jq .msg  write one JSON object per line
  cmon tail web -i login -e bot    show lines with login and without bot
  cmon tail web --level warn       show warnings and errors
  cmon tail web --until-match ready --timeout 30s
                                   wait until a container is ready
  cmon tail --demo                 try it without Docker";

pub(super) const TAIL_EXIT_CODES: &str = "\
Exit codes:
  0    done, --until-match matched, or the reader of the pipe went away
  1    a daemon or a log could not be read, or no container is selected
  2    the command line is wrong
  3    --fail-on matched
  4    all selected containers ended before --until-match matched
  124  the time of --timeout is over
  129  ended by SIGHUP
  130  ended by SIGINT (Ctrl-C)
  143  ended by SIGTERM";

pub(super) const WATCH_EXAMPLES: &str = "\
Examples:
  cmon watch                       all running containers; press ? for the keys
  cmon watch 'web-*' db            some of them
  cmon watch --once                print one table and end
  cmon watch -o json | jq .lines   write a JSON snapshot every two seconds
  cmon watch --metrics 9464        serve http://127.0.0.1:9464/metrics
  cmon watch --demo                try it without Docker";

/// The examples come before the flags.
pub(super) const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}";

/// The examples, with the exit codes at the end.
pub(super) const TAIL_TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}{after-help}";

pub(super) const SELECTION: &str = "Containers";

pub(super) const LINES: &str = "Lines";

pub(super) const FILTERS: &str = "Filters";

pub(super) const END: &str = "End of the run";

pub(super) const CURSOR: &str = "Later runs";

pub(super) const OUTPUT: &str = "Output";

pub(super) const DAEMON: &str = "Daemon and streams";

/// The width of the help.
pub(super) const HELP_MAX_COLUMNS: usize = 80;
