"""Examples under each command's `--help`."""

from __future__ import annotations


def _as_written(text: str) -> str:
    """Keep every line where it is: a backspace at the head of a paragraph says so to the help's formatter."""
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in text.strip().split("\n\n"))


EXAMPLES: dict[str, str] = {
    "audit query": _as_written("""
Examples:
  leasehold audit query --agent triage --since 2026-11-20
  leasehold audit query --user ann --outcome denied --limit 20
  leasehold audit query --since 2026-11-20T22:00:00Z --text delete_branch --json
"""),
    "audit export": _as_written("""
Examples:
  leasehold audit export --out trail.ndjson
  leasehold audit export --since 2026-11-01 --until 2026-12-01 --out november.ndjson
"""),
    "audit could": _as_written("""
Examples:
  leasehold audit could triage github/delete_branch --at 2026-11-20T22:20
  leasehold audit could triage github/delete_branch on repo:web --user ann --at 2026-11-20T22:20+01:00

Exit codes: 0 it could, 1 error, 5 it could not.
"""),
    "audit exports": _as_written("""
Examples:
  leasehold audit exports
"""),
    "audit replay": _as_written("""
Examples:
  leasehold audit replay siem --from 120000
"""),
    "audit test-event": _as_written("""
Examples:
  leasehold audit test-event siem
  leasehold audit test-event --wait 60 --json

Exit codes: 0 taken, 1 error, or not taken.
"""),
    "audit tail": _as_written("""
Examples:
  leasehold audit tail --agent triage --follow
  leasehold audit tail --outcome denied --json
"""),
    "audit checkpoint": _as_written("""
Examples:
  leasehold audit checkpoint > today.checkpoint
  leasehold audit checkpoint --key > audit.pub
"""),
    "audit verify": _as_written("""
Examples:
  leasehold audit checkpoint --key > audit.pub
  leasehold audit verify trail.ndjson --key audit.pub
  leasehold audit verify october.ndjson november.ndjson --key audit.pub --checkpoint anchored.checkpoint

Exit codes: 0 whole, 1 error, 2 not whole.
"""),
    "drift": _as_written("""
Examples:
  leasehold drift --terraform-dir prod=infra/prod
  leasehold drift --state platform=platform.tfstate --state app=app.tfstate
  terraform show -json tfplan > plan.json
  leasehold drift --stack prod --plan plan.json --markdown > comment.md
  leasehold drift --stack prod --state terraform.tfstate --json --fail-on high
  leasehold drift --terraform-dir prod=infra/prod --issue github

Exit codes: 0 clean, 1 error, 2 drift, 3 drift at or above --fail-on,
6 something could not be compared (with --strict).
"""),
    "approve": _as_written("""
Examples:
  leasehold approve receipt.json --out approved.json
  LEASEHOLD_RECEIPT_FILE=approved.json terraform apply
"""),
    "review": _as_written("""
Examples:
  terraform plan -out tfplan && terraform show -json tfplan > plan.json
  leasehold review plan.json --stack prod
  leasehold review prod=plan.json --markdown > comment.md
  leasehold review prod=plan.json --comment github --fail-on high
  leasehold review plan.json --stack prod --gate --receipt receipt.json
  leasehold review plan.json --stack prod --gate --approved approved.json
  leasehold review --base main/cdktf.out --head cdktf.out
  leasehold review --policy guards@3..5

Exit codes: 0 told, 1 error, 2 the two versions differ, 3 a change at or above --fail-on,
4 nobody approved what needs it, 5 it is denied (both with --gate), 6 something could not be compared (with --strict).
"""),
    "connections list": _as_written("""
Examples:
  leasehold connections list
  leasehold connections list --tool-server github --json
  leasehold connections list --token-file alice.jwt
"""),
    "connections add": _as_written("""
Examples:
  leasehold connections add github --oauth --shared bot
  leasehold connections add search --api-key-file - --shared default
  leasehold connections add search --api-key-file key.txt --token-file alice.jwt
"""),
    "connections promote": _as_written("""
Examples:
  leasehold connections promote 4c0e9f5a1b7d4a2e8f3b6c9d0e1f2a3b --agent triage --justification "nightly run"
"""),
    "connections demote": _as_written("""
Examples:
  leasehold connections demote 4c0e9f5a1b7d4a2e8f3b6c9d0e1f2a3b --agent triage
"""),
    "connections remove": _as_written("""
Examples:
  leasehold connections remove 4c0e9f5a1b7d4a2e8f3b6c9d0e1f2a3b
  leasehold connections remove 4c0e9f5a1b7d4a2e8f3b6c9d0e1f2a3b --token-file alice.jwt
"""),
    "connections rotate-keys": _as_written("""
Examples:
  leasehold connections rotate-keys
"""),
    "rules check": _as_written("""
Examples:
  leasehold rules check gate.yaml
  LEASEHOLD_GATE_RULES=gate.yaml leasehold serve
"""),
    "explain": _as_written("""
Examples:
  leasehold explain 4c0e9f5a1b7d4a2e8f3b6c9d0e1f2a3b
  leasehold explain 4c0e9f5a1b7d4a2e8f3b6c9d0e1f2a3b --json
"""),
    "who-can": _as_written("""
Examples:
  leasehold who-can github/delete_branch
  leasehold who-can github/delete_branch on repo:web --json
"""),
    "what-can": _as_written("""
Examples:
  leasehold what-can triage
  leasehold what-can --user ana@example.com --json
"""),
    "replay": _as_written("""
Examples:
  leasehold replay --policies candidate.yaml
  leasehold replay --policies candidate.yaml --limit 50000 --json

In candidate.yaml, `document` names a file or is the Cedar text itself:
  policies:
    refunds: { side: agent, document: refunds.cedar }
    old-guards: null        # as if it were deleted

Exit codes: 0 nothing turns round, 1 error, 2 some decisions do.
"""),
    "policy test": _as_written("""
Examples:
  leasehold policy test refunds.yaml
  leasehold policy test tables/*.yaml --json

In refunds.yaml, `policies` are tried in place of those that live:
  policies:
    refunds: { side: agent, document: refunds.cedar }
  cases:
    - { name: small, expect: allow, agent: billing, tool: payments/refund,
        resource: "order:7", arguments: { amount: 49.99 } }
    - { name: large, expect: deny, reason: forbidden, agent: billing,
        tool: payments/refund, resource: "order:7", arguments: { amount: 50.01 } }

Exit codes: 0 all as expected, 1 error, 2 a case is not.
"""),
    "policy fmt": _as_written("""
Examples:
  leasehold policy fmt policies/*.cedar
  leasehold policy fmt --check policies/*.cedar

Exit codes: 0 laid out, 1 error, 2 a file would change (with --check).
"""),
    "serve": _as_written("""
Examples:
  leasehold serve
  LEASEHOLD_DATABASE_URL=postgresql+psycopg://... leasehold serve --port 9000
"""),
    "tools fetch": _as_written("""
Examples:
  leasehold tools fetch github --from https://mcp.example.com/github --bearer-file token
  leasehold tools fetch github --from answer.json
  leasehold tools fetch github --from http://127.0.0.1:9000/mcp --out github.tools.json

Exit codes: 0 as approved, 1 error, 2 something differs from what was approved.
"""),
    "tools diff": _as_written("""
Examples:
  leasehold tools diff github
  leasehold tools diff github --json

Exit codes: 0 as approved, 1 error, 2 something differs, 6 nobody saw what the server lists.
"""),
    "tools approve": _as_written("""
Examples:
  leasehold tools approve github --justification "read over, CHG-4711"
  leasehold tools approve github --tool create_issue --justification "new, harmless"
  leasehold tools approve github --digest sha256:6b1f... --justification "as in the diff"
  leasehold tools approve github --hcl --justification "read over" > github.pin.tf
"""),
    "tools import": _as_written("""
Examples:
  leasehold tools import github.tools.json --name github --url https://mcp.example.com/github > github.tf
"""),
    "credential aws": _as_written("""
Examples:
  leasehold credential aws --profile deploy
  LEASEHOLD_OIDC_TOKEN_FILE=/run/secrets/token leasehold credential aws --profile deploy --agent triage

In ~/.aws/config:
  [profile deploy]
  credential_process = leasehold credential aws --profile deploy
"""),
    "credential get": _as_written("""
Examples:
  leasehold credential get orders
  leasehold credential get orders --ttl 60 --token-file token.jwt
"""),
    "credential list": _as_written("""
Examples:
  leasehold credential list --state expiring
  leasehold credential list --agent triage --json
"""),
    "object get": _as_written("""
Examples:
  leasehold object get agents triage
  leasehold object get grants triage/github.read_file@repo:web --json
"""),
    "object list": _as_written("""
Examples:
  leasehold object list agents
  leasehold object list grants --agent triage --unmanaged --json
"""),
    "object put": _as_written("""
Examples:
  echo '{"agent": "triage", "scope": "issues"}' |
    leasehold object put grants triage/issues --file -
  leasehold object get agents triage --json > triage.json
  leasehold object put agents triage --file triage.json
"""),
    "object delete": _as_written("""
Examples:
  leasehold object delete grants triage/github.delete_branch@repo:web
"""),
    "bootstrap": _as_written("""
Examples:
  leasehold serve > bootstrap.token &
  leasehold bootstrap --file bootstrap.json --token-file bootstrap.token
"""),
    "revoke": _as_written("""
Examples:
  leasehold revoke agent:triage --reason "prompt injection, ticket 4711"
  leasehold revoke lease:8Zk3 --reason "leaked in a log"
"""),
    "token exchange": _as_written("""
Examples:
  export LEASEHOLD_TOKEN=$(leasehold token exchange --subject-token-file ci.jwt)
  leasehold token exchange --resource https://mcp.example.com/github --json
  leasehold token exchange --resource https://mcp.example.com/github \\
    --task ticket-4711 --task-deadline 2027-05-01T12:00:00Z
  leasehold token exchange --resource https://mcp.example.com/github \\
    --subject-token-file orchestrator.jwt --actor-token-file pod.jwt --scope mcp:tool:read_file:read
"""),
    "task end": _as_written("""
Examples:
  leasehold task end ticket-4711
  leasehold task end ticket-4711 --token-file token.jwt --json
"""),
    "token identity": _as_written("""
Examples:
  leasehold token identity | leasehold token exchange --subject-token-file -
  leasehold token identity --audience https://leasehold.example.com > job.jwt
"""),
    "token proof": _as_written("""
Examples:
  leasehold token exchange --resource https://mcp.example.com/github --dpop-key agent.pem > token.jwt
  leasehold token proof --dpop-key agent.pem --token-file token.jwt --url https://mcp.example.com/github
"""),
    "token introspect": _as_written("""
Examples:
  leasehold token introspect --token-file token.jwt
  pbpaste | leasehold token introspect --token-file - --json
"""),
    "token simulate": _as_written("""
Examples:
  leasehold token simulate --token-file ci.jwt
  pbpaste | leasehold token simulate --token-file - --json
"""),
    "token revoke": _as_written("""
Examples:
  leasehold token revoke --token-file token.jwt
"""),
}
