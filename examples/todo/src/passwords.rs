//! Passwords: hashed by Argon2id, in threads that may block, a few at a time.
//!
//! A hash takes 19 MiB and some hundredths of a second by intent. So no connection is held meanwhile, and a
//! flood of logins waits in a queue instead of filling the memory.

use std::error::Error;
use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How many hashes are computed at once.
static TURNS: Semaphore = Semaphore::const_new(4);

/// What an unknown user's password is compared with, so that the answer takes as long as for a known one.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash_now("nobody").ok());

/// What a password is stored as, with its salt.
pub(crate) async fn hash(password: String) -> Result<String> {
    let _turn = TURNS.acquire().await?;
    spawn_blocking(move || hash_now(&password)).await?
}

/// Whether this is the password. `stored` is none where there is no such user.
pub(crate) async fn is_right(password: String, stored: Option<String>) -> Result<bool> {
    let _turn = TURNS.acquire().await?;
    let checked = spawn_blocking(move || {
        let is_known = stored.is_some();
        let Some(stored) = stored.or_else(|| NOBODY.clone()) else {
            return false;
        };
        let is_right = PasswordHash::new(&stored).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        });
        is_known && is_right
    });
    Ok(checked.await?)
}

fn hash_now(password: &str) -> Result<String> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_somebody_who_exists_is_right() {
        let stored = hash("correct horse".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(
            is_right("correct horse".to_owned(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(!is_right("battery staple".to_owned(), Some(stored)).await.unwrap());
        assert!(!is_right("nobody".to_owned(), None).await.unwrap());
    }
}
