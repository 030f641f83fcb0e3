"""Protocol buffers: the wire format and the table of Terraform's messages."""
