//! Who may use which client, and why.

use latchkey_protocol::{
    ClientId, UserId,
    access::{Access, AccessGround},
    client::{Client, Metadata},
    field_error::{FieldError, FieldErrors},
    names::Login,
    page::Page,
    user::User,
};

use crate::{OperationError, Operations, Result};

/// So many users are looked at for one piece of the list, and no more, so that none takes long where few are admitted.
const PIECE: i64 = 500;
/// So many times at most.
const PIECES: i64 = 4;

/// A user whom a client admits, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct UserAccess {
    /// Who; a disabled user is admitted and cannot sign in.
    pub user: User,
    /// By what.
    pub grounds: Vec<AccessGround>,
}

/// A piece of those whom a client admits.
#[derive(Debug, Clone, PartialEq)]
pub struct AccessPage {
    /// By name. There may be fewer than asked for, or none, although more follow.
    pub users: Vec<UserAccess>,
    /// What the next piece goes on after; none at the end.
    pub next: Option<String>,
}

impl Operations<'_> {
    /// Who may use the client `id`, by name; a page goes on after a name. At most some thousands of users are looked at for
    /// one piece.
    ///
    /// # Errors
    /// [`OperationError::ClientUnknown`], [`OperationError::Store`].
    pub async fn client_access(&self, id: &str, page: &Page<String>) -> Result<AccessPage> {
        let client = self.client(&ClientId::new(id)).await?;
        let limit = match client.metadata.access {
            Some(_) => PIECE,
            None => page.limit,
        };
        let wanted = usize::try_from(page.limit).unwrap_or(0);
        let (mut users, mut next) = (Vec::new(), page.after.clone());
        for _ in 0..PIECES {
            let after = next.take();
            let found = self.store.users(&Page { after, limit }).await?;
            let is_last = found.len() < usize::try_from(limit).unwrap_or(usize::MAX);
            for user in found {
                next = Some(user.username.clone());
                users.extend(admitted(&client, user));
                if users.len() >= wanted {
                    return Ok(AccessPage { users, next });
                }
            }
            if is_last {
                return Ok(AccessPage { users, next: None });
            }
        }
        Ok(AccessPage { users, next })
    }

    /// Puts subjects where users were named: a name may be given to somebody else some day. What is `known` already stays,
    /// also when that user has been deleted.
    ///
    /// # Errors
    /// Each name that is nobody's.
    pub(crate) async fn resolve_access(
        &self,
        metadata: &mut Metadata,
        known: Option<&Access>,
    ) -> Result<()> {
        let Some(access) = &mut metadata.access else {
            return Ok(());
        };
        let mut faults = Vec::new();
        for entry in &mut access.users {
            if known.is_some_and(|known| known.users.contains(entry)) {
                continue;
            }
            if self
                .store
                .user(&UserId::new(entry.clone()))
                .await?
                .is_some()
            {
                continue;
            }
            match self.store.user_by_login(&Login::new(entry)).await? {
                Some(user) => *entry = user.id.into_string(),
                None => {
                    let problem = format!("access.users: there is nobody called {entry}");
                    let fault = FieldError::new("users", problem).id("access-nobody");
                    faults.push(fault.with("entry", entry.as_str()).within("access"));
                }
            }
        }
        access.users.sort();
        access.users.dedup();
        FieldErrors::check(faults).map_err(|faults| OperationError::Metadata(faults.into()))
    }
}

fn admitted(client: &Client, user: User) -> Option<UserAccess> {
    let grounds = client.grounds(&user);
    (!grounds.is_empty()).then_some(UserAccess { user, grounds })
}
