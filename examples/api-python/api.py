"""An API of orders, with PyJWT and FastAPI: it verifies access tokens by the published keys, with no call per request (RFC 9068 4).

What the issuer ends early (a sign-out, a disabled user) it hears of within seconds, by status lists.
"""

import json
import logging
import os
import threading
import time
import zlib
from base64 import urlsafe_b64decode
from typing import Annotated
from urllib.request import Request as Ask
from urllib.request import urlopen

import jwt
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
AUDIENCE = os.environ.get("AUDIENCE", "https://api.example.com")
log = logging.getLogger("uvicorn.error")

with urlopen(f"{ISSUER}/.well-known/openid-configuration", timeout=5) as answer:
    metadata = json.load(answer)
if metadata["issuer"] != ISSUER:
    raise SystemExit(f"{ISSUER} says that it is {metadata['issuer']}")
keys = jwt.PyJWKClient(metadata["jwks_uri"], timeout=5)


def refused(status, challenge):
    """The answers of RFC 6750 3."""
    return HTTPException(status, headers={"WWW-Authenticate": challenge})


class NoList(Exception):
    """There is no status list that counts."""


class StatusList:
    """A list that the issuer signs (Token Status List). Its times are of a clock that nobody sets."""

    def __init__(self, uri):
        self.uri, self.fetching = uri, threading.Lock()
        self.bits, self.again, self.ends, self.failed = b"", 0.0, 0.0, False

    def current(self):
        """The bits. One thread fetches, and all wait for it; while the issuer is away nobody does, and what is there counts until it ends."""
        if time.monotonic() >= self.again and self.fetching.acquire(timeout=0 if self.failed else 2):
            try:
                if time.monotonic() >= self.again:
                    self.fetch()
            finally:
                self.fetching.release()
        if time.monotonic() >= self.ends:
            raise NoList(self.uri)
        return self.bits

    def fetch(self):
        try:
            with urlopen(Ask(self.uri, headers={"Accept": "application/statuslist+jwt"}), timeout=2) as answer:
                token = answer.read(1_000_000).decode()
            if jwt.get_unverified_header(token).get("typ") != "statuslist+jwt":
                raise jwt.InvalidTokenError("not a status list")
            said = jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=["RS256"], issuer=ISSUER, subject=self.uri,
                              options={"require": ["exp", "sub", "ttl"], "verify_aud": False})
            if said["status_list"]["bits"] != 1:
                raise ValueError("not a list of single bits")
            inflating = zlib.decompressobj()
            bits = inflating.decompress(urlsafe_b64decode(said["status_list"]["lst"] + "=="), 131_072)
            if not inflating.eof:
                raise ValueError("it is too large")
            self.bits = bits
            self.ends = time.monotonic() + said["exp"] - time.time()
            self.again, self.failed = min(self.ends, time.monotonic() + said["ttl"]), False
        except (OSError, ValueError, KeyError, zlib.error, jwt.PyJWTError) as error:
            log.error("%s: %s", self.uri, error)
            self.again, self.failed = time.monotonic() + 1, True


lists, lists_change = {}, threading.Lock()


def is_revoked(claims):
    """Whether the issuer has ended the token early: its bit in a status list."""
    if "status" not in claims:
        if "status_list_aggregation_endpoint" in metadata:
            raise jwt.InvalidTokenError("the token has no status")
        return False
    uri, idx = claims["status"]["status_list"]["uri"], claims["status"]["status_list"]["idx"]
    with lists_change:
        if uri not in lists:
            for over in [other for other, known in lists.items() if time.monotonic() >= max(known.again, known.ends)]:
                del lists[over]
            lists[uri] = StatusList(uri)
        known = lists[uri]
    bits = known.current()
    if not 0 <= idx < 8 * len(bits):
        raise jwt.InvalidTokenError("the token is in no list")
    return bits[idx // 8] >> idx % 8 & 1 == 1


def verified(request: Request):
    """Whose token it is. Callers never hear what is wrong with it, the log does."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise refused(401, 'Bearer realm="orders"')
    try:
        if len(token) > 16384 or jwt.get_unverified_header(token).get("typ") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")  # keeps ID tokens out
        claims = jwt.decode(
            token, keys.get_signing_key_from_jwt(token), algorithms=["RS256"], issuer=ISSUER, audience=AUDIENCE, leeway=5,
            options={"require": ["exp", "iat", "jti", "sub", "client_id"]},
        )
        if "cnf" in claims:
            raise jwt.InvalidTokenError("a sender-constrained token was sent as Bearer")  # RFC 9449 7.1
        if is_revoked(claims):
            raise jwt.InvalidTokenError("the token was revoked")
        return claims
    except (jwt.PyJWKClientConnectionError, NoList) as error:
        log.error("nothing can be decided: %s", error)
        raise HTTPException(503, headers={"Retry-After": "1"})
    except (jwt.PyJWTError, RecursionError) as error:
        log.warning("access token refused: %s", error)
        raise refused(401, 'Bearer error="invalid_token"')


Caller = Annotated[dict, Depends(verified)]


def require(scope, role=None):
    """What a route asks of the caller; both: the app may (scope), and the user may (role)."""

    def check(claims: Caller):
        scopes, roles = claims.get("scope"), claims.get("roles")
        may = isinstance(scopes, str) and scope in scopes.split(" ")
        if not may or (role and not (isinstance(roles, list) and role in roles)):
            raise refused(403, f'Bearer error="insufficient_scope", scope="{scope}"')

    return [Depends(check)]


app = FastAPI(openapi_url=None)
closed = APIRouter(dependencies=[Depends(verified)])


@app.get("/")
def home():
    return {"orders": "GET /me, GET /orders, DELETE /orders/ID"}


@closed.get("/me")
def me(claims: Caller):
    return {name: claims.get(name) for name in ("sub", "client_id", "scope")}


@closed.get("/orders", dependencies=require("orders:read"))
def orders(claims: Caller):
    return {"orders": [1, 2], "asked_by": claims["sub"]}


@closed.delete("/orders/{number}", dependencies=require("orders:write", role="clerk"))
def remove(number: int, claims: Caller):
    return {"removed": number, "by": claims["sub"]}


@closed.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def nothing(path: str):
    raise HTTPException(404)  # what there is not is closed too


app.include_router(closed)
