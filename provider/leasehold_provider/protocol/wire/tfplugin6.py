"""Field numbers and kinds of Terraform's plugin protocol 6.11, one line per message.

Generated once from the field numbers of `tfplugin6.proto` (hashicorp/terraform, docs/plugin-protocol, MPL-2.0);
numbers and names are the interface itself, nothing else of that file is here. Notation: `name:kind=number`, where kind
is s(tring), b(ytes), t(ruth), i(nteger) or a message; `*` repeated, `?` with presence, `%` a map (kind is its entry).
"""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "DynamicValue": "msgpack:b=1 json:b=2",
    "Diagnostic": "severity:i=1 summary:s=2 detail:s=3 attribute:AttributePath=4",
    "FunctionError": "text:s=1 function_argument:i?=2",
    "AttributePath": "steps:AttributePath.Step*=1",
    "AttributePath.Step": "attribute_name:s?=1 element_key_string:s?=2 element_key_int:i?=3",
    "StopProvider.Request": "",
    "StopProvider.Response": "Error:s=1",
    "RawState": "json:b=1 flatmap:RawState.FlatmapEntry%=2",
    "RawState.FlatmapEntry": "key:s=1 value:s=2",
    "ResourceIdentitySchema": "version:i=1 identity_attributes:ResourceIdentitySchema.IdentityAttribute*=2",
    "ResourceIdentitySchema.IdentityAttribute": (
        "name:s=1 type:b=2 required_for_import:t=3 optional_for_import:t=4 description:s=5"
    ),
    "ResourceIdentityData": "identity_data:DynamicValue=1",
    "ActionSchema": "schema:Schema=1",
    "Schema": "version:i=1 block:Schema.Block=2",
    "Schema.Block": (
        "version:i=1 attributes:Schema.Attribute*=2 block_types:Schema.NestedBlock*=3 description:s=4 "
        "description_kind:i=5 deprecated:t=6 deprecation_message:s=7 computed:t=8"
    ),
    "Schema.Attribute": (
        "name:s=1 type:b=2 nested_type:Schema.Object=10 description:s=3 required:t=4 optional:t=5 "
        "computed:t=6 sensitive:t=7 description_kind:i=8 deprecated:t=9 write_only:t=11 "
        "deprecation_message:s=12"
    ),
    "Schema.NestedBlock": "type_name:s=1 block:Schema.Block=2 nesting:i=3 min_items:i=4 max_items:i=5",
    "Schema.Object": "attributes:Schema.Attribute*=1 nesting:i=3 min_items:i=4 max_items:i=5",
    "Function": (
        "parameters:Function.Parameter*=1 variadic_parameter:Function.Parameter=2 return:Function.Return=3 "
        "summary:s=4 description:s=5 description_kind:i=6 deprecation_message:s=7"
    ),
    "Function.Parameter": (
        "name:s=1 type:b=2 allow_null_value:t=3 allow_unknown_values:t=4 description:s=5 description_kind:i=6"
    ),
    "Function.Return": "type:b=1",
    "ServerCapabilities": (
        "plan_destroy:t=1 get_provider_schema_optional:t=2 move_resource_state:t=3 generate_resource_config:t=4"
    ),
    "ClientCapabilities": (
        "deferral_allowed:t=1 write_only_attributes_allowed:t=2 store_planned_private:t=3 computed_blocks_allowed:t=4"
    ),
    "Deferred": "reason:i=1",
    "GetMetadata.Request": "",
    "GetMetadata.Response": (
        "server_capabilities:ServerCapabilities=1 diagnostics:Diagnostic*=2 "
        "data_sources:GetMetadata.DataSourceMetadata*=3 resources:GetMetadata.ResourceMetadata*=4 "
        "functions:GetMetadata.FunctionMetadata*=5 ephemeral_resources:GetMetadata.EphemeralMetadata*=6 "
        "list_resources:GetMetadata.ListResourceMetadata*=7 state_stores:GetMetadata.StateStoreMetadata*=8 "
        "actions:GetMetadata.ActionMetadata*=9"
    ),
    "GetMetadata.EphemeralMetadata": "type_name:s=1",
    "GetMetadata.FunctionMetadata": "name:s=1",
    "GetMetadata.DataSourceMetadata": "type_name:s=1",
    "GetMetadata.ResourceMetadata": "type_name:s=1",
    "GetMetadata.ListResourceMetadata": "type_name:s=1",
    "GetMetadata.StateStoreMetadata": "type_name:s=1",
    "GetMetadata.ActionMetadata": "type_name:s=1",
    "GetProviderSchema.Request": "",
    "GetProviderSchema.Response": (
        "provider:Schema=1 resource_schemas:GetProviderSchema.Response.ResourceSchemasEntry%=2 "
        "data_source_schemas:GetProviderSchema.Response.DataSourceSchemasEntry%=3 "
        "functions:GetProviderSchema.Response.FunctionsEntry%=7 "
        "ephemeral_resource_schemas:GetProviderSchema.Response.EphemeralResourceSchemasEntry%=8 "
        "list_resource_schemas:GetProviderSchema.Response.ListResourceSchemasEntry%=9 "
        "state_store_schemas:GetProviderSchema.Response.StateStoreSchemasEntry%=10 "
        "action_schemas:GetProviderSchema.Response.ActionSchemasEntry%=11 diagnostics:Diagnostic*=4 "
        "provider_meta:Schema=5 server_capabilities:ServerCapabilities=6"
    ),
    "GetProviderSchema.Response.ResourceSchemasEntry": "key:s=1 value:Schema=2",
    "GetProviderSchema.Response.DataSourceSchemasEntry": "key:s=1 value:Schema=2",
    "GetProviderSchema.Response.FunctionsEntry": "key:s=1 value:Function=2",
    "GetProviderSchema.Response.EphemeralResourceSchemasEntry": "key:s=1 value:Schema=2",
    "GetProviderSchema.Response.ListResourceSchemasEntry": "key:s=1 value:Schema=2",
    "GetProviderSchema.Response.StateStoreSchemasEntry": "key:s=1 value:Schema=2",
    "GetProviderSchema.Response.ActionSchemasEntry": "key:s=1 value:ActionSchema=2",
    "ValidateProviderConfig.Request": "config:DynamicValue=1",
    "ValidateProviderConfig.Response": "diagnostics:Diagnostic*=2",
    "UpgradeResourceState.Request": "type_name:s=1 version:i=2 raw_state:RawState=3",
    "UpgradeResourceState.Response": "upgraded_state:DynamicValue=1 diagnostics:Diagnostic*=2",
    "GetResourceIdentitySchemas.Request": "",
    "GetResourceIdentitySchemas.Response": (
        "identity_schemas:GetResourceIdentitySchemas.Response.IdentitySchemasEntry%=1 diagnostics:Diagnostic*=2"
    ),
    "GetResourceIdentitySchemas.Response.IdentitySchemasEntry": "key:s=1 value:ResourceIdentitySchema=2",
    "UpgradeResourceIdentity.Request": "type_name:s=1 version:i=2 raw_identity:RawState=3",
    "UpgradeResourceIdentity.Response": "upgraded_identity:ResourceIdentityData=1 diagnostics:Diagnostic*=2",
    "ValidateResourceConfig.Request": "type_name:s=1 config:DynamicValue=2 client_capabilities:ClientCapabilities=3",
    "ValidateResourceConfig.Response": "diagnostics:Diagnostic*=1",
    "ValidateDataResourceConfig.Request": "type_name:s=1 config:DynamicValue=2",
    "ValidateDataResourceConfig.Response": "diagnostics:Diagnostic*=1",
    "ValidateEphemeralResourceConfig.Request": "type_name:s=1 config:DynamicValue=2",
    "ValidateEphemeralResourceConfig.Response": "diagnostics:Diagnostic*=1",
    "ConfigureProvider.Request": "terraform_version:s=1 config:DynamicValue=2 client_capabilities:ClientCapabilities=3",
    "ConfigureProvider.Response": "diagnostics:Diagnostic*=1",
    "ReadResource.Request": (
        "type_name:s=1 current_state:DynamicValue=2 private:b=3 provider_meta:DynamicValue=4 "
        "client_capabilities:ClientCapabilities=5 current_identity:ResourceIdentityData=6"
    ),
    "ReadResource.Response": (
        "new_state:DynamicValue=1 diagnostics:Diagnostic*=2 private:b=3 deferred:Deferred=4 "
        "new_identity:ResourceIdentityData=5"
    ),
    "PlanResourceChange.Request": (
        "type_name:s=1 prior_state:DynamicValue=2 proposed_new_state:DynamicValue=3 config:DynamicValue=4 "
        "prior_private:b=5 provider_meta:DynamicValue=6 client_capabilities:ClientCapabilities=7 "
        "prior_identity:ResourceIdentityData=8 planned_private:b=9"
    ),
    "PlanResourceChange.Response": (
        "planned_state:DynamicValue=1 requires_replace:AttributePath*=2 planned_private:b=3 "
        "diagnostics:Diagnostic*=4 legacy_type_system:t=5 deferred:Deferred=6 "
        "planned_identity:ResourceIdentityData=7"
    ),
    "ApplyResourceChange.Request": (
        "type_name:s=1 prior_state:DynamicValue=2 planned_state:DynamicValue=3 config:DynamicValue=4 "
        "planned_private:b=5 provider_meta:DynamicValue=6 planned_identity:ResourceIdentityData=7"
    ),
    "ApplyResourceChange.Response": (
        "new_state:DynamicValue=1 private:b=2 diagnostics:Diagnostic*=3 legacy_type_system:t=4 "
        "new_identity:ResourceIdentityData=5"
    ),
    "ImportResourceState.Request": (
        "type_name:s=1 id:s=2 client_capabilities:ClientCapabilities=3 identity:ResourceIdentityData=4"
    ),
    "ImportResourceState.ImportedResource": (
        "type_name:s=1 state:DynamicValue=2 private:b=3 identity:ResourceIdentityData=4"
    ),
    "ImportResourceState.Response": (
        "imported_resources:ImportResourceState.ImportedResource*=1 diagnostics:Diagnostic*=2 deferred:Deferred=3"
    ),
    "GenerateResourceConfig.Request": "type_name:s=1 state:DynamicValue=2",
    "GenerateResourceConfig.Response": "config:DynamicValue=1 diagnostics:Diagnostic*=2",
    "MoveResourceState.Request": (
        "source_provider_address:s=1 source_type_name:s=2 source_schema_version:i=3 source_state:RawState=4 "
        "target_type_name:s=5 source_private:b=6 source_identity:RawState=7 "
        "source_identity_schema_version:i=8"
    ),
    "MoveResourceState.Response": (
        "target_state:DynamicValue=1 diagnostics:Diagnostic*=2 target_private:b=3 "
        "target_identity:ResourceIdentityData=4"
    ),
    "ReadDataSource.Request": (
        "type_name:s=1 config:DynamicValue=2 provider_meta:DynamicValue=3 client_capabilities:ClientCapabilities=4"
    ),
    "ReadDataSource.Response": "state:DynamicValue=1 diagnostics:Diagnostic*=2 deferred:Deferred=3",
    "OpenEphemeralResource.Request": "type_name:s=1 config:DynamicValue=2 client_capabilities:ClientCapabilities=3",
    "OpenEphemeralResource.Response": (
        "diagnostics:Diagnostic*=1 renew_at:google.protobuf.Timestamp?=2 result:DynamicValue=3 private:b?=4 "
        "deferred:Deferred=5"
    ),
    "RenewEphemeralResource.Request": "type_name:s=1 private:b?=2",
    "RenewEphemeralResource.Response": "diagnostics:Diagnostic*=1 renew_at:google.protobuf.Timestamp?=2 private:b?=3",
    "CloseEphemeralResource.Request": "type_name:s=1 private:b?=2",
    "CloseEphemeralResource.Response": "diagnostics:Diagnostic*=1",
    "GetFunctions.Request": "",
    "GetFunctions.Response": "functions:GetFunctions.Response.FunctionsEntry%=1 diagnostics:Diagnostic*=2",
    "GetFunctions.Response.FunctionsEntry": "key:s=1 value:Function=2",
    "CallFunction.Request": "name:s=1 arguments:DynamicValue*=2",
    "CallFunction.Response": "result:DynamicValue=1 error:FunctionError=2",
    "ListResource.Request": "type_name:s=1 config:DynamicValue=2 include_resource_object:t=3 limit:i=4",
    "ListResource.Event": (
        "identity:ResourceIdentityData=1 display_name:s=2 resource_object:DynamicValue?=3 diagnostic:Diagnostic*=4"
    ),
    "ValidateListResourceConfig.Request": (
        "type_name:s=1 config:DynamicValue=2 include_resource_object:DynamicValue=3 limit:DynamicValue=4"
    ),
    "ValidateListResourceConfig.Response": "diagnostics:Diagnostic*=1",
    "UnlockState.Request": "type_name:s=1 state_id:s=2 lock_id:s=3",
    "UnlockState.Response": "diagnostics:Diagnostic*=1",
    "GetStates.Request": "type_name:s=1",
    "GetStates.Response": "state_id:s*=1 diagnostics:Diagnostic*=2",
    "google.protobuf.Timestamp": "seconds:i=1 nanos:i=2",
}
