"""What we claim of the AuthZEN Authorization API 1.0, rule by rule, by the titles of its sections."""

from __future__ import annotations

from tests.conformance.requirements import Requirement

_E, _S = "Access Evaluation API", "Search APIs"
_M, _T = "Policy Decision Point Metadata", "HTTPS JSON Binding"
REQUIREMENTS = (
    Requirement("eval-subject", _E, "subject with type and id is required"),
    Requirement("eval-action", _E, "action with name is required"),
    Requirement("eval-resource", _E, "resource with type and id is required"),
    Requirement("eval-context", _E, "context is optional, and an object"),
    Requirement("eval-properties", _E, "properties are optional, and objects"),
    Requirement("eval-decision", _E, "the answer holds a boolean decision"),
    Requirement("eval-deny-200", "Error Responses", "a denial is a 200 with decision false"),
    Requirement("boxcar-defaults", "Default Values", "top-level objects are defaults of each evaluation"),
    Requirement("boxcar-override", "Default Values", "an object of an evaluation replaces the default as a whole"),
    Requirement("boxcar-single", "Access Evaluations API", "without evaluations the request is a single evaluation"),
    Requirement("boxcar-order", "Access Evaluations API", "answers come in the order of the evaluations"),
    Requirement("boxcar-all", "Evaluations Semantics", "execute_all, the default, answers every evaluation"),
    Requirement("boxcar-deny", "Evaluations Semantics", "deny_on_first_deny ends with the first denial"),
    Requirement("boxcar-permit", "Evaluations Semantics", "permit_on_first_permit ends with the first permit"),
    Requirement("boxcar-errors", "Errors", "a wrong evaluation is denied in its place, in a 200"),
    Requirement("search-permitted", _S, "what is found would be permitted"),
    Requirement("search-ignored-id", _S, "an id of what is searched for is ignored"),
    Requirement("search-no-action", "Action Search API", "a search for actions names none"),
    Requirement("search-ids", _S, "what is not searched for needs an id"),
    Requirement("search-unknown", _S, "an unknown id or type finds nothing"),
    Requirement("search-transitive", "Semantics", "a search goes through groups"),
    Requirement("search-type", "The Search API Response", "results are of the type that was searched for"),
    Requirement("page-limit", "Pagination", "a page holds at most limit results and names the next"),
    Requirement("page-last", "Pagination", "the last page has an empty next_token"),
    Requirement("page-changed", "Pagination", "a token of another request is an error"),
    Requirement("meta-path", _M, "metadata is at the well-known path, by GET, as JSON"),
    Requirement("meta-base", _M, "policy_decision_point is the identifier that the path was made of"),
    Requirement("meta-endpoints", _M, "every endpoint that is served is named"),
    Requirement("meta-signed", "Signature Parameter", "signed_metadata attests the same, with iss, and not itself"),
    Requirement("http-post", _T, "requests are POSTs"),
    Requirement("http-json", _T, "requests are application/json, anything else is a 400"),
    Requirement("http-object", _T, "the body is a JSON object, anything else is a 400"),
    Requirement("http-unknown", "JSON Serialization", "unknown fields are ignored"),
    Requirement("http-required", "JSON Serialization", "a required field that is missing or ill-typed is a 400"),
    Requirement("http-401", "Error Responses", "a caller that is nobody gets 401 with a challenge"),
    Requirement("http-403", "Error Responses", "a caller that may not ask gets 403"),
    Requirement("http-message", "Error Responses", "the body of an error is a message string"),
    Requirement("bounded", "Availability & Denial of Service", "a body that would cost too much to decide is refused"),
    Requirement("http-request-id", "Request Identification", "X-Request-ID comes back as it was sent"),
    Requirement("coaz-call", "COAZ-MCP, Default Mappings", "tools/call on a tool is decided as that tool's call"),
    Requirement("coaz-agent", "COAZ-MCP, Default Mappings", "the subject is the person, context.agent the agent"),
    Requirement("coaz-identity", "COAZ-MCP, Default Mappings", "a subject of type identity is the person it names"),
    Requirement("coaz-methods", "COAZ-MCP, Default Mappings", "resources, prompts, completion and tasks are decided"),
    Requirement("coaz-server", "COAZ-MCP, Default Mappings", "who could call anything of a server may list it"),
    Requirement("coaz-unknown", "COAZ-MCP, Unknown Methods", "a method that no mapping knows is denied"),
    Requirement(
        "requestable", "Access Request Profile", "who takes access requests is named, and nobody where nobody does"
    ),
    Requirement("obligations", "Obligations Profile", "context.obligations tell what an enforcement point must do"),
    Requirement("obligations-deny", "Obligations Profile", "a denial may carry obligations, and stays a denial"),
)
