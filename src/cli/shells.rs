//! Names in completion scripts: code that is added to clap's script, so that it requests names from cmon. For other
//! words, the script continues as clap made it.

use clap_complete::Shell;

const BASH: &str = r#"
# cmon answers within 300 ms where a name stands: of a container, label, project, image or context.
_cmon() {
    local cmon=${1/#\~\//$HOME/} names name
    local words=("${COMP_WORDS[@]:0:COMP_CWORD+1}")
    [[ ${words[COMP_CWORD]} == [=:]* ]] || words[COMP_CWORD]=$2
    if names=$("$cmon" __complete bash "$2" "${words[@]}" 2>/dev/null </dev/null); then
        # Files have no place there.
        compopt +o default +o bashdefault 2>/dev/null
        COMPREPLY=()
        while IFS= read -r name; do
            [[ -z $name ]] || COMPREPLY+=("$name")
        done <<<"$names"
        return 0
    fi
    _cmon_static "$@"
}

"#;

const ZSH: &str = r#"
# cmon answers within 300 ms where a name stands: of a container, label, project, image or context.
_cmon() {
    local cmon=${(Q)words[1]} names
    cmon=${cmon/#\~\//$HOME/}
    if names=$("$cmon" __complete zsh "" "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null); then
        [[ -n $names ]] || return 1
        compadd -- "${(@f)names}"
        return
    fi
    _cmon_static "$@"
}

"#;

const FISH: &str = r#"
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
"#;

/// A script with completion of names.
pub(super) fn with_names(shell: Shell, script: &str) -> String {
    let before = |mark: &str, names: &str| {
        let script = script.replacen("_cmon() {", "_cmon_static() {", 1);
        let (functions, registration) = script.split_at(script.rfind(mark).unwrap_or(script.len()));
        format!("{}\n{names}{registration}", functions.trim_end())
    };
    match shell {
        Shell::Bash => before("if [[ \"${BASH_VERSINFO[0]}\" -eq 4", BASH),
        Shell::Zsh => before("if [ \"$funcstack[1]\" = \"_cmon\" ]", ZSH),
        Shell::Fish => format!("{script}{FISH}"),
        _ => script.to_owned(),
    }
}
