//! The settings of `leak-check`.

use super::support::{around, config};
use crate::config::*;

#[test]
fn a_recording_is_judged_again_by_the_same_rules() {
    let again = |args: &str| {
        let args = format!("cmon leak-check {args}");
        let Action::LeakCheck(leak) = config(&args, &around()).unwrap().action else {
            panic!("it is `leak-check`");
        };
        leak.again().join(" ")
    };
    // What a check was given is in its recording, but for the file that it was held against.
    assert_eq!(again("--record r --alpha 0.05 --baseline b"), "--replay r --baseline b");
    assert_eq!(
        again("--replay r --max-per-min 2 --gate own,daemon --alpha 0.05 --max-per-cycle 0.5"),
        "--replay r --alpha 0.05 --gate own,daemon --max-per-cycle 0.5 --max-per-min 2"
    );
    assert_eq!(again("--replay r --baseline b"), "--replay r --baseline b");
    assert_eq!([again("--alpha 0.05"), again("--self-test")], [String::new(), String::new()]);
}
