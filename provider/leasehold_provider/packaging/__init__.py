"""The provider as one reproducible file, and where `terraform init` finds it. No part of that file itself."""
