//! A user's new password.

use latchkey_operations::{Hasher, Waiter};
use schemars::JsonSchema;
use serde::Deserialize;

use super::users::{ended, named, seen};
use crate::{answer::Answer, asked::Asked, condition::as_read, problem::Problem};

/// A new password.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewPassword {
    /// 8 characters or more.
    #[schemars(required)]
    password: String,
}

/// Where a new password is hashed: on the threads that sign-ins wait for, and in the same line.
pub fn hasher<'a>(asked: &'a Asked<'_>) -> Hasher<'a> {
    let waiter = Waiter {
        address: asked.call.address,
        known: true,
    };
    Hasher::Threads {
        passwords: &asked.ui.sign_in.passwords,
        waiter,
    }
}

/// `POST /users/{sub}/set-password`.
pub async fn set(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let given: NewPassword = asked.input(&["password"])?;
    let operations = asked.operations();
    seen(asked, &named(asked).await?)?;
    // Once: it costs more than all the rest.
    let hashed = operations
        .hash_password(hasher(asked), &given.password)
        .await?;
    as_read(async || {
        let user = named(asked).await?;
        let set = operations.set_hashed_password(seen(asked, &user)?, &hashed);
        ended(set.await?)
    })
    .await
}
