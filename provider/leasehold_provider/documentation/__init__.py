"""The provider described from its own schemas: Markdown and Terraform's schema JSON. No part of the executable."""
