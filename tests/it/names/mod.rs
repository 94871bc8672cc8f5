//! Which names tenants can have, and that each is kept as it is: never folded, cut or read as something
//! else.

mod case;
mod odd;
mod reserved;

/// The longest name, made of one that differs from it in the last byte only.
fn long(last: char) -> String {
    format!("{}{last}", "x".repeat(62))
}

fn sorted(names: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    names.sort();
    names
}
