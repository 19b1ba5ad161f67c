//! What a line of the route table says: an address, a method, what it needs, and what is documented of it.

use std::pin::Pin;

use actix_web::{HttpRequest, Route as Served, web};
use latchkey_protocol::api::Need;
use latchkey_ui::Ui;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{Api, answer::Answer, asked::Asked, problem::Problem, serve};

/// What a call answers.
pub type Answered<'a> = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + 'a>>;

/// The methods of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something, or does something.
    Post,
    /// Replaces.
    Put,
    /// Changes what it names.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A parameter of an address.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    pub takes: Takes,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    Text,
    /// From one number to another.
    Number(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
}

/// A text as a parameter.
pub const fn text(name: &'static str, about: &'static str) -> Parameter {
    let takes = Takes::Text;
    Parameter { name, about, takes }
}

/// Parameters of every list.
pub const PIECE: [Parameter; 2] = [
    Parameter {
        name: "limit",
        about: "At most so many records.",
        takes: Takes::Number(1, crate::asked::MOST),
    },
    text(
        "cursor",
        "Where the piece begins: `next` of the piece before.",
    ),
];

/// How a schema is made.
pub type Shape = fn(&mut SchemaGenerator) -> Schema;

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What is answered where the call was carried out.
#[derive(Clone, Copy)]
pub struct Success {
    pub status: u16,
    /// Nothing where there is no body.
    pub shape: Option<Shape>,
    /// A piece of a list of such records.
    pub is_list: bool,
}

/// What becomes of an `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// There is no version that it could name.
    Ignored,
    /// It is judged where it is sent.
    Taken,
    /// Nothing is done without.
    Needed,
}

/// A line of the table.
#[derive(Clone, Copy)]
pub struct Route {
    pub method: Method,
    /// Under the API's address.
    pub path: &'static str,
    /// `operationId`.
    pub id: &'static str,
    pub summary: &'static str,
    /// What else is to be known.
    pub about: &'static str,
    pub query: &'static [Parameter],
    pub body: Option<Shape>,
    /// The body may be left out.
    pub is_body_optional: bool,
    /// A body, as JSON.
    pub example: Option<&'static str>,
    pub success: Success,
    /// Whether what it does is done to a record with a version.
    pub if_match: IfMatch,
    /// The answer has the version of the record.
    pub is_versioned: bool,
    /// It makes something: an `Idempotency-Key` is taken.
    pub creates: bool,
    /// What is there can stand against it.
    pub can_conflict: bool,
    pub run: Run,
}

type Run = for<'a> fn(&'a Asked<'a>) -> Answered<'a>;

/// A line of the table, as it is called for everything else.
macro_rules! route {
    ($method:ident $path:literal $id:literal $($run:ident)::+) => {
        $crate::route::Route::new($crate::route::Method::$method, $path, $id, |asked| {
            Box::pin($($run)::+(asked))
        })
    };
}
pub(crate) use route;

impl Route {
    pub const fn new(method: Method, path: &'static str, id: &'static str, run: Run) -> Self {
        Self {
            method,
            path,
            id,
            summary: "",
            about: "",
            query: &[],
            body: None,
            is_body_optional: false,
            example: None,
            success: Success {
                status: 204,
                shape: None,
                is_list: false,
            },
            if_match: IfMatch::Ignored,
            is_versioned: false,
            creates: false,
            can_conflict: false,
            run,
        }
    }

    /// What it does, in a line, and what else is to be known.
    #[must_use]
    pub const fn says(self, summary: &'static str, about: &'static str) -> Self {
        Self {
            summary,
            about,
            ..self
        }
    }

    #[must_use]
    pub const fn takes(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    /// With a body of this form, and an example of one.
    #[must_use]
    pub const fn body<T: JsonSchema>(self, example: &'static str) -> Self {
        Self {
            body: Some(shape::<T>),
            example: Some(example),
            ..self
        }
    }

    /// As [`Route::body`]; it may be left out.
    #[must_use]
    pub const fn optional_body<T: JsonSchema>(self, example: &'static str) -> Self {
        Self {
            is_body_optional: true,
            ..self.body::<T>(example)
        }
    }

    #[must_use]
    pub const fn answers<T: JsonSchema>(self) -> Self {
        self.succeeds(200, Some(shape::<T>), false)
    }

    /// With a piece of a list.
    #[must_use]
    pub const fn lists<T: JsonSchema>(self) -> Self {
        self.succeeds(200, Some(shape::<T>), true)
    }

    /// With something new, once for an `Idempotency-Key`.
    #[must_use]
    pub const fn creates<T: JsonSchema>(self) -> Self {
        Self {
            creates: true,
            can_conflict: true,
            ..self.succeeds(201, Some(shape::<T>), false)
        }
    }

    const fn succeeds(self, status: u16, shape: Option<Shape>, is_list: bool) -> Self {
        Self {
            success: Success {
                status,
                shape,
                is_list,
            },
            ..self
        }
    }

    /// Only for a record as the caller has read it.
    #[must_use]
    pub const fn conditional(self) -> Self {
        Self {
            if_match: IfMatch::Needed,
            ..self
        }
    }

    /// For a record as the caller has read it, where they say so.
    #[must_use]
    pub const fn guarded(self) -> Self {
        Self {
            if_match: IfMatch::Taken,
            ..self
        }
    }

    /// With the version of the record.
    #[must_use]
    pub const fn versioned(self) -> Self {
        Self {
            is_versioned: true,
            ..self
        }
    }

    #[must_use]
    pub const fn conflicts(self) -> Self {
        Self {
            can_conflict: true,
            ..self
        }
    }

    /// What it needs: who reads needs less than who does anything.
    pub fn need(&self) -> Need {
        match self.method {
            Method::Get => Need::Read,
            Method::Post | Method::Put | Method::Patch | Method::Delete => Need::Write,
        }
    }

    /// All its parameters behind the question mark.
    pub fn parameters(&self) -> impl Iterator<Item = &'static Parameter> {
        let piece = if self.success.is_list {
            &PIECE[..]
        } else {
            &[]
        };
        self.query.iter().chain(piece)
    }

    /// The names in its address.
    pub fn parts(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// As actix serves it: nothing is answered but through the door.
    pub fn served(&'static self) -> Served {
        let method = match self.method {
            Method::Get => web::get(),
            Method::Post => web::post(),
            Method::Put => web::put(),
            Method::Patch => web::patch(),
            Method::Delete => web::delete(),
        };
        method.to(
            move |ui: web::Data<Ui>,
                  api: web::Data<Api>,
                  request: HttpRequest,
                  body: web::Bytes| async move {
                serve::serve(self, ui, api, request, body).await
            },
        )
    }
}
