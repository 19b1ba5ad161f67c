//! Users as a list: searched or sorted.

use latchkey_operations::OperationError;
use latchkey_protocol::{
    Timestamp,
    page::Page,
    user_list::{self, UserCursor, UserQuery, UserSort},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::users::User;
use crate::{answer::Answer, asked::Asked, problem::Problem};

/// A user, as a list has them.
#[derive(Serialize, JsonSchema)]
pub struct ListedUser {
    /// The user.
    #[serde(flatten)]
    user: User,
    /// When the user last signed in, in seconds since 1970; null: never, as far as is known.
    last_sign_in_at: Option<i64>,
}

impl ListedUser {
    fn of(listed: user_list::ListedUser) -> Self {
        Self {
            user: User::of(listed.user),
            last_sign_in_at: listed.last_sign_in_at.map(Timestamp::as_seconds),
        }
    }
}

/// `GET /users`.
pub async fn list(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let mut page: Page<UserCursor> = asked.page()?;
    // The list says itself whether there is a next piece.
    page.limit -= 1;
    let fix = "name, created or last-sign-in";
    let sort = asked.read("sort", fix, UserSort::from_name)?;
    let operations = asked.operations();
    if let Some(login) = asked.parameter("login") {
        let user = match operations.user(login).await {
            Ok(user) => user,
            Err(OperationError::UserUnknown(_)) => {
                return asked.piece(Vec::<User>::new(), None::<&UserCursor>);
            }
            Err(error) => return Err(error.into()),
        };
        let last_sign_in_at = operations.last_sign_in(&user.id).await?;
        let only = ListedUser::of(user_list::ListedUser {
            user,
            last_sign_in_at,
        });
        return asked.piece(vec![only], None::<&UserCursor>);
    }
    let search = asked.parameter("search").unwrap_or_default();
    let query = UserQuery::new(search, sort.unwrap_or_default());
    let found = operations.users(&query, &page).await?;
    let users = found.users.into_iter().map(ListedUser::of).collect();
    asked.piece(users, found.next.as_ref())
}
