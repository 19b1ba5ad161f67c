"""An API of orders, with PyJWT and FastAPI: it verifies access tokens by the published keys, with no call per request (RFC 9068 4)."""

import json
import logging
import os
from typing import Annotated
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
        return claims
    except jwt.PyJWKClientConnectionError as error:
        log.error("the keys cannot be fetched: %s", error)
        raise HTTPException(503, headers={"Retry-After": "1"})
    except (jwt.PyJWTError, RecursionError) as error:
        log.warning("access token refused: %s", error)
        raise refused(401, 'Bearer error="invalid_token"')


Caller = Annotated[dict, Depends(verified)]


def require(scope, role=None):
    """What a route asks of the caller; both: the app may (scope), and the user may (role)."""

    def check(claims: Caller):
        if scope not in claims.get("scope", "").split(" ") or (role and role not in claims.get("roles", [])):
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
