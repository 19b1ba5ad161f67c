//! What can be done, and where it is offered: by which command, which calls of the administration API, and which pages of
//! the console. A test compares it with the front ends, so that none of the three can lack anything without a reason.

/// One thing that can be done.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// As the command is called, or would be, with an option where that makes it something else.
    pub name: &'static str,
    /// Methods and addresses of its calls, under the API's address.
    pub calls: &'static [(&'static str, &'static str)],
    /// The console's pages where it is done or seen.
    pub pages: &'static [&'static str],
    /// Why one of the three lacks it.
    pub lacks: &'static [Lack],
}

/// A front end that lacks something, and why.
#[derive(Debug, Clone, Copy)]
pub enum Lack {
    /// There is no such command.
    Command(&'static str),
    /// There is no such call.
    Call(&'static str),
    /// There is no such page.
    Page(&'static str),
}

use latchkey_protocol::paths::CONSOLE;

type Calls = &'static [(&'static str, &'static str)];
type Pages = &'static [&'static str];

const fn offer(name: &'static str, calls: Calls, pages: Pages) -> Offer {
    Offer {
        name,
        calls,
        pages,
        lacks: &[],
    }
}

const fn but(name: &'static str, calls: Calls, pages: Pages, lacks: &'static [Lack]) -> Offer {
    Offer {
        name,
        calls,
        pages,
        lacks,
    }
}

const FOR_ALL: &[Lack] = &[Lack::Page(
    "Custom claims for all clients change what every app is told: they are set up with the installation.",
)];

/// Calls to a provider, made while somebody looks on.
const TRIED: &[Lack] = &[
    Lack::Call("It calls the provider and waits for its answers: by command alone so far."),
    Lack::Page("It calls the provider and waits for its answers: by command alone so far."),
];

/// Providers that users sign in at.
const PROVIDERS: &[Lack] = &[Lack::Page("It is done by command and API so far.")];

const CONNECT: &str = "It reads nothing but the client, which all three show, and puts it into settings that are copied by hand.";

/// Pages that show nothing an installation holds, and why.
pub const PAGES_APART: &[(&str, &str)] = &[
    ("/admin/sign-in", "Of the browser that is at the console."),
    ("/admin/callback", "Of the browser that is at the console."),
    ("/admin/sign-out", "Of the browser that is at the console."),
    (
        "/admin/setup",
        "Once, for the first administrator; user create does the same.",
    ),
];

/// Everything that can be read or done with what an installation holds.
pub const OFFERS: &[Offer] = &[
    offer("overview", &[("GET", "/overview")], &["/admin"]),
    offer("user list", &[("GET", "/users")], &["/admin/users"]),
    offer(
        "user show",
        &[("GET", "/users/{sub}")],
        &["/admin/users/{id}"],
    ),
    offer("user create", &[("POST", "/users")], &["/admin/users/new"]),
    offer(
        "user update",
        &[("PATCH", "/users/{sub}"), ("PUT", "/users/{sub}")],
        &["/admin/users/{id}/edit"],
    ),
    offer(
        "user disable",
        &[("POST", "/users/{sub}/disable")],
        &["/admin/users/{id}/disable"],
    ),
    offer(
        "user enable",
        &[("POST", "/users/{sub}/enable")],
        &["/admin/users/{id}/enable"],
    ),
    offer(
        "user delete",
        &[("DELETE", "/users/{sub}")],
        &["/admin/users/{id}/delete"],
    ),
    offer(
        "user set-password",
        &[("POST", "/users/{sub}/set-password")],
        &["/admin/users/{id}/password"],
    ),
    offer(
        "user end-sessions",
        &[("POST", "/users/{sub}/end-sessions")],
        &["/admin/users/{id}/end-sessions"],
    ),
    but(
        "user identities",
        &[("GET", "/users/{sub}/identities")],
        &[],
        PROVIDERS,
    ),
    but(
        "user link",
        &[("POST", "/users/{sub}/identities")],
        &[],
        PROVIDERS,
    ),
    but(
        "user unlink",
        &[("DELETE", "/users/{sub}/identities/{upstream}/{subject}")],
        &[],
        PROVIDERS,
    ),
    but("upstream list", &[("GET", "/upstreams")], &[], PROVIDERS),
    but(
        "upstream show",
        &[("GET", "/upstreams/{name}")],
        &[],
        PROVIDERS,
    ),
    but("upstream create", &[("POST", "/upstreams")], &[], PROVIDERS),
    but(
        "upstream update",
        &[("PATCH", "/upstreams/{name}")],
        &[],
        PROVIDERS,
    ),
    but("upstream test", &[], &[], TRIED),
    but(
        "upstream disable",
        &[("POST", "/upstreams/{name}/disable")],
        &[],
        PROVIDERS,
    ),
    but(
        "upstream enable",
        &[("POST", "/upstreams/{name}/enable")],
        &[],
        PROVIDERS,
    ),
    but(
        "upstream delete",
        &[("DELETE", "/upstreams/{name}")],
        &[],
        PROVIDERS,
    ),
    offer("client list", &[("GET", "/clients")], &["/admin/clients"]),
    offer(
        "client show",
        &[("GET", "/clients/{client_id}")],
        &["/admin/clients/{id}"],
    ),
    offer(
        "client create",
        &[("POST", "/clients")],
        &["/admin/new-client"],
    ),
    offer(
        "client update",
        &[
            ("PATCH", "/clients/{client_id}"),
            ("PUT", "/clients/{client_id}"),
        ],
        &["/admin/clients/{id}/edit", "/admin/clients/{id}/access"],
    ),
    offer(
        "client disable",
        &[("POST", "/clients/{client_id}/disable")],
        &["/admin/clients/{id}/disable"],
    ),
    offer(
        "client enable",
        &[("POST", "/clients/{client_id}/enable")],
        &["/admin/clients/{id}/enable"],
    ),
    offer(
        "client delete",
        &[("DELETE", "/clients/{client_id}")],
        &["/admin/clients/{id}/delete"],
    ),
    offer(
        "client rotate-secret",
        &[("POST", "/clients/{client_id}/rotate-secret")],
        &["/admin/clients/{id}/secret"],
    ),
    but(
        "client connect",
        &[],
        &["/admin/clients/{id}/connect"],
        &[Lack::Command(CONNECT), Lack::Call(CONNECT)],
    ),
    offer(
        "client preview",
        &[("GET", "/clients/{client_id}/preview")],
        &["/admin/clients/{id}/preview"],
    ),
    offer(
        "client access",
        &[("GET", "/clients/{client_id}/access")],
        &["/admin/clients/{id}/users"],
    ),
    offer(
        "consent list",
        &[
            ("GET", "/clients/{client_id}/consents"),
            ("GET", "/users/{sub}/consents"),
        ],
        &["/admin/clients/{id}/consents", "/admin/users/{id}/consents"],
    ),
    offer(
        "consent revoke",
        &[("DELETE", "/users/{sub}/consents/{client_id}")],
        &["/admin/clients/{id}/consents/{user}/revoke"],
    ),
    offer(
        "session list",
        &[("GET", "/sessions")],
        &["/admin/sessions"],
    ),
    offer(
        "session show",
        &[("GET", "/sessions/{id}")],
        &["/admin/sessions/{id}"],
    ),
    offer(
        "session end",
        &[("DELETE", "/sessions/{id}")],
        &["/admin/sessions/{id}/end"],
    ),
    offer(
        "session end --client",
        &[("POST", "/clients/{client_id}/end-sessions")],
        &["/admin/clients/{id}/end-sessions"],
    ),
    offer(
        "session end --all",
        &[("POST", "/sessions/end-all")],
        &["/admin/sessions/end-all"],
    ),
    offer(
        "session ends",
        &[("GET", "/sessions/ends")],
        &["/admin/sessions"],
    ),
    offer("key list", &[("GET", "/keys")], &["/admin/keys"]),
    offer(
        "key rotate",
        &[("POST", "/keys/rotate")],
        &["/admin/keys/rotate"],
    ),
    offer(
        "key retire",
        &[("POST", "/keys/{kid}/retire")],
        &["/admin/keys/{id}/retire"],
    ),
    offer(
        "refusal list",
        &[("GET", "/refusals")],
        &["/admin/refusals"],
    ),
    offer(
        "why",
        &[("GET", "/refusals/{reference}")],
        &["/admin/refusals/{id}"],
    ),
    offer("audit list", &[("GET", "/audit")], &["/admin/audit"]),
    but(
        "audit export",
        &[],
        &[],
        &[
            Lack::Call("A program reads the list piece by piece."),
            Lack::Page("It is for programs."),
        ],
    ),
    but(
        "audit verify",
        &[("GET", "/audit/verification")],
        &[],
        &[Lack::Page(
            "Whoever doubts the server's tables does not ask its pages.",
        )],
    ),
    offer(
        "delivery list",
        &[("GET", "/deliveries")],
        &["/admin/deliveries"],
    ),
    offer(
        "delivery retry",
        &[
            ("POST", "/deliveries/{id}/retry"),
            ("POST", "/deliveries/retry-dead"),
        ],
        &["/admin/deliveries/{id}/retry"],
    ),
    but(
        "claim list",
        &[("GET", "/claims"), ("GET", "/claims/{name}")],
        &[],
        FOR_ALL,
    ),
    but("claim set", &[("PUT", "/claims/{name}")], &[], FOR_ALL),
    but(
        "claim remove",
        &[("DELETE", "/claims/{name}")],
        &[],
        FOR_ALL,
    ),
];

/// The call that does what a page of the console does, by the page's address as its route writes it.
pub fn call_of_page(page: &str) -> Option<(&'static str, &'static str)> {
    let of_page = OFFERS.iter().find(|offer| offer.pages.contains(&page))?;
    let resource = |path: &'_ str| path.split('/').nth(1).map(str::to_owned);
    let here = page.strip_prefix(CONSOLE).and_then(resource);
    // Of several, that of the same resource.
    let same = |call: &&(_, &str)| resource(call.1) == here;
    let call = of_page.calls.iter().find(same);
    call.or(of_page.calls.first()).copied()
}
