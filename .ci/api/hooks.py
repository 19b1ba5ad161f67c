"""What schemathesis may not do: stop the client whose token it calls with."""

import schemathesis

# The client of the caller, and one that may be changed in its place.
CALLER, OTHER = "ops", "sample"


@schemathesis.hook
def before_call(context, case, kwargs):
    if (case.path_parameters or {}).get("client_id") == CALLER:
        case.path_parameters["client_id"] = OTHER
