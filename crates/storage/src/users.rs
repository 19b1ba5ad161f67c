use diesel::prelude::*;
use latchkey_protocol::user::User;

use crate::{
    connection::{AnyConnection, on},
    error::{RowError, is_taken},
    schema::users,
};

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
pub struct Row {
    id: String,
    username: String,
    email: Option<String>,
    name: Option<String>,
    password_hash: Option<String>,
    roles: String,
    groups: String,
    claims: String,
    disabled_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    pub fn from_user(user: &User) -> Self {
        let user = user.clone();
        Self {
            roles: serde_json::to_string(&user.roles).unwrap_or_default(),
            groups: serde_json::to_string(&user.groups).unwrap_or_default(),
            claims: serde_json::to_string(&user.claims).unwrap_or_default(),
            id: user.id,
            username: user.username,
            email: user.email,
            name: user.name,
            password_hash: user.password_hash,
            disabled_at: user.disabled_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }

    pub fn into_user(self) -> Result<User, RowError> {
        let corrupt = |column| RowError::Corrupt { table: "users", row: self.id.clone(), column };
        Ok(User {
            roles: serde_json::from_str(&self.roles).map_err(|_| corrupt("roles"))?,
            groups: serde_json::from_str(&self.groups).map_err(|_| corrupt("groups"))?,
            claims: serde_json::from_str(&self.claims).map_err(|_| corrupt("claims"))?,
            id: self.id,
            username: self.username,
            email: self.email,
            name: self.name,
            password_hash: self.password_hash,
            disabled_at: self.disabled_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

pub fn create(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    match on!(c => diesel::insert_into(users::table).values(row).execute(c)) {
        Ok(_) => Ok(true),
        Err(error) if is_taken(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub fn find(c: &mut AnyConnection, id: &str) -> Result<Option<User>, RowError> {
    on!(c => users::table.find(id).get_result::<Row>(c)).optional()?.map(Row::into_user).transpose()
}

pub fn find_by_name(c: &mut AnyConnection, name: &str) -> Result<Option<User>, RowError> {
    on!(c => users::table.filter(users::username.eq(name)).get_result::<Row>(c))
        .optional()?
        .map(Row::into_user)
        .transpose()
}

pub fn all(c: &mut AnyConnection) -> Result<Vec<User>, RowError> {
    on!(c => users::table.order(users::username).load::<Row>(c))?.into_iter().map(Row::into_user).collect()
}

pub fn update(c: &mut AnyConnection, row: &Row) -> Result<bool, RowError> {
    let id = row.id.clone();
    Ok(on!(c => diesel::update(users::table.filter(users::id.eq(id))).set(row).execute(c))? == 1)
}

pub fn rehash(c: &mut AnyConnection, id: &str, old: &str, new: &str) -> Result<bool, RowError> {
    let unchanged = users::table.filter(users::id.eq(id)).filter(users::password_hash.eq(old));
    Ok(on!(c => diesel::update(unchanged).set(users::password_hash.eq(new)).execute(c))? == 1)
}

pub fn delete(c: &mut AnyConnection, id: &str) -> Result<bool, RowError> {
    Ok(on!(c => diesel::delete(users::table.find(id)).execute(c))? == 1)
}
