# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_cmon_global_optspecs
    string join \n host= context= tlsverify tlscacert= tlscert= tlskey= demo stream-timeout= stale-after= request-timeout= stop-timeout= color= no-color q/quiet v/verbose config= h/help V/version
end

function __fish_cmon_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_cmon_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_cmon_using_subcommand
    set -l cmd (__fish_cmon_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c cmon -n "__fish_cmon_needs_command" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_needs_command" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_needs_command" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_needs_command" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_needs_command" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_needs_command" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_needs_command" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_needs_command" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_needs_command" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_needs_command" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_needs_command" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_needs_command" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_needs_command" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_needs_command" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_needs_command" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_needs_command" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cmon -n "__fish_cmon_needs_command" -s V -l version -d 'Print version'
complete -c cmon -n "__fish_cmon_needs_command" -f -a "tail" -d 'Follow container logs through restarts, log rotation and bad connections'
complete -c cmon -n "__fish_cmon_needs_command" -f -a "logs" -d 'Follow container logs through restarts, log rotation and bad connections'
complete -c cmon -n "__fish_cmon_needs_command" -f -a "watch" -d 'Show the log streams live, one row per container'
complete -c cmon -n "__fish_cmon_needs_command" -f -a "leak-check" -d 'Prove whether opening and closing log streams leaks, whose leak it is, and how fast'
complete -c cmon -n "__fish_cmon_needs_command" -f -a "config" -d 'Show which settings are in force, and where each comes from'
complete -c cmon -n "__fish_cmon_needs_command" -f -a "completions" -d 'Write a script that completes cmon in a shell'
complete -c cmon -n "__fish_cmon_needs_command" -f -a "man" -d 'Write the man pages'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s l -l label -d 'Select containers that have this label. Repeatable: all must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l image -d 'Select containers of this image, with or without a tag; a glob is allowed. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l project -d 'Select containers of this compose project; . is the project of the current directory. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l filter -d 'Select as docker ps --filter does, by status, health, network and more. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s E -l exclude-container -d 'Leave out containers that match this name, id prefix, glob or regular expression. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s n -l tail -d 'Show the last N lines of each container first [default: 10, or all with --no-follow]. Containers that join later are shown from their first line' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l since -d 'Show only lines from this time on: 10m, 2h, 2026-11-28T12:30, or seconds since 1970' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l until -d 'Show only lines up to this time, and end then: 1h, or 18:30 or +10m to follow until then' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l cursor -d 'Keep in FILE where each log was read to, and go on there: a later run with the same FILE shows what is new since this one. -n and --since are for containers that are not in it' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l cursor-keep -d 'Keep removed containers in the cursor for this time' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l output-dir -d 'Write the lines to a file per container in DIR, each line once, also over kills and crashes. The cursor is kept in DIR' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l rotate-size -d 'Begin a new file when one would become larger; 0 never does' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l rotate-keep -d 'Keep this number of older files per container' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s i -l include -d 'Show only lines that match this regular expression. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s e -l exclude -d 'Do not show lines that match this regular expression, even if --include matches. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l level -d 'Show only lines of this level and above. A line without a level has that of the line before' -r -f -a "trace\t'Also called verbose, finest'
debug\t'Also called dbg, fine'
info\t'Also called information, notice'
warn\t'Also called warning'
error\t'Also called err, severe'
fatal\t'Also called critical, panic, alert, emergency'"
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l join -d 'Treat lines that match this regular expression as part of the line before, so that filters show or hide them together. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s H -l highlight -d 'Highlight what matches this regular expression, where stdout shows colors. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l until-match -d 'End with exit code 0 after the first line that passes the filters and matches this regular expression, and with 4 if all selected containers end before. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l fail-on -d 'End with exit code 3 after the first line that passes the filters and matches this regular expression. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l timeout -d 'End with exit code 124 after this time' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s o -l output -d 'Output format' -r -f -a "default\t'The lines as they are, after the container name if there may be several'
raw\t'The bytes as the containers wrote them, without container names'
pretty\t'JSON and logfmt lines as LEVEL message key=value, other lines as they are'
json\t'One JSON object per line, also for notes, gaps and the summary'"
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l template -d 'Print each line as this template makes it, such as \'{{time}} {{container}} {{msg}}\'. The variables are the fields of -o json' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s t -l timestamps -d 'Print the daemon\'s timestamp before each line [plain -t: full]' -r -f -a "short\t'12:30:00.123'
iso\t'2026-11-28T12:30:00.123+01:00'
full\t'2026-11-28T11:30:00.123456789Z, as docker logs -t prints it'
off\t'No timestamps'"
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l timezone -d 'Time zone of timestamps and notes: local, UTC or a name such as Europe/Berlin [default: local; for timestamps of -t=full and in a pipe, UTC]' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l max-line -d 'Split longer lines into pieces of this size' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l order-window -d 'Time that a new line waits for older ones of other containers; 0s shows lines as they come' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s a -l all -d 'Select all containers, including stopped ones'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s f -l follow -d 'Wait for new lines (the default)'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l no-follow -d 'Print the stored lines and end'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l exit-on-stop -d 'End when all selected containers have stopped'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l wait -d 'Wait for a daemon that does not answer, and for containers that do not exist'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l dry-run -d 'List the containers that would be followed, and end'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l since-start -d 'Show only the current run of each container, then follow. A stopped container has its last run as the current one'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s p -l previous -d 'Show only the run before the current one of each container, and end'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l cursor-reset -d 'Start with an empty cursor'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l compress -d 'Compress older files with gzip'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l stdout -d 'Show only lines that containers wrote to stdout'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l stderr -d 'Show only lines that containers wrote to stderr'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l join-stacks -d 'Treat stack traces of Java, Go, Python, Node and Rust as part of the line before'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l details -d 'Print the labels and variables that the log options of a container name, before each line'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l no-prefix -d 'Do not print the container name before each line'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l strip-ansi -d 'Remove colors and other escape sequences from the lines'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l summary -d 'Print the summary at the end, even if stderr is not a terminal'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_using_subcommand tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s l -l label -d 'Select containers that have this label. Repeatable: all must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l image -d 'Select containers of this image, with or without a tag; a glob is allowed. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l project -d 'Select containers of this compose project; . is the project of the current directory. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l filter -d 'Select as docker ps --filter does, by status, health, network and more. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s E -l exclude-container -d 'Leave out containers that match this name, id prefix, glob or regular expression. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s n -l tail -d 'Show the last N lines of each container first [default: 10, or all with --no-follow]. Containers that join later are shown from their first line' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l since -d 'Show only lines from this time on: 10m, 2h, 2026-11-28T12:30, or seconds since 1970' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l until -d 'Show only lines up to this time, and end then: 1h, or 18:30 or +10m to follow until then' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l cursor -d 'Keep in FILE where each log was read to, and go on there: a later run with the same FILE shows what is new since this one. -n and --since are for containers that are not in it' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l cursor-keep -d 'Keep removed containers in the cursor for this time' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l output-dir -d 'Write the lines to a file per container in DIR, each line once, also over kills and crashes. The cursor is kept in DIR' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l rotate-size -d 'Begin a new file when one would become larger; 0 never does' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l rotate-keep -d 'Keep this number of older files per container' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s i -l include -d 'Show only lines that match this regular expression. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s e -l exclude -d 'Do not show lines that match this regular expression, even if --include matches. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l level -d 'Show only lines of this level and above. A line without a level has that of the line before' -r -f -a "trace\t'Also called verbose, finest'
debug\t'Also called dbg, fine'
info\t'Also called information, notice'
warn\t'Also called warning'
error\t'Also called err, severe'
fatal\t'Also called critical, panic, alert, emergency'"
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l join -d 'Treat lines that match this regular expression as part of the line before, so that filters show or hide them together. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s H -l highlight -d 'Highlight what matches this regular expression, where stdout shows colors. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l until-match -d 'End with exit code 0 after the first line that passes the filters and matches this regular expression, and with 4 if all selected containers end before. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l fail-on -d 'End with exit code 3 after the first line that passes the filters and matches this regular expression. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l timeout -d 'End with exit code 124 after this time' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s o -l output -d 'Output format' -r -f -a "default\t'The lines as they are, after the container name if there may be several'
raw\t'The bytes as the containers wrote them, without container names'
pretty\t'JSON and logfmt lines as LEVEL message key=value, other lines as they are'
json\t'One JSON object per line, also for notes, gaps and the summary'"
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l template -d 'Print each line as this template makes it, such as \'{{time}} {{container}} {{msg}}\'. The variables are the fields of -o json' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s t -l timestamps -d 'Print the daemon\'s timestamp before each line [plain -t: full]' -r -f -a "short\t'12:30:00.123'
iso\t'2026-11-28T12:30:00.123+01:00'
full\t'2026-11-28T11:30:00.123456789Z, as docker logs -t prints it'
off\t'No timestamps'"
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l timezone -d 'Time zone of timestamps and notes: local, UTC or a name such as Europe/Berlin [default: local; for timestamps of -t=full and in a pipe, UTC]' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l max-line -d 'Split longer lines into pieces of this size' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l order-window -d 'Time that a new line waits for older ones of other containers; 0s shows lines as they come' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s a -l all -d 'Select all containers, including stopped ones'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s f -l follow -d 'Wait for new lines (the default)'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l no-follow -d 'Print the stored lines and end'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l exit-on-stop -d 'End when all selected containers have stopped'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l wait -d 'Wait for a daemon that does not answer, and for containers that do not exist'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l dry-run -d 'List the containers that would be followed, and end'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l since-start -d 'Show only the current run of each container, then follow. A stopped container has its last run as the current one'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s p -l previous -d 'Show only the run before the current one of each container, and end'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l cursor-reset -d 'Start with an empty cursor'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l compress -d 'Compress older files with gzip'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l stdout -d 'Show only lines that containers wrote to stdout'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l stderr -d 'Show only lines that containers wrote to stderr'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l join-stacks -d 'Treat stack traces of Java, Go, Python, Node and Rust as part of the line before'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l details -d 'Print the labels and variables that the log options of a container name, before each line'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l no-prefix -d 'Do not print the container name before each line'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l strip-ansi -d 'Remove colors and other escape sequences from the lines'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l summary -d 'Print the summary at the end, even if stderr is not a terminal'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s l -l label -d 'Select containers that have this label. Repeatable: all must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l image -d 'Select containers of this image, with or without a tag; a glob is allowed. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l project -d 'Select containers of this compose project; . is the project of the current directory. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l filter -d 'Select as docker ps --filter does, by status, health, network and more. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s E -l exclude-container -d 'Leave out containers that match this name, id prefix, glob or regular expression. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s i -l include -d 'Show only lines that match this regular expression. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s e -l exclude -d 'Do not show lines that match this regular expression, even if --include matches. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l level -d 'Show only lines of this level and above. A line without a level has that of the line before' -r -f -a "trace\t'Also called verbose, finest'
debug\t'Also called dbg, fine'
info\t'Also called information, notice'
warn\t'Also called warning'
error\t'Also called err, severe'
fatal\t'Also called critical, panic, alert, emergency'"
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l join -d 'Treat lines that match this regular expression as part of the line before, so that filters show or hide them together. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s H -l highlight -d 'Highlight what matches this regular expression, where stdout shows colors. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s o -l output -d 'Output format' -r -f -a "text\t'Full screen on a terminal, else one line of totals per interval'
json\t'One JSON object per interval'
pretty\t'The full screen, with JSON and logfmt lines as LEVEL message key=value'"
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l interval -d 'Time between two snapshots; has no effect on the full screen [default: 2s]' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l duration -d 'End after this time' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l metrics -d 'Serve Prometheus metrics on this address, such as 9464 or 0.0.0.0:9464. A port alone listens on 127.0.0.1' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s a -l all -d 'Select all containers, including stopped ones'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l wait -d 'Wait for a daemon that does not answer, and for containers that do not exist'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l dry-run -d 'List the containers that would be followed, and end'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l join-stacks -d 'Treat stack traces of Java, Go, Python, Node and Rust as part of the line before'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l once -d 'Print one table, or one snapshot with -o json, and end'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -s l -l label -d 'Select containers that have this label. Repeatable: all must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l image -d 'Select containers of this image, with or without a tag; a glob is allowed. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l project -d 'Select containers of this compose project; . is the project of the current directory. Repeatable: one must match' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l filter -d 'Select as docker ps --filter does, by status, health, network and more. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -s E -l exclude-container -d 'Leave out containers that match this name, id prefix, glob or regular expression. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l duration -d 'Length of the check. A longer check finds smaller leaks' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l target -d 'Also watch a program: pid:N, container:NAME, http://HOST:PORT[/path], https://USER:PASSWORD@HOST, URL#PROMETHEUS_NAME or URL#/json/pointer. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l drive-cmd -d 'Run this shell command for each cycle, instead of opening and closing streams' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l cycles-metric -d 'Read the number of cycles from the target: a Prometheus name, or a key, a.dotted.path or /json/pointer in expvar and JSON' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l compare -d 'Check once under each of these stream timeouts, and compare' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l baseline -d 'Count only growth that this earlier recording does not have' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l gate -d 'Metrics that decide the verdict, by name or source (own, daemon, target.NAME) [default: counts of tasks, goroutines, descriptors, threads and followers]' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l max-per-cycle -d 'Growth per cycle that is not a leak [default: 0.03]' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l max-per-min -d 'Growth per minute that is not a leak [default: 1]' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l alpha -d 'Chance of a false alarm, over all metrics that decide [default: 0.01]' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l on-inconclusive -d 'Exit code of an INCONCLUSIVE check' -r -f -a "exit3\t'Exit code 3'
fail\t'Exit code 1, as for a leak'
pass\t'Exit code 0'"
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l seed -d 'Seed of the random order of drive and idle phases' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -s o -l output -d 'Format of the report on stdout' -r -f -a "text\t'For people'
json\t'One JSON object, at the end'"
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l junit -d 'Also write a JUnit XML report to FILE' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l html -d 'Also write a report with charts to FILE: HTML without external resources' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l record -d 'Also write all readings to FILE, one JSON object per line; with --compare one file per stream timeout' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l replay -d 'Judge a recording instead of running a check' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -s a -l all -d 'Select all containers, including stopped ones'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l passive -d 'Make no load: watch the daemon and the targets on their own load'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l dry-run -d 'Print the plan and the smallest leak that it can find, and end'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l self-test -d 'Verify the checker: inject known leaks and known non-leaks into the embedded daemon, and fail if any is misclassified'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_using_subcommand leak-check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cmon -n "__fish_cmon_using_subcommand config" -s o -l output -d 'Output format' -r -f -a "toml\t'A configuration file with these settings'
json\t'One JSON object per setting'"
complete -c cmon -n "__fish_cmon_using_subcommand config" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_using_subcommand config" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand config" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand config" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand config" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand config" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_using_subcommand config" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_using_subcommand config" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_using_subcommand config" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_using_subcommand config" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_using_subcommand config" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand config" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_using_subcommand config" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_using_subcommand config" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_using_subcommand config" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_using_subcommand config" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_using_subcommand config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_using_subcommand completions" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_using_subcommand completions" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_using_subcommand completions" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_using_subcommand completions" -s h -l help -d 'Print help'
complete -c cmon -n "__fish_cmon_using_subcommand man" -l out -d 'Write the pages of all commands into this directory' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand man" -l host -d 'Address of the daemon [default: $DOCKER_HOST, or unix:///var/run/docker.sock]. Repeat it to follow several daemons at once, each under its NAME' -r
complete -c cmon -n "__fish_cmon_using_subcommand man" -l context -d 'Context of the docker command that has the address [default: $DOCKER_CONTEXT, or the one of docker context use]. Repeatable' -r
complete -c cmon -n "__fish_cmon_using_subcommand man" -l tlscacert -d 'Certificates of the authorities that the daemon\'s is from [default: ca.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand man" -l tlscert -d 'Certificate that cmon shows to the daemon [default: cert.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand man" -l tlskey -d 'Private key of that certificate [default: key.pem]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand man" -l stream-timeout -d 'Close a log stream at this age and reopen it at the same line. leak-check refuses it and has --compare instead' -r
complete -c cmon -n "__fish_cmon_using_subcommand man" -l stale-after -d 'After this much silence, ask the daemon whether a stream is missing lines' -r
complete -c cmon -n "__fish_cmon_using_subcommand man" -l request-timeout -d 'Time that the daemon may take to answer a request. A retry may take up to four times as long' -r
complete -c cmon -n "__fish_cmon_using_subcommand man" -l stop-timeout -d 'Time that stopping may take before cmon closes everything by force' -r
complete -c cmon -n "__fish_cmon_using_subcommand man" -l color -d 'Use colors' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c cmon -n "__fish_cmon_using_subcommand man" -l config -d 'Read settings from this file [default: ~/.config/cmon/config.toml]' -r -F
complete -c cmon -n "__fish_cmon_using_subcommand man" -l tlsverify -d 'Use TLS for a tcp:// address [default: $DOCKER_TLS_VERIFY]. Its files are in $DOCKER_CERT_PATH, or in ~/.docker'
complete -c cmon -n "__fish_cmon_using_subcommand man" -l demo -d 'Use a small daemon inside cmon, with eight containers that log'
complete -c cmon -n "__fish_cmon_using_subcommand man" -l no-color -d 'The same as --color never'
complete -c cmon -n "__fish_cmon_using_subcommand man" -s q -l quiet -d 'Suppress notes, status line and summary; errors and gaps are still printed'
complete -c cmon -n "__fish_cmon_using_subcommand man" -s v -l verbose -d 'Show more detail, and log debug information to stderr; -vv logs every request'
complete -c cmon -n "__fish_cmon_using_subcommand man" -s h -l help -d 'Print help'

# cmon answers within 300 ms where a name stands: of a container, label, project, image or context.
function __fish_cmon_names
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete fish '' $words "$current" 2>/dev/null </dev/null
end

set -l with_names "__fish_cmon_using_subcommand tail logs watch leak-check"
complete -c cmon -n "$with_names" -f -a '(__fish_cmon_names)'
complete -c cmon -n "$with_names" -s l -l label -x -a '(__fish_cmon_names)'
complete -c cmon -n "$with_names" -l project -x -a '(__fish_cmon_names)'
complete -c cmon -n "$with_names" -l image -x -a '(__fish_cmon_names)'
complete -c cmon -n "$with_names" -s E -l exclude-container -x -a '(__fish_cmon_names)'
complete -c cmon -l context -x -a '(__fish_cmon_names)'
